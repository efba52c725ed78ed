"""Whether a key made a signature over a digest: the one file that meets `cryptography`.

It is imported when the first signature is checked, so that what checks none starts faster.
Which digests and keys are strong enough was decided before; here every size is taken.
"""

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from verifier.errors import SignatureBad, SignatureMalformed
from verifier.openpgp.key import DSA, ECDSA, ED448, ED25519, EDDSA, RSA, RSA_SIGN, PublicKey
from verifier.openpgp.packet import Malformed, read_integers

_ED25519_HALF = 32


def verify_digest(key: PublicKey, digest_name: str, digest: bytes, material: bytes) -> None:
    """Check that `key` made the signature over `digest`.

    Shape: `digest_name` is hashlib's; `material` is what follows the left 16 bits (and the salt)
    in the signature packet.

    Raises: `SignatureBad` when it did not; `SignatureMalformed` when the signature's numbers
    cannot be read, or the key's are none.

    Source: RFC 9580, 5.2.3 and 5.2.4.
    """
    try:
        _verify(key, digest_name, digest, material)
    except InvalidSignature as error:
        raise SignatureBad(f"the signature does not verify with key {key.fingerprint}") from error
    except Malformed as error:
        raise SignatureMalformed(f"the signature's numbers cannot be read: {error}") from error
    except (UnsupportedAlgorithm, ValueError) as error:
        raise SignatureMalformed(f"key {key.fingerprint} is not one that signatures can be checked with") from error


def _verify(key: PublicKey, digest_name: str, digest: bytes, material: bytes) -> None:
    verifiers = {RSA: _verify_rsa, RSA_SIGN: _verify_rsa, DSA: _verify_dsa, ECDSA: _verify_ecdsa}
    if key.algorithm in verifiers:
        verifiers[key.algorithm](key, Prehashed(_hash(digest_name)), digest, material)
    elif key.algorithm == EDDSA:
        _verify_eddsa(key, digest, material)
    elif key.algorithm == ED25519:
        ed25519.Ed25519PublicKey.from_public_bytes(key.parameters[0]).verify(material, digest)
    elif key.algorithm == ED448:
        ed448.Ed448PublicKey.from_public_bytes(key.parameters[0]).verify(material, digest)
    else:
        raise ValueError("a key for encryption only")


def _verify_rsa(key: PublicKey, prehashed: Prehashed, digest: bytes, material: bytes) -> None:
    n, e = (int.from_bytes(part, "big") for part in key.parameters)
    (value,) = _integers(material, 1)
    size = (key.bits + 7) // 8
    public = rsa.RSAPublicNumbers(e, n).public_key()
    public.verify(value.rjust(size, b"\0"), digest, padding.PKCS1v15(), prehashed)


def _verify_dsa(key: PublicKey, prehashed: Prehashed, digest: bytes, material: bytes) -> None:
    p, q, g, y = (int.from_bytes(part, "big") for part in key.parameters)
    public = dsa.DSAPublicNumbers(y, dsa.DSAParameterNumbers(p, q, g)).public_key()
    public.verify(_pair(material), digest, prehashed)


def _verify_ecdsa(key: PublicKey, prehashed: Prehashed, digest: bytes, material: bytes) -> None:
    curve, point = key.parameters
    public = ec.EllipticCurvePublicKey.from_encoded_point(_curve(curve), point)
    public.verify(_pair(material), digest, ec.ECDSA(prehashed))


def _verify_eddsa(key: PublicKey, digest: bytes, material: bytes) -> None:
    r, s = _integers(material, 2)
    if max(len(r), len(s)) > _ED25519_HALF:
        raise Malformed("half of an Ed25519 signature is longer than 32 octets")
    whole = r.rjust(_ED25519_HALF, b"\0") + s.rjust(_ED25519_HALF, b"\0")
    ed25519.Ed25519PublicKey.from_public_bytes(key.parameters[1][1:]).verify(whole, digest)


def _pair(material: bytes) -> bytes:
    r, s = (int.from_bytes(part, "big") for part in _integers(material, 2))
    return encode_dss_signature(r, s)


def _integers(material: bytes, count: int) -> tuple[bytes, ...]:
    integers, rest = read_integers(material, count, padded=True)
    if rest:
        raise Malformed("something follows them")
    return integers


def _hash(name: str) -> hashes.HashAlgorithm:
    algorithms: dict[str, hashes.HashAlgorithm] = {
        "sha1": hashes.SHA1(),  # noqa: S303 - legacy evidence, weighed where it is judged
        "sha224": hashes.SHA224(),
        "sha256": hashes.SHA256(),
        "sha384": hashes.SHA384(),
        "sha512": hashes.SHA512(),
        "sha3_256": hashes.SHA3_256(),
        "sha3_512": hashes.SHA3_512(),
    }
    return algorithms[name]


def _curve(identifier: bytes) -> ec.EllipticCurve:
    curves: dict[str, ec.EllipticCurve] = {
        "2a8648ce3d030107": ec.SECP256R1(),
        "2b81040022": ec.SECP384R1(),
        "2b81040023": ec.SECP521R1(),
        "2b2403030208010107": ec.BrainpoolP256R1(),
        "2b240303020801010b": ec.BrainpoolP384R1(),
        "2b240303020801010d": ec.BrainpoolP512R1(),
        "2b8104000a": ec.SECP256K1(),
    }
    return curves[identifier.hex()]
