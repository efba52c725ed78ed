"""The starter map and its signers' key facts, read from the package's own data.

Reads text and finds lines in it; what a line says is for `trust` and for `openpgp.facts`.  Nothing
is parsed before it is asked for: the table of keys is searched as bytes.
"""

from collections.abc import Iterator
from importlib.resources import files
from typing import Self

from verifier.errors import ConfigError
from verifier.openpgp.certificate import Certificate
from verifier.openpgp.facts import parse_facts
from verifier.statements import Statements
from verifier.trust import StarterMap, parse_starter

_PACKAGE = "verifier"
_ORIGIN = "starter map"
_FINGERPRINT_DIGITS, _KEY_ID_DIGITS = frozenset({40, 64}), 16


def load_starter() -> StarterMap:
    """Read the starter map that came with the package.

    Raises: `ConfigError` where the installation lacks it.
    """
    return parse_starter(*(_text(_data(name)) for name in ("trust.tsv", "witnessed.tsv")))


def load_statements() -> Statements:
    """Read who states which signer, as it came with the package.

    Raises: `ConfigError` where the installation lacks it.
    """
    return Statements(_text(_data("statements.tsv")))


class KeyFacts:
    """The table of the signers' keys: a line a certificate, in the form of `openpgp.facts`."""

    def __init__(self, table: bytes) -> None:
        self._table = table

    @classmethod
    def load(cls) -> Self:
        """Read the table that came with the package.

        Raises: `ConfigError` where the installation lacks it.
        """
        return cls(_data("keys.tsv"))

    def find(self, identity: str) -> tuple[Certificate, ...]:
        """Give the certificates that have this key, as primary or as subkey.

        Shape: `identity` is a full fingerprint or a 64-bit key id, upper-case hex; anything else
        finds nothing.

        Raises: `ConfigError` where a line that holds it is not one of key facts.
        """
        if len(identity) not in _FINGERPRINT_DIGITS | {_KEY_ID_DIGITS} or not identity.isascii():
            return ()
        found = (parse_facts(line, origin=_ORIGIN) for line in self._lines_with(identity.encode("ascii")))
        return tuple(certificate for certificate in found if _has(certificate, identity))

    def _lines_with(self, needle: bytes) -> Iterator[str]:
        """Give each line with these bytes: in a fingerprint, or by chance in a parameter."""
        start = self._table.find(needle)
        while start >= 0:
            begin = self._table.rfind(b"\n", 0, start) + 1
            end = self._table.find(b"\n", start)
            end = len(self._table) if end < 0 else end
            if not self._table.startswith(b"#", begin):
                yield _text(self._table[begin:end])
            start = self._table.find(needle, end)


def _has(certificate: Certificate, identity: str) -> bool:
    keys = (certificate.primary, *(subkey.key for subkey in certificate.subkeys))
    return any(identity in {key.fingerprint, key.key_id} for key in keys)


def _data(name: str) -> bytes:
    try:
        return files(_PACKAGE).joinpath("data", name).read_bytes()
    except OSError as error:
        raise ConfigError(_ORIGIN, f"the package's own file data/{name} cannot be read", hint=_HINT) from error


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(_ORIGIN, f"the package's own data is not UTF-8: {error}", hint=_HINT) from error


_HINT = "install the package anew"
