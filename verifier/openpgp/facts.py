r"""Key facts: a certificate in one line of text, for the table that is shipped.

A line is groups of nine columns parted by tabs, the first for the primary key, one more for each
subkey that it bound for signing: fingerprint, version, creation, algorithm, parameters (base64url
parted by dots), expiry, date of the newest self-signature, revocation (`hard:SECONDS:REASON` or
`soft:…`), standing (`bare`, `signs` or `other`).  Times are seconds since 1970, `-` is none.  An
alias line, `SUBKEY\tPRIMARY`, leads from a subkey to the line of its primary.  There is no
signature in a line: it says what whoever wrote the table found, and its fingerprint recomputes.
"""

import base64
import binascii
from datetime import UTC, datetime

from verifier.errors import ConfigError
from verifier.openpgp.certificate import Certificate, Revocation, Subkey
from verifier.openpgp.key import PublicKey, make_key
from verifier.openpgp.packet import Malformed

MAX_LINE_CHARACTERS = 64 * 1024

_COLUMNS = 9
_NONE = "-"
_HARD, _SOFT = "hard", "soft"
_BARE, _SIGNS, _OTHER = "bare", "signs", "other"


def write_facts(certificate: Certificate) -> str:
    """Write a certificate as one line, without its line end; subkeys that do not sign are left out."""
    standing = _BARE if certificate.bare else _SIGNS if certificate.signs else _OTHER
    columns = _write(certificate.primary, certificate.expires, certificate.as_of, certificate.revocation, standing)
    for subkey in certificate.subkeys:
        if subkey.signs:
            columns += _write(subkey.key, subkey.expires, subkey.as_of, subkey.revocation, _SIGNS)
    return "\t".join(columns)


def write_alias(subkey: PublicKey, primary: PublicKey) -> str:
    """Write the line that leads from a subkey to its primary's line, without its line end."""
    return f"{subkey.fingerprint}\t{primary.fingerprint}"


def parse_facts(line: str, *, origin: str = "key facts") -> Certificate:
    """Read a line that `write_facts` wrote.

    Raises: `ConfigError` naming `origin` when it is not one, or a fingerprint is not that of its
    parameters.
    """
    try:
        return _parse(line.rstrip("\r\n"))
    except (Malformed, ValueError, OverflowError, binascii.Error) as error:
        raise ConfigError(origin, f"not a line of key facts: {error}") from error


def _parse(line: str) -> Certificate:
    columns = line.split("\t")
    if len(line) > MAX_LINE_CHARACTERS or len(columns) % _COLUMNS:
        raise Malformed(f"{len(columns)} columns, and a key has {_COLUMNS}")
    primary, *rest = (columns[start : start + _COLUMNS] for start in range(0, len(columns), _COLUMNS))
    standing = primary[8]
    if standing not in {_BARE, _SIGNS, _OTHER} or any(columns[8] != _SIGNS for columns in rest):
        raise Malformed("a standing that no key has")
    return Certificate(
        primary=_read_key(primary),
        expires=_read_time(primary[5]),
        revocation=_read_revocation(primary[7]),
        subkeys=tuple(
            Subkey(_read_key(each), True, _read_time(each[5]), _read_revocation(each[7]), _read_time(each[6]))  # noqa: FBT003 - standing is `signs`
            for each in rest
        ),
        bare=standing == _BARE,
        as_of=_read_time(primary[6]),
        signs=standing != _OTHER,
    )


def _write(
    key: PublicKey, expires: datetime | None, as_of: datetime | None, revocation: Revocation | None, standing: str
) -> list[str]:
    withdrawn = _NONE
    if revocation is not None:
        withdrawn = f"{_HARD if revocation.hard else _SOFT}:{_write_time(revocation.made)}:{revocation.reason}"
    parameters = ".".join(base64.urlsafe_b64encode(part).decode("ascii").rstrip("=") for part in key.parameters)
    return [
        key.fingerprint,
        str(key.version),
        _write_time(key.created),
        str(key.algorithm),
        parameters,
        _write_time(expires),
        _write_time(as_of),
        withdrawn,
        standing,
    ]


def _write_time(moment: datetime | None) -> str:
    return _NONE if moment is None else str(int(moment.timestamp()))


def _read_key(columns: list[str]) -> PublicKey:
    fingerprint, version, created, algorithm, parameters = columns[:5]
    parts = tuple(_decode(part) for part in parameters.split("."))
    moment = datetime.fromtimestamp(_count(created), UTC)
    key = make_key(_count(version), moment, _count(algorithm), parts)
    if key.fingerprint != fingerprint:
        raise Malformed(f"the parameters are those of key {key.fingerprint}, and the line says {fingerprint[:64]}")
    return key


def _decode(part: str) -> bytes:
    return base64.b64decode(part.translate(_URL_SAFE) + "=" * (-len(part) % 4), validate=True)


_URL_SAFE = str.maketrans("-_", "+/")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):  # noqa: PLR2004 - digits of 32 bits
        raise Malformed("a number that is none")
    return int(text)


def _read_time(text: str) -> datetime | None:
    return None if text == _NONE else datetime.fromtimestamp(_count(text), UTC)


def _read_revocation(text: str) -> Revocation | None:
    if text == _NONE:
        return None
    kind, made, reason = text.split(":", 2)
    moment = _read_time(made)
    if kind not in {_HARD, _SOFT} or moment is None:
        raise Malformed("a revocation that is neither hard nor soft, or has no date")
    return Revocation(moment, kind == _HARD, reason)
