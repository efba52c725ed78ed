"""Writes OpenPGP keys and detached signatures: what an honest publisher makes, and what an attacker would.

The reading side is `verifier.openpgp`; only the framing of keys and numbers is shared with it.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from verifier.openpgp import packet as packets
from verifier.openpgp.key import ED25519, RSA, PublicKey, make_key, write_key
from verifier.openpgp.packet import write_integer

MD5, SHA1, SHA512 = 1, 2, 10
_HASHES: dict[int, hashes.HashAlgorithm] = {
    MD5: hashes.MD5(),  # noqa: S303  a weak signature is one of the attacks
    SHA1: hashes.SHA1(),  # noqa: S303  as above
    SHA512: hashes.SHA512(),
}
_BINARY, _CERTIFICATION, _KEY_REVOCATION = 0x00, 0x13, 0x20
_CREATED, _EXPIRES, _KEY_EXPIRES, _KEY_FLAGS, _REASON, _ISSUER = 2, 3, 9, 27, 29, 33
_MAY_CERTIFY_AND_SIGN = b"\x03"
_COMPROMISED = b"\x02"
_LINE_CHARACTERS = 64


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key with its public half."""

    key: PublicKey
    private: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

    @property
    def fingerprint(self) -> str:
        """Forty upper-case hex digits."""
        return self.key.fingerprint


def make_signer(born: datetime) -> Signer:
    """Make an Ed25519 key that says it was made at `born`."""
    private = ed25519.Ed25519PrivateKey.generate()
    return Signer(make_key(4, born, ED25519, (private.public_key().public_bytes_raw(),)), private)


def make_small_signer(born: datetime) -> Signer:
    """Make an RSA key of 1,024 bits."""
    private = rsa.generate_private_key(65537, 1024)  # noqa: S505  a weak key is one of the attacks
    numbers = private.public_key().public_numbers()
    return Signer(make_key(4, born, RSA, (_octets(numbers.n), _octets(numbers.e))), private)


def write_certificate(signer: Signer, *, lifetime: timedelta | None = None, revoked: datetime | None = None) -> bytes:
    """Write a key with one user id, and what it says of itself: its lifetime, and that it was stolen.

    Shape: binary packets.
    """
    born, name = signer.key.created, b"A publisher <publisher@repo.example>"
    facts = [_subpacket(_KEY_FLAGS, _MAY_CERTIFY_AND_SIGN)]
    if lifetime is not None:
        facts.append(_subpacket(_KEY_EXPIRES, _seconds(lifetime)))
    form = signer.key.hashed_form
    certified = form + b"\xb4" + len(name).to_bytes(4, "big") + name
    parts = [_packet(packets.PUBLIC_KEY, write_key(signer.key))]
    if revoked is not None:
        reason = [_subpacket(_REASON, _COMPROMISED)]
        parts.append(_packet(packets.SIGNATURE, _statement(signer, _KEY_REVOCATION, form, revoked, reason, SHA512)))
    parts.append(_packet(packets.USER_ID, name))
    parts.append(_packet(packets.SIGNATURE, _statement(signer, _CERTIFICATION, certified, born, facts, SHA512)))
    return b"".join(parts)


def sign(
    signer: Signer, content: bytes, made: datetime, *, lifetime: timedelta | None = None, digest: int = SHA512
) -> bytes:
    """Make a detached signature.

    Shape: ASCII armour, as a `.asc` file holds it; `digest` is OpenPGP's number.
    """
    facts = [] if lifetime is None else [_subpacket(_EXPIRES, _seconds(lifetime))]
    statement = _statement(signer, _BINARY, content, made, facts, digest)
    text = base64.b64encode(_packet(packets.SIGNATURE, statement)).decode()
    lines = [text[start : start + _LINE_CHARACTERS] for start in range(0, len(text), _LINE_CHARACTERS)]
    return "\n".join(["-----BEGIN PGP SIGNATURE-----", "", *lines, "-----END PGP SIGNATURE-----", ""]).encode()


def _statement(signer: Signer, kind: int, content: bytes, made: datetime, facts: list[bytes], digest: int) -> bytes:
    """Make the body of a version 4 signature packet.

    Source: RFC 9580, 5.2.3 and 5.2.4.
    """
    issuer = _subpacket(_ISSUER, b"\x04" + bytes.fromhex(signer.fingerprint))
    area = b"".join([_subpacket(_CREATED, int(made.timestamp()).to_bytes(4, "big")), *facts, issuer])
    head = bytes([4, kind, signer.key.algorithm, digest]) + len(area).to_bytes(2, "big") + area
    trailer = b"\x04\xff" + len(head).to_bytes(4, "big")
    algorithm = _HASHES[digest]
    value = hashlib.new(algorithm.name, content + head + trailer, usedforsecurity=False).digest()
    no_unhashed = b"\0\0"
    if isinstance(signer.private, rsa.RSAPrivateKey):
        numbers = write_integer(signer.private.sign(value, padding.PKCS1v15(), Prehashed(algorithm)).lstrip(b"\0"))
    else:
        numbers = signer.private.sign(value)
    return head + no_unhashed + value[:2] + numbers


def _packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def _subpacket(kind: int, value: bytes) -> bytes:
    return bytes([len(value) + 1, kind]) + value


def _seconds(span: timedelta) -> bytes:
    return int(span.total_seconds()).to_bytes(4, "big")


def _octets(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
