"""Which format a file has, by its content and never by its name."""

from enum import Enum

from verifier.errors import ConfigError
from verifier.formats import cyclonedx, gradle_lock, lines, maven_install, verification_metadata
from verifier.formats.entry import Entry, parse_json
from verifier.formats.tags import root_name
from verifier.lockfile import is_lock, parse_lock


class Format(Enum):
    """The formats that are read; each is called by the name of its file."""

    POM = "pom.xml"
    LINES = "plain lines"
    GRADLE_LOCK = "gradle.lockfile"
    MAVEN_INSTALL = "maven_install.json"
    VERIFICATION_METADATA = "verification-metadata.xml"
    CYCLONEDX_JSON = "CycloneDX JSON"
    CYCLONEDX_XML = "CycloneDX XML"
    LOCK = "verifier.lock"


def _locked_files(text: str, file: str) -> tuple[Entry, ...]:
    return parse_lock(text, file).coordinates


_ROOTS = {
    "project": Format.POM,
    verification_metadata.ROOT: Format.VERIFICATION_METADATA,
    cyclonedx.ROOT: Format.CYCLONEDX_XML,
}
_READERS = {
    Format.LINES: lines.parse_lines,
    Format.GRADLE_LOCK: gradle_lock.parse_gradle_lock,
    Format.MAVEN_INSTALL: maven_install.parse_maven_install,
    Format.VERIFICATION_METADATA: verification_metadata.parse_verification_metadata,
    Format.CYCLONEDX_JSON: cyclonedx.parse_cyclonedx_json,
    Format.CYCLONEDX_XML: cyclonedx.parse_cyclonedx_xml,
    Format.LOCK: _locked_files,
}
_HINT = "known are: " + ", ".join(each.value for each in Format)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def recognise(document: bytes, file: str) -> Format:
    """Say which format a document has.

    Raises: `ConfigError` for XML and JSON of another kind, and for what is no text.
    """
    if document.startswith(_UTF16) or document.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"<"):
        found = _ROOTS.get(root_name(document))
        if found is None:
            raise ConfigError(file, "is XML of an unknown kind", hint=_HINT)
        return found
    text = decode(document, file)
    if text.lstrip().startswith(("{", "[")):
        return _recognise_json(text, file)
    if is_lock(text):
        return Format.LOCK
    return Format.GRADLE_LOCK if gradle_lock.is_gradle_lock(text) else Format.LINES


def read_list(document: bytes, form: Format, file: str) -> tuple[Entry, ...]:
    """Read a list of artifacts in one of the formats, a POM excepted.

    Raises: `ConfigError` for what is wrong in it.
    """
    return _READERS[form](decode(document, file), file)


def decode(document: bytes, file: str) -> str:
    """Decode text.

    Raises: `ConfigError` for what is no UTF-8.
    """
    try:
        return document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(file, f"is not UTF-8 text: byte {error.start} cannot be read") from error


def _recognise_json(text: str, file: str) -> Format:
    document = parse_json(text, file)
    if cyclonedx.is_cyclonedx(document):
        return Format.CYCLONEDX_JSON
    if maven_install.is_maven_install(document):
        return Format.MAVEN_INSTALL
    raise ConfigError(file, "is JSON of an unknown kind", hint=_HINT)
