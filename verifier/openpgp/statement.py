"""One signature packet of any type: what it states, and whether a key made it.

A signature over a file and a key's signatures over itself are the same packet.  What a statement
is worth is weighed by `signature` for files and by `certificate` for keys; subpackets that
neither asks for are read over.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from verifier.digest import Hash
from verifier.errors import SignatureBad, SignatureMalformed
from verifier.openpgp.key import ED448, ED25519, RSA, RSA_SIGN, PublicKey, key_id
from verifier.openpgp.packet import Malformed, number, read_integers, read_length, take

ContentHash = Callable[[str, bytes], Hash]
"""`content(name, prefix)`: a hash of hashlib's `name` that took `prefix`, then the whole content."""

DIGEST_NAMES = {
    1: "md5",
    2: "sha1",
    3: "ripemd160",
    8: "sha256",
    9: "sha384",
    10: "sha512",
    11: "sha224",
    12: "sha3_256",
    14: "sha3_512",
}
"""OpenPGP's digest algorithms by id, as hashlib calls them."""

STRONG_DIGESTS = frozenset({8, 9, 10, 11, 12, 14})
SHA1 = 2

_SALT_BYTES = {8: 16, 9: 24, 10: 32, 11: 16, 12: 16, 14: 32}

_CREATED, _EXPIRES, _KEY_EXPIRES, _ISSUER, _NOTATION = 2, 3, 9, 16, 20
_KEY_FLAGS, _REVOCATION_REASON, _EMBEDDED, _ISSUER_FINGERPRINT = 27, 29, 32, 33
_SINGLE = {_CREATED: 4, _EXPIRES: 4, _KEY_EXPIRES: 4, _KEY_FLAGS: 0, _REVOCATION_REASON: 1}
"""Subpackets that state one thing, with their least length."""
_KNOWN = frozenset({2, 3, 4, 5, 6, 7, 9, 11, 12, 16, *range(21, 36), 39})
"""What a critical subpacket may be: not a notation, since we know no notation's meaning."""
_LIMITING = frozenset({28, 31, 34, 35, 39})
"""Of those, what a critical one may limit a signature over a file with, and we do not evaluate."""
_LENGTHS = {4: {1}, 5: {2}, 7: {1}, 10: {0}, 12: {22}, 16: {8}, 25: {1}, 33: {21, 33}}
"""The lengths that subpackets of a signature over a file can have, where they have one."""
_FINGERPRINT_BYTES = {4: 20, 6: 32}
_SIGNATURE_BYTES = {ED25519: 64, ED448: 114}
_BINARY = 0x00


@dataclass(frozen=True, slots=True)
class Statement:
    """What one signature packet says; only what its digest covers, except for the issuer's name.

    `trailer` is hashed after the content; `salt` before it; `material` holds the signature's
    numbers, `left` how its digest is said to begin.  `key_lifetime` is in seconds from the key's
    creation, None and 0 for ever.
    """

    version: int
    type: int
    key_algorithm: int
    digest_algorithm: int
    created: datetime | None
    expires: datetime | None
    issuer_fingerprint: str | None
    issuer_key_id: str | None
    salt: bytes
    trailer: bytes
    left: bytes
    material: bytes
    key_lifetime: int | None = None
    key_flags: int | None = None
    revocation_reason: int | None = None
    embedded: tuple[bytes, ...] = ()


def parse_statement(body: bytes) -> Statement:
    """Read the body of a signature packet.

    Raises: `Malformed` for a version other than 3, 4 and 6; for lengths that do not fit; for a
    critical subpacket that we do not know, or a critical notation; and for a subpacket stated
    twice where one counts.  Over a file, also for a critical subpacket that we do not evaluate,
    and for one of a length that it cannot have; a key's statements are read for all they say,
    since leaving one out may leave out a revocation.

    Source: RFC 9580, 5.2.2, 5.2.3 and 5.2.3.7.
    """
    match number(body, 0, 1):
        case 3:
            return _parse_version_3(body)
        case 4:
            return _parse(body, 2)
        case 6:
            return _parse(body, 4)
        case version:
            raise Malformed(f"a signature of version {version}")


def check(statement: Statement, key: PublicKey, content: ContentHash) -> None:
    """Check that `key` made the statement over `content`; what it says is not weighed.

    1. A key makes signatures of its own version and algorithm only.
    2. The digest is one that can be had, and none that was broken outright.
    3. The digest of salt, content and trailer is what the key signed.

    Raises: `SignatureBad` when the key did not make it; `SignatureMalformed` when no key could
    have made it, or with an algorithm that we do not verify.

    Source: RFC 9580, 5.2.4.
    """
    # 1.
    if (statement.version == 6) != (key.version == 6):  # noqa: PLR2004 - the version
        raise SignatureMalformed(f"a version {statement.version} signature is not made by a version {key.version} key")
    algorithms = {statement.key_algorithm, key.algorithm}
    if len(algorithms) > 1 and algorithms != {RSA, RSA_SIGN}:
        raise SignatureMalformed(
            f"the signature's key algorithm is {statement.key_algorithm}, and key {key.fingerprint} has {key.algorithm}"
        )
    # 2.
    if statement.digest_algorithm not in STRONG_DIGESTS | {SHA1}:
        raise SignatureMalformed(f"the signature is over a digest of algorithm {statement.digest_algorithm}")
    name = DIGEST_NAMES[statement.digest_algorithm]
    # 3.
    running = content(name, statement.salt)
    running.update(statement.trailer)
    from verifier.openpgp.mathematics import verify_digest  # noqa: PLC0415 - cryptography is slow to import

    verify_digest(key, name, running.digest(), statement.material)


def verified(candidates: Iterator[Statement], key: PublicKey, content: bytes) -> Iterator[Statement]:
    """Keep those of the candidates that `key` made over `content`, in the order given.

    What follows their numbers is anybody's, and disables none of them.
    """

    def running(name: str, prefix: bytes) -> Hash:
        return hashlib.new(name, prefix + content, usedforsecurity=False)

    for statement in candidates:
        try:
            check(replace(statement, material=_numbers(statement)), key, running)
        except (SignatureBad, SignatureMalformed):
            continue
        yield statement


def seems_over(statement: Statement, content: bytes) -> bool:
    """Whether the digest over `content` begins as the statement says: a cheap guess, and proof of nothing."""
    name = DIGEST_NAMES[statement.digest_algorithm]
    digest = hashlib.new(name, statement.salt + content + statement.trailer, usedforsecurity=False).digest()
    return digest.startswith(statement.left)


def _numbers(statement: Statement) -> bytes:
    """Cut off what follows a signature's numbers."""
    material = statement.material
    if statement.key_algorithm in _SIGNATURE_BYTES:
        return material[: _SIGNATURE_BYTES[statement.key_algorithm]]
    try:
        _, rest = read_integers(material, 1 if statement.key_algorithm in {RSA, RSA_SIGN} else 2, padded=True)
    except Malformed:
        return material
    return material.removesuffix(rest)


def _parse_version_3(body: bytes) -> Statement:
    if number(body, 1, 1) != 5:  # noqa: PLR2004 - always this, says RFC 9580, 5.2.2
        raise Malformed("a version 3 signature that covers more than it can")
    return Statement(
        version=3,
        type=number(body, 2, 1),
        key_algorithm=number(body, 15, 1),
        digest_algorithm=number(body, 16, 1),
        created=datetime.fromtimestamp(number(body, 3, 4), UTC),
        expires=None,
        issuer_fingerprint=None,
        issuer_key_id=take(body, 7, 8).hex().upper(),
        salt=b"",
        trailer=take(body, 2, 5),
        left=take(body, 17, 2),
        material=body[19:],
    )


def _parse(body: bytes, length_bytes: int) -> Statement:
    version, kind, key_algorithm, digest_algorithm = take(body, 0, 4)
    hashed_end = 4 + length_bytes + number(body, 4, length_bytes)
    hashed = _read_subpackets(take(body, 4 + length_bytes, hashed_end - 4 - length_bytes))
    area_start = hashed_end + length_bytes
    area = take(body, area_start, number(body, hashed_end, length_bytes))
    unhashed = _read_subpackets(area)
    left = take(body, area_start + len(area), 2)
    position = area_start + len(area) + len(left)
    salt = b""
    if version == 6:  # noqa: PLR2004 - the version
        salt = take(body, position + 1, number(body, position, 1))
        position += 1 + len(salt)
        if len(salt) != _SALT_BYTES.get(digest_algorithm):
            raise Malformed("a version 6 signature whose salt does not fit its digest")
    if kind == _BINARY:
        _check_evaluable(hashed)
    facts = _read_facts(hashed)
    created = facts.get(_CREATED)
    lifetime = _as_number(facts.get(_EXPIRES))
    made = None if created is None else datetime.fromtimestamp(int.from_bytes(created, "big"), UTC)
    fingerprint = _issuer_fingerprint(hashed + unhashed)
    return Statement(
        version=version,
        type=kind,
        key_algorithm=key_algorithm,
        digest_algorithm=digest_algorithm,
        created=made,
        expires=made + timedelta(seconds=lifetime) if made and lifetime else None,
        issuer_fingerprint=fingerprint,
        issuer_key_id=_issuer_key_id(hashed + unhashed, fingerprint),
        salt=salt,
        trailer=body[:hashed_end] + bytes([version, 0xFF]) + (hashed_end & 0xFFFFFFFF).to_bytes(4, "big"),
        left=left,
        material=body[position:],
        key_lifetime=_as_number(facts.get(_KEY_EXPIRES)),
        key_flags=int.from_bytes(facts[_KEY_FLAGS][:1], "big") if _KEY_FLAGS in facts else None,
        revocation_reason=facts[_REVOCATION_REASON][0] if _REVOCATION_REASON in facts else None,
        embedded=tuple(value for kind, _, value in hashed + unhashed if kind == _EMBEDDED),
    )


def _read_subpackets(area: bytes) -> list[tuple[int, bool, bytes]]:
    """Split a subpacket area into type, whether it is critical, and value."""
    subpackets = []
    position = 0
    while position < len(area):
        length, position = read_length(area, position)
        kind = number(area, position, 1)
        if length == 0:
            raise Malformed("a subpacket without a type")
        subpackets.append((kind & 0x7F, bool(kind & 0x80), take(area, position + 1, length - 1)))
        position += length
    return subpackets


def _check_evaluable(hashed: list[tuple[int, bool, bytes]]) -> None:
    for kind, critical, value in hashed:
        if critical and kind in _LIMITING:
            raise Malformed(f"a critical subpacket of type {kind}, which is not evaluated")
        if kind in _LENGTHS and len(value) not in _LENGTHS[kind]:
            raise Malformed(f"a subpacket of type {kind} of the wrong length")


def _read_facts(hashed: list[tuple[int, bool, bytes]]) -> dict[int, bytes]:
    facts: dict[int, bytes] = {}
    for kind, critical, value in hashed:
        if critical and kind not in _KNOWN:
            what = "notation" if kind == _NOTATION else f"subpacket of type {kind}"
            raise Malformed(f"a critical {what}, which must not be read over")
        if kind in _SINGLE:
            if kind in facts:
                raise Malformed(f"a second subpacket of type {kind}")
            if len(value) < _SINGLE[kind] or (_SINGLE[kind] == 4 and len(value) > 4):  # noqa: PLR2004 - a time
                raise Malformed(f"a subpacket of type {kind} of the wrong length")
            facts[kind] = value
    return facts


def _as_number(value: bytes | None) -> int | None:
    return None if value is None else int.from_bytes(value, "big")


def _issuer_fingerprint(subpackets: list[tuple[int, bool, bytes]]) -> str | None:
    for kind, _, value in subpackets:
        if kind == _ISSUER_FINGERPRINT and value and len(value) - 1 == _FINGERPRINT_BYTES.get(value[0]):
            return value[1:].hex().upper()
    return None


def _issuer_key_id(subpackets: list[tuple[int, bool, bytes]], fingerprint: str | None) -> str | None:
    for kind, _, value in subpackets:
        if kind == _ISSUER and len(value) == 8:  # noqa: PLR2004 - octets of a key id
            return value.hex().upper()
    return None if fingerprint is None else key_id(fingerprint)
