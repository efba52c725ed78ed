"""Writes OpenPGP keys and signatures, odd ones included, so that tests can read them.

It shares no code with the room under test: what both write alike, they write from RFC 9580.
"""

import base64
import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature

Private = (
    rsa.RSAPrivateKey
    | dsa.DSAPrivateKey
    | ec.EllipticCurvePrivateKey
    | ed25519.Ed25519PrivateKey
    | ed448.Ed448PrivateKey
)

BORN = datetime(2020, 1, 1, tzinfo=UTC)
MADE = datetime(2021, 6, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
CONTENT = b"PK\x03\x04 the bytes of an artifact\n"

MD5, SHA1, RIPEMD160, SHA256, SHA384, SHA512, SHA224, SHA3_256, SHA3_512 = 1, 2, 3, 8, 9, 10, 11, 12, 14
NAMES = {
    1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512", 11: "sha224", 12: "sha3_256", 14: "sha3_512",
}  # fmt: skip
HASHES: dict[int, hashes.HashAlgorithm] = {
    1: hashes.MD5(),  # noqa: S303 - weak ones are cases
    2: hashes.SHA1(),  # noqa: S303 - weak ones are cases
    8: hashes.SHA256(),
    9: hashes.SHA384(),
    10: hashes.SHA512(),
    11: hashes.SHA224(),
    12: hashes.SHA3_256(),
    14: hashes.SHA3_512(),
}
SALT_BYTES = {8: 16, 9: 24, 10: 32, 11: 16, 12: 16, 14: 32}

CURVES: dict[str, tuple[type[ec.EllipticCurve], str]] = {
    "p256": (ec.SECP256R1, "2a8648ce3d030107"),
    "p384": (ec.SECP384R1, "2b81040022"),
    "p521": (ec.SECP521R1, "2b81040023"),
    "brainpool256": (ec.BrainpoolP256R1, "2b2403030208010107"),
    "brainpool384": (ec.BrainpoolP384R1, "2b240303020801010b"),
    "brainpool512": (ec.BrainpoolP512R1, "2b240303020801010d"),
    "secp256k1": (ec.SECP256K1, "2b8104000a"),
}


@dataclass(frozen=True)
class Signer:
    """A private key with the body of its public packet."""

    private: Private
    body: bytes
    algorithm: int
    version: int = 4

    @property
    def form(self) -> bytes:
        lead = b"\x99" + len(self.body).to_bytes(2, "big")
        return (lead if self.version == 4 else b"\x9b" + len(self.body).to_bytes(4, "big")) + self.body

    @property
    def fingerprint(self) -> str:
        name = "sha1" if self.version == 4 else "sha256"
        return hashlib.new(name, self.form).hexdigest().upper()

    @property
    def key_id(self) -> str:
        return self.fingerprint[-16:] if self.version == 4 else self.fingerprint[:16]


def mpi(value: int | bytes) -> bytes:
    number = value if isinstance(value, int) else int.from_bytes(value, "big")
    return number.bit_length().to_bytes(2, "big") + number.to_bytes((number.bit_length() + 7) // 8, "big")


def packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def old_packet(tag: int, body: bytes) -> bytes:
    return bytes([0x80 | tag << 2 | 1]) + len(body).to_bytes(2, "big") + body


def subpacket(kind: int, value: bytes, *, critical: bool = False) -> bytes:
    return bytes([0xFF]) + (len(value) + 1).to_bytes(4, "big") + bytes([kind | 0x80 * critical]) + value


def armour(data: bytes, label: str = "SIGNATURE", *, crc: bytes = b"=AAAA\n", width: int = 64) -> bytes:
    text = base64.b64encode(data)
    lines = b"".join(text[start : start + width] + b"\n" for start in range(0, len(text), width))
    name = label.encode()
    return b"-----BEGIN PGP " + name + b"-----\n\n" + lines + crc + b"-----END PGP " + name + b"-----\n"


def seconds(moment: datetime) -> bytes:
    return int(moment.timestamp()).to_bytes(4, "big")


def signer(private: Private, *, born: datetime = BORN, version: int = 4, algorithm: int | None = None) -> Signer:
    """Make the public packet for a private key."""
    match private:
        case rsa.RSAPrivateKey():
            numbers = private.public_key().public_numbers()
            kind, material = 1, mpi(numbers.n) + mpi(numbers.e)
        case dsa.DSAPrivateKey():
            public = private.public_key().public_numbers()
            group = public.parameter_numbers
            kind, material = 17, mpi(group.p) + mpi(group.q) + mpi(group.g) + mpi(public.y)
        case ec.EllipticCurvePrivateKey():
            oid = next(bytes.fromhex(oid) for curve, oid in CURVES.values() if curve().name == private.curve.name)
            encoding, form = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
            kind, material = 19, bytes([len(oid)]) + oid + mpi(private.public_key().public_bytes(encoding, form))
        case ed25519.Ed25519PrivateKey() if version == 4 and algorithm != 27:
            oid = bytes.fromhex("2b06010401da470f01")
            kind, material = 22, bytes([len(oid)]) + oid + mpi(b"\x40" + private.public_key().public_bytes_raw())
        case _:
            kind = 27 if isinstance(private, ed25519.Ed25519PrivateKey) else 28
            material = private.public_key().public_bytes_raw()
    kind = algorithm or kind
    head = bytes([version]) + seconds(born) + bytes([kind])
    length = len(material).to_bytes(4, "big") if version == 6 else b""
    return Signer(private, head + length + material, kind, version)


@cache
def rsa_private(bits: int = 2048, number: int = 0, e: int = 65537) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(e, bits)  # type: ignore[arg-type,unused-ignore] # e = 3 is a case


@cache
def dsa_private(bits: int = 1024) -> dsa.DSAPrivateKey:
    return dsa.generate_private_key(bits)


@cache
def ec_private(name: str = "p256") -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(CURVES[name][0]())


@cache
def ed_private(number: int = 0) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes([number + 1]) * 32)


def ed(number: int = 0, *, born: datetime = BORN, version: int = 4, algorithm: int | None = None) -> Signer:
    return signer(ed_private(number), born=born, version=version, algorithm=algorithm)


def rsa_signer(bits: int = 2048, number: int = 0) -> Signer:
    return signer(rsa_private(bits, number))


def _numbers(by: Signer, digest: int, value: bytes) -> bytes:
    private = by.private
    match private:
        case rsa.RSAPrivateKey():
            return mpi(private.sign(value, padding.PKCS1v15(), Prehashed(HASHES[digest])))
        case dsa.DSAPrivateKey():
            return b"".join(map(mpi, decode_dss_signature(private.sign(value, Prehashed(HASHES[digest])))))
        case ec.EllipticCurvePrivateKey():
            made = private.sign(value, ec.ECDSA(Prehashed(HASHES[digest])))
            return b"".join(map(mpi, decode_dss_signature(made)))
        case _:
            raw = private.sign(value)
            return raw if by.algorithm in {27, 28} else mpi(raw[:32]) + mpi(raw[32:])


def sign(  # noqa: PLR0913 - a signature has as many sides
    by: Signer,
    content: bytes = CONTENT,
    kind: int = 0x00,
    *,
    made: datetime | None = MADE,
    digest: int = SHA256,
    version: int | None = None,
    hashed: Sequence[bytes] = (),
    unhashed: Sequence[bytes] | None = None,
    numbers: bytes | None = None,
) -> bytes:
    """Make the body of a signature packet; `numbers` in place of a real signature's."""
    version = version or by.version
    if version == 3:
        return _sign_version_3(by, content, kind, made or MADE, digest)
    stated = b"" if made is None else subpacket(2, seconds(made))
    area = stated + b"".join(hashed)
    if unhashed is None:
        unhashed = [subpacket(16, bytes.fromhex(by.key_id))] if version == 4 else []
        area += subpacket(33, bytes([by.version]) + bytes.fromhex(by.fingerprint))
    loose = b"".join(unhashed)
    size = 2 if version == 4 else 4
    head = bytes([version, kind, by.algorithm, digest]) + len(area).to_bytes(size, "big") + area
    salt = b"\x5a" * SALT_BYTES[digest] if version == 6 else b""
    trailer = head + bytes([version, 0xFF]) + len(head).to_bytes(4, "big")
    value = hashlib.new(NAMES.get(digest, "sha256"), salt + content + trailer).digest()
    if numbers is None:
        numbers = _numbers(by, digest, value)
    salted = bytes([len(salt)]) + salt if version == 6 else b""
    return head + len(loose).to_bytes(size, "big") + loose + value[:2] + salted + numbers


def _sign_version_3(by: Signer, content: bytes, kind: int, made: datetime, digest: int) -> bytes:
    trailer = bytes([kind]) + seconds(made)
    value = hashlib.new(NAMES[digest], content + trailer).digest()
    ends = bytes.fromhex(by.key_id) + bytes([by.algorithm, digest]) + value[:2]
    return b"\x03\x05" + trailer + ends + _numbers(by, digest, value)


def user_id(name: bytes = b"Jane <jane@repo.example>") -> bytes:
    return b"\xb4" + len(name).to_bytes(4, "big") + name


def lifetime(span: timedelta) -> bytes:
    return subpacket(9, int(span.total_seconds()).to_bytes(4, "big"))


def flags(value: int) -> bytes:
    return subpacket(27, bytes([value]))


def reason(code: int) -> bytes:
    return subpacket(29, bytes([code]) + b"as the owner says")


def certify(primary: Signer, name: bytes = b"Jane <jane@repo.example>", **options: object) -> bytes:
    """A user id and the primary's certification of it, as packets."""
    content = primary.form + (name if options.get("version") == 3 else user_id(name))
    made = sign(primary, content, **{"kind": 0x13, "made": BORN, **options})  # type: ignore[arg-type] # passed on
    return packet(13, name) + packet(2, made)


def over_key(primary: Signer, kind: int, by: Signer | None = None, **options: object) -> bytes:
    """A signature over the primary key alone, as a packet: direct-key or revocation."""
    return packet(2, sign(by or primary, primary.form, kind, **{"made": BORN, **options}))  # type: ignore[arg-type] # passed on


def back_signature(primary: Signer, subkey: Signer, by: Signer | None = None, **options: object) -> bytes:
    body = sign(by or subkey, primary.form + subkey.form, **{"kind": 0x19, "made": BORN, **options})  # type: ignore[arg-type] # passed on
    return subpacket(32, body)


def bind(
    primary: Signer,
    subkey: Signer,
    *,
    by: Signer | None = None,
    use: int | None = 0x02,
    back: bytes | None = None,
    hashed: Sequence[bytes] = (),
    made: datetime = BORN,
    digest: int = SHA256,
) -> bytes:
    """A signature that binds a subkey, as a packet; `back` is empty for no back-signature."""
    back = back_signature(primary, subkey) if back is None else back
    area = [*([] if use is None else [flags(use)]), back, *hashed]
    return packet(2, sign(by or primary, primary.form + subkey.form, 0x18, made=made, digest=digest, hashed=area))


def revoke_subkey(primary: Signer, subkey: Signer, code: int, made: datetime, by: Signer | None = None) -> bytes:
    return packet(2, sign(by or primary, primary.form + subkey.form, 0x28, made=made, hashed=[reason(code)]))


def certificate(primary: Signer, *parts: bytes) -> bytes:
    """A primary key packet and what follows it; a plain user id where nothing else does."""
    return packet(6, primary.body) + (b"".join(parts) if parts else certify(primary))


def compressed(data: bytes, algorithm: int = 0) -> bytes:
    if algorithm == 1:
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        data = deflater.compress(data) + deflater.flush()
    elif algorithm == 2:
        data = zlib.compress(data)
    return bytes([algorithm]) + data


def partial(tag: int, body: bytes, power: int = 9) -> bytes:
    """A packet in chunks of partial length, the rest with a definite one."""
    size = 1 << power
    whole = len(body) // size * size
    chunks = b"".join(bytes([224 + power]) + body[at : at + size] for at in range(0, whole, size))
    rest = body[whole:]
    return bytes([0xC0 | tag]) + chunks + b"\xff" + len(rest).to_bytes(4, "big") + rest
