"""The short texts of a policy: addresses, names, fingerprints, pins, durations and sizes.

Each `parse_…` takes what was written and gives the one form that the rest of the package uses;
which key they stand under is `policy_file`'s business.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from verifier.toml_table import shown

MAX_REPOSITORY_ID_CHARACTERS = 255
MAX_URL_CHARACTERS = 2048
MAX_DURATION_SECONDS = 366 * 24 * 3600
MAX_SIZE_BYTES = 1024**4

VKS_PREFIX = "vks+"

_RESERVED_IDS = {".", "..", "-", "all"}
_ID = re.compile(r"[A-Za-z0-9._-]+")
_URL_CHARACTERS = re.compile(r"[!-~]+")
_HOST = re.compile(r"(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]+)?")
_HEX = re.compile(r"[0-9A-Fa-f]*")
_FINGERPRINT_DIGITS = (40, 64)
_KEY_ID_DIGITS = (8, 16)
_SHA256_BYTES = 32
_CREDENTIALS = re.compile(r"netrc|env:[A-Za-z_][A-Za-z0-9_]*|settings:[^\x00-\x20\x7f]+")
_QUANTITY = re.compile(r"(?P<number>[0-9]{1,15}(?:\.[0-9]{1,9})?) ?(?P<unit>[A-Za-z]+)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "day": 24 * 3600, "days": 24 * 3600}
_BYTES = {"B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3}
_BYTES |= {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_OPERATING_SYSTEM = re.compile(
    r"(?P<name>[\w .-]{1,64})/(?P<arch>[\w.-]{1,64})(?:/(?P<version>[\w.-]{1,64}))?", re.ASCII
)
JAVA_NAMES = {"linux": "Linux", "windows": "Windows 11", "macos": "Mac OS X"}
"""What Java calls the operating systems that have a short name here."""

_JAVA_VERSION = re.compile(r"[0-9][0-9A-Za-z._+-]{0,63}")
_PROPERTY_NAME = re.compile(r"[^\s={}]{1,200}")


class WordInvalid(ValueError):
    """A text does not mean what its place asks for; `problem` says why, `hint` what to write."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


def refuse_plain_http(text: str) -> None:
    """Refuse a text with an address in it that is not protected by TLS.

    Raises: `WordInvalid`.
    """
    if "http://" in text.lower():
        # What stands before an '@' may be a password.
        address = "an address" if "@" in text else shown(text)
        raise WordInvalid(f"{address} is not https (insecure-transport)", "use the https address")


def parse_repository_id(text: str) -> str:
    """Read the name of a repository, which is also a directory of the cache and a path of the proxy.

    Raises: `WordInvalid`.
    """
    if not _ID.fullmatch(text) or len(text) > MAX_REPOSITORY_ID_CHARACTERS or text.lower() in _RESERVED_IDS:
        hint = f"use letters, digits, '.', '_' and '-', and none of {', '.join(sorted(_RESERVED_IDS))}"
        raise WordInvalid(f"{shown(text)} cannot name a repository", hint)
    return text


def parse_repository_url(text: str) -> str:
    """Read the address of a repository.

    Shape: `https://host[:port][/path]` without an '@'; given back without the slash at its end.

    Raises: `WordInvalid`.

    Source: RFC 3986.
    """
    refuse_plain_http(text)
    if "@" in text:
        # What stands before it may be a password, so the text is not shown.
        raise WordInvalid("the URL holds a user name or password", "name where they are kept with 'credentials'")
    if len(text) > MAX_URL_CHARACTERS or not _URL_CHARACTERS.fullmatch(text):
        raise WordInvalid(f"{shown(text)} is no URL", "percent-encode it; a host in other letters is written xn--…")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        raise WordInvalid(f"{shown(text)} is no URL: {error}") from error
    _check_url(text, url)
    if port == 0:
        raise WordInvalid(f"{shown(text)} names port 0")
    return text.rstrip("/")


def _check_url(text: str, url: SplitResult) -> None:
    if url.scheme != "https":
        raise WordInvalid(f"{shown(text)} is not https (insecure-transport)", "write https://host/path")
    if "?" in text or "#" in text:
        raise WordInvalid(f"{shown(text)} has a query or a fragment", "a repository is a plain https://host/path")
    if not _HOST.fullmatch(url.netloc):
        raise WordInvalid(f"{shown(text)} names no host", "write https://host/path")
    if "\\" in text or {".", ".."} & set(url.path.split("/")):
        raise WordInvalid(f"the path of {shown(text)} is not plain", "write it without '.', '..' and backslashes")


def parse_key_server(text: str) -> str:
    """Read the address of a key server.

    Shape: `https://host[:port][/path]` for HKP, `vks+https://…` for VKS; given back without the slash
    at its end.

    Raises: `WordInvalid`.
    """
    address = text.removeprefix(VKS_PREFIX)
    if "://" in address and not address.lower().startswith(("https://", "http://")):
        hint = "write https://host for a server that speaks HKP, vks+https://host for one that speaks VKS"
        raise WordInvalid(f"{shown(text)} is no key server that can be asked over TLS", hint)
    return text[: len(text) - len(address)] + parse_repository_url(address)


def parse_pin(text: str) -> str:
    """Read a pin of a server's public key.

    Shape: `sha256/` and the base64 of 32 bytes.

    Raises: `WordInvalid`.
    """
    try:
        value = base64.b64decode(text.removeprefix("sha256/"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _no_pin(text) from error
    # A second spelling of the same bytes would never compare equal.
    if len(value) != _SHA256_BYTES or text != f"sha256/{base64.b64encode(value).decode()}":
        raise _no_pin(text)
    return text


def _no_pin(text: str) -> WordInvalid:
    return WordInvalid(
        f"{shown(text)} is no pin",
        "write sha256/ and the base64 of the SHA-256 of the server's SubjectPublicKeyInfo",
    )


def parse_credentials(text: str) -> str:
    """Read where a repository's user name and password are kept.

    Raises: `WordInvalid`.
    """
    if not _CREDENTIALS.fullmatch(text):
        # The text may be a password put in the wrong place, so it is not shown.
        raise WordInvalid("'credentials' names no place", "write netrc, env:PREFIX or settings:SERVER-ID")
    return text


def parse_fingerprint(text: str) -> str:
    """Read a full fingerprint.

    Shape: 40 or 64 hex digits in either case, in groups with spaces as gpg prints them; given back
    in upper case without spaces.

    Raises: `WordInvalid`.
    """
    digits = text.replace(" ", "")
    if not _HEX.fullmatch(digits) or len(digits) not in _FINGERPRINT_DIGITS:
        hint = "write the full fingerprint, 40 or 64 hex digits, as gpg --fingerprint prints it"
        if _HEX.fullmatch(digits) and len(digits) in _KEY_ID_DIGITS:
            raise WordInvalid(f"{shown(text)} is a key id: anyone can make another key with the same one", hint)
        raise WordInvalid(f"{shown(text)} is no fingerprint", hint)
    return digits.upper()


def parse_sha256(text: str) -> str:
    """Read a SHA-256: 64 hex digits, given back in lower case.

    Raises: `WordInvalid`.
    """
    if not _HEX.fullmatch(text) or len(text) != _SHA256_BYTES * 2:
        raise WordInvalid(f"{shown(text)} is no SHA-256", "write its 64 hex digits")
    return text.lower()


def parse_duration(text: str) -> float:
    """Read a time span such as `10 s`, `15 min`, `2 h` or `7 days`, in seconds.

    Raises: `WordInvalid`; also for none at all, and for more than a year.
    """
    return _quantity(text, _SECONDS, MAX_DURATION_SECONDS, "a duration", '"10 s", "15 min", "2 h" or "7 days"')


def parse_size(text: str) -> int:
    """Read a number of bytes such as `2 GiB` or `500 MB`.

    Raises: `WordInvalid`; also for none at all, and for more than a TiB.
    """
    return int(_quantity(text, _BYTES, MAX_SIZE_BYTES, "a size", '"2 GiB", "500 MB" or a plain number of bytes'))


def _quantity(text: str, units: dict[str, int], most: int, name: str, examples: str) -> float:
    match = _QUANTITY.fullmatch(text)
    if not match or match["unit"] not in units:
        raise WordInvalid(f"{shown(text)} is no {name.removeprefix('a ')}", f"write {examples}")
    value = float(match["number"]) * units[match["unit"]]
    if not 0 < value <= most:
        raise WordInvalid(f"{shown(text)} is {name} out of bounds", f"more than nothing, at most {most}")
    return value


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """An operating system as Java names it."""

    name: str
    arch: str
    version: str


def parse_operating_system(text: str) -> OperatingSystem:
    """Read `name/arch` or `name/arch/version`.

    Shape: `linux`, `windows` and `macos` stand for what Java calls them; any other name is taken as it is.

    Raises: `WordInvalid`.

    >>> parse_operating_system("linux/amd64").name
    'Linux'
    """
    match = _OPERATING_SYSTEM.fullmatch(text)
    if match is None:
        raise WordInvalid(f"{shown(text)} is no operating system", "write name/arch, such as linux/amd64")
    name = match["name"]
    return OperatingSystem(JAVA_NAMES.get(name.lower(), name), match["arch"], match["version"] or "")


def parse_java_version(text: str) -> str:
    """Read the version of a JDK as the property `java.version` gives it.

    Raises: `WordInvalid`.
    """
    if not _JAVA_VERSION.fullmatch(text):
        raise WordInvalid(f"{shown(text)} is no version of a JDK", "write it in full, such as 17.0.15 or 1.8.0_442")
    return text


def parse_property_name(text: str) -> str:
    """Read the name of a property that a POM may ask for.

    Raises: `WordInvalid`.
    """
    if not _PROPERTY_NAME.fullmatch(text):
        raise WordInvalid(f"{shown(text)} is no name of a property", "write name=value without blanks in the name")
    return text
