"""One public key: its parameters, its fingerprint, its strength.

A `PublicKey` is only made by `make_key`, which computes the fingerprint from the parameters, so
a value whose fingerprint is trusted is the key that was meant.  When the key may be used, and
for what, is the certificate's business.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from verifier.openpgp.packet import Malformed, number, read_integers, take, write_integer

RSA, RSA_ENCRYPT, RSA_SIGN = 1, 2, 3
DSA, ECDSA, EDDSA, ED25519, ED448 = 17, 19, 22, 27, 28

MAX_KEY_BYTES = 4 * 1024
MAX_INTEGER_BITS = 8192
MAX_RSA_EXPONENT = 1 << 33

_INTEGERS = {RSA: 2, RSA_ENCRYPT: 2, RSA_SIGN: 2, DSA: 4}
_OCTETS = {ED25519: 32, ED448: 57}
_FIELD_BITS = {ED25519: 255, ED448: 448}
_CURVE_BITS = {
    "2a8648ce3d030107": 256,  # NIST P-256
    "2b81040022": 384,  # NIST P-384
    "2b81040023": 521,  # NIST P-521
    "2b2403030208010107": 256,  # brainpoolP256r1
    "2b240303020801010b": 384,  # brainpoolP384r1
    "2b240303020801010d": 512,  # brainpoolP512r1
    "2b8104000a": 256,  # secp256k1
}
_ED25519_CURVE = "2b06010401da470f01"
_MODERN_BITS, _LEGACY_BITS = 2048, 1024


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that can make signatures.

    `parameters`, each big-endian without leading zeros: RSA n, e; DSA p, q, g, y; ECDSA and
    legacy EdDSA the curve's object id, the point with its prefix octet; Ed25519 and Ed448 the
    point alone, in its fixed length.  `fingerprint` is 40 (version 4) or 64 (version 6)
    upper-case hex digits.
    """

    version: int
    created: datetime
    algorithm: int
    parameters: tuple[bytes, ...]
    bits: int
    fingerprint: str

    @property
    def key_id(self) -> str:
        """Sixteen upper-case hex digits of the fingerprint: a way to look it up, never to trust it."""
        return key_id(self.fingerprint)

    @property
    def is_weak(self) -> bool:
        """Whether its signatures are legacy evidence: RSA or DSA of 1,024 to 2,047 bits."""
        return self._is_factorable and _LEGACY_BITS <= self.bits < _MODERN_BITS

    @property
    def is_too_weak(self) -> bool:
        """Whether its signatures never count: RSA or DSA of fewer than 1,024 bits."""
        return self._is_factorable and self.bits < _LEGACY_BITS

    @property
    def hashed_form(self) -> bytes:
        """What stands for the key where a signature covers it, and what its fingerprint is taken over.

        Source: RFC 9580, 5.2.4 and 5.5.4.
        """
        return hashed_form(write_key(self))

    @property
    def _is_factorable(self) -> bool:
        return self.algorithm in {RSA, RSA_ENCRYPT, RSA_SIGN, DSA}


def key_id(fingerprint: str) -> str:
    """Cut the key id out of a fingerprint of 40 or 64 hex digits."""
    return fingerprint[-16:] if len(fingerprint) == 40 else fingerprint[:16]  # noqa: PLR2004 - said above


def fingerprint_of(body: bytes) -> str:
    """Compute the fingerprint of a key packet without reading its parameters.

    Raises: `Malformed` for a version other than 4 and 6.

    Source: RFC 9580, 5.5.4.
    """
    form = hashed_form(body)
    if body[0] == 6:  # noqa: PLR2004 - the version
        return hashlib.sha256(form).hexdigest().upper()
    return hashlib.sha1(form, usedforsecurity=False).hexdigest().upper()


def hashed_form(body: bytes) -> bytes:
    """Lead a key packet's body in as a fingerprint and a signature see it.

    Raises: `Malformed` for a version other than 4 and 6, or an oversized key.
    """
    if len(body) > MAX_KEY_BYTES:
        raise Malformed(f"a key of more than {MAX_KEY_BYTES} octets")
    match number(body, 0, 1):
        case 4:
            return b"\x99" + len(body).to_bytes(2, "big") + body
        case 6:
            return b"\x9b" + len(body).to_bytes(4, "big") + body
        case version:
            raise Malformed(f"a key of version {version}")


def parse_key(body: bytes) -> PublicKey:
    """Read the body of a public key or subkey packet.

    Raises: `Malformed` for a version, algorithm, curve or size that we do not verify with.

    Source: RFC 9580, 5.5.2 and 5.5.5.
    """
    version = number(body, 0, 1)
    created = datetime.fromtimestamp(number(body, 1, 4), UTC)
    algorithm = number(body, 5, 1)
    material = body[6:]
    if version == 6:  # noqa: PLR2004 - the version
        material = take(body, 10, number(body, 6, 4))
    key = make_key(version, created, algorithm, _split(algorithm, material))
    if write_key(key) != body:
        raise Malformed("a key with something behind it")
    return key


def make_key(version: int, created: datetime, algorithm: int, parameters: tuple[bytes, ...]) -> PublicKey:
    """Make a key from its parameters, and compute its size and fingerprint.

    Raises: `Malformed` for what we do not verify with, as `parse_key` does.
    """
    bits = _measure(version, algorithm, parameters)
    unnamed = PublicKey(version, created, algorithm, parameters, bits, "")
    return PublicKey(version, created, algorithm, parameters, bits, fingerprint_of(write_key(unnamed)))


def write_key(key: PublicKey) -> bytes:
    """Write the body of the packet that the key was read from."""
    if key.algorithm in _OCTETS:
        (material,) = key.parameters
    elif key.algorithm in {ECDSA, EDDSA}:
        curve, point = key.parameters
        material = bytes([len(curve)]) + curve + write_integer(point)
    else:
        material = b"".join(map(write_integer, key.parameters))
    head = bytes([key.version]) + int(key.created.timestamp()).to_bytes(4, "big") + bytes([key.algorithm])
    if key.version == 6:  # noqa: PLR2004 - the version
        return head + len(material).to_bytes(4, "big") + material
    return head + material


def _split(algorithm: int, material: bytes) -> tuple[bytes, ...]:
    if algorithm in _INTEGERS:
        return read_integers(material, _INTEGERS[algorithm])[0]
    if algorithm in _OCTETS:
        return (take(material, 0, _OCTETS[algorithm]),)
    if algorithm in {ECDSA, EDDSA}:
        length = number(material, 0, 1)
        curve = take(material, 1, length)
        return (curve, *read_integers(material[1 + length :], 1)[0])
    raise Malformed(f"a key of algorithm {algorithm}, which makes no signatures that we verify")


def _measure(version: int, algorithm: int, parameters: tuple[bytes, ...]) -> int:
    """Check the parameters' shapes and give the key's size in bits."""
    if version not in {4, 6}:
        raise Malformed(f"a key of version {version}")
    if algorithm in _OCTETS and [len(part) for part in parameters] == [_OCTETS[algorithm]]:
        return _FIELD_BITS[algorithm]
    if algorithm in {ECDSA, EDDSA} and len(parameters) == 2:  # noqa: PLR2004 - curve and point
        return _measure_curve(version, algorithm, *parameters)
    if len(parameters) != _INTEGERS.get(algorithm):
        raise Malformed(f"a key of algorithm {algorithm} with other parameters than it has")
    values = [int.from_bytes(part, "big") for part in parameters]
    if max(value.bit_length() for value in values) > MAX_INTEGER_BITS:
        raise Malformed(f"a key of more than {MAX_INTEGER_BITS} bits")
    if algorithm != DSA and not (values[0] & values[1] & 1 and 3 <= values[1] <= MAX_RSA_EXPONENT):  # noqa: PLR2004 - the least exponent
        raise Malformed("an RSA key with an even modulus, or an exponent that is even, too small or too large")
    return values[0].bit_length()


def _measure_curve(version: int, algorithm: int, curve: bytes, point: bytes) -> int:
    name = curve.hex()
    if algorithm == EDDSA:
        if (version, name, len(point), point[:1]) == (4, _ED25519_CURVE, 33, b"\x40"):
            return _FIELD_BITS[ED25519]
    elif name in _CURVE_BITS:
        bits = _CURVE_BITS[name]
        if len(point) == 1 + 2 * ((bits + 7) // 8) and point[:1] == b"\x04":
            return bits
    raise Malformed("a key on a curve that we do not verify with, or a point in another form")
