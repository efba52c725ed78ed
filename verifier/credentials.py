"""Find the credentials that a policy names, without writing them anywhere.

A policy never holds a secret: it says where one is.  Which host may see it is the upstream's
business.
"""

import netrc
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from verifier.errors import ConfigError

MAX_SETTINGS_BYTES = 1024 * 1024
MAX_SECRET_CHARACTERS = 8 * 1024

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
# Maven takes any unescaped {…} inside a password for an encrypted one, comments around it included.
_ENCRYPTED = re.compile(r"(?<![\\$])\{[^{}]*\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and a password; neither shows in `repr`."""

    username: str = field(repr=False)
    password: str = field(repr=False)


def resolve(spec: str, host: str, environment: Mapping[str, str], home: Path) -> Credentials | None:
    """Look up what a policy's `credentials` names; None where the place holds nothing for it.

    Shape: `netrc`, `env:PREFIX` (PREFIX_USERNAME and PREFIX_PASSWORD) or `settings:SERVER-ID` (of
    `.m2/settings.xml` under `home`).

    Raises: `ConfigError` when the specification or the file cannot be read, when only half of a
    pair is there, and for a password that Maven has encrypted.
    """
    kind, _, name = spec.partition(":")
    if spec == "netrc":
        found = _from_netrc(host, home / ".netrc")
    elif kind == "env" and _PREFIX.fullmatch(name):
        found = _from_environment(name, environment)
    elif kind == "settings" and name:
        found = _from_settings(name, environment, home / ".m2" / "settings.xml")
    else:
        raise ConfigError(f"credentials = {spec!r}", 'expected "netrc", "env:PREFIX" or "settings:SERVER-ID"')
    return None if found is None else _checked(found, spec)


def _checked(credentials: Credentials, spec: str) -> Credentials:
    for value in (credentials.username, credentials.password):
        if _CONTROL.search(value) or len(value) > MAX_SECRET_CHARACTERS:
            raise ConfigError(f"credentials = {spec!r}", "the value found there has control characters or is too long")
    if ":" in credentials.username:
        # RFC 7617 section 2: the first colon ends the user name.
        raise ConfigError(f"credentials = {spec!r}", "the user name found there contains a colon")
    return credentials


def _from_environment(prefix: str, environment: Mapping[str, str]) -> Credentials | None:
    names = (f"{prefix}_USERNAME", f"{prefix}_PASSWORD")
    username, password = (environment.get(name) for name in names)
    if username is None and password is None:
        return None
    if not username or password is None:
        raise ConfigError(f"credentials = 'env:{prefix}'", f"set both {names[0]} and {names[1]}, or neither")
    return Credentials(username, password)


def _from_netrc(host: str, path: Path) -> Credentials | None:
    if _read(path) is None:
        return None
    try:
        entry = netrc.netrc(str(path)).authenticators(host)
    except (netrc.NetrcParseError, OSError, ValueError):
        # The parser's own message quotes tokens, and a token may be a password.
        raise ConfigError(str(path), "cannot be read as a netrc file") from None
    if entry is None:
        return None
    username, _, password = entry
    if not username or password is None:
        raise ConfigError(str(path), f"the entry for {host} needs a login and a password")
    return Credentials(username, password)


def _from_settings(server: str, environment: Mapping[str, str], path: Path) -> Credentials | None:
    data = _read(path)
    if data is None:
        return None
    for fields in _servers(data, path):
        if fields.get("id") == server:
            return _credentials_of(server, fields, environment, path)
    return None


def _credentials_of(server: str, fields: Mapping[str, str], environment: Mapping[str, str], path: Path) -> Credentials:
    def expand(match: re.Match[str]) -> str:
        kind, _, name = match[1].partition(".")
        if kind != "env" or name not in environment:
            raise ConfigError(str(path), f"server {server}: only ${{env.NAME}} of a variable that is set is understood")
        return environment[name]

    username, password = fields.get("username", ""), fields.get("password", "")
    if not username or "password" not in fields:
        raise ConfigError(str(path), f"server {server} needs a username and a password")
    if _ENCRYPTED.search(password):
        raise ConfigError(
            str(path),
            f"the password of server {server} is encrypted by Maven, and only Maven can read it",
            hint='use "netrc" or "env:PREFIX", or ${env.NAME} in the file',
        )
    return Credentials(_VARIABLE.sub(expand, username), _VARIABLE.sub(expand, password))


def _servers(data: bytes, path: Path) -> list[dict[str, str]]:
    """Read every `settings/servers/server`, its plain child elements by name."""
    servers: list[dict[str, str]] = []
    names: list[str] = []
    inside = ["settings", "servers", "server"]

    def start(name: str, _: dict[str, str]) -> None:
        names.append(name.rpartition(" ")[2])  # the namespace, where there is one, comes first
        if names == inside:
            servers.append({})
        elif names[:-1] == inside:
            servers[-1][names[-1]] = ""

    def end(_: str) -> None:
        if names[:-1] == inside:
            servers[-1][names[-1]] = servers[-1][names[-1]].strip()
        names.pop()

    def text(data: str) -> None:
        if names[:-1] == inside:
            servers[-1][names[-1]] += data

    def doctype(*_: object) -> None:
        # Entities are how a small XML file becomes a huge one; Maven's settings need none.
        raise ConfigError(str(path), "a DOCTYPE has no place in settings.xml")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(data, True)  # noqa: FBT003  expat takes it by position alone
    except (expat.ExpatError, ValueError, LookupError) as error:
        line = error.lineno if isinstance(error, expat.ExpatError) else 1
        raise ConfigError(f"{path}:{line}", "is not well-formed XML") from error
    return servers


def _read(path: Path) -> bytes | None:
    """Read a file of the user's own; None where there is none."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            data = file.read(MAX_SETTINGS_BYTES + 1)
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_SETTINGS_BYTES:
        raise ConfigError(str(path), f"is larger than {MAX_SETTINGS_BYTES} bytes")
    return data
