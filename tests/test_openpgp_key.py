from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ed448
from hypothesis import given, settings
from hypothesis import strategies as st
from openpgp_cases import BORN, CURVES, Signer, dsa_private, ec_private, ed, mpi, rsa_private, rsa_signer, signer

from verifier.openpgp.key import fingerprint_of, make_key, parse_key, write_key
from verifier.openpgp.packet import Malformed

ED448 = ed448.Ed448PrivateKey.from_private_bytes(bytes(57))
SIGNERS: dict[str, tuple[Signer, int]] = {
    "RSA": (rsa_signer(), 2048),
    "RSA, for signing": (signer(rsa_private(), algorithm=3), 2048),
    "DSA": (signer(dsa_private()), 1024),
    "EdDSA": (ed(), 255),
    "Ed25519": (ed(algorithm=27), 255),
    "Ed25519, version 6": (ed(version=6), 255),
    "Ed448, version 6": (signer(ED448, version=6), 448),
    "RSA, version 6": (signer(rsa_private(), version=6), 2048),
    **{name: (signer(ec_private(name)), int(name[-3:]) if name != "secp256k1" else 256) for name in CURVES},
}


@pytest.mark.parametrize("name", SIGNERS)
def test_reads_a_key_and_recomputes_its_fingerprint(name: str) -> None:
    made, bits = SIGNERS[name]

    key = parse_key(made.body)

    assert key.fingerprint == made.fingerprint == fingerprint_of(made.body)
    assert key.key_id == made.key_id
    assert (key.version, key.algorithm, key.created, key.bits) == (made.version, made.algorithm, BORN, bits)
    assert write_key(key) == made.body
    assert key.hashed_form == made.form


def _rsa(n: int, e: int) -> bytes:
    return b"\x04" + bytes(4) + b"\x01" + mpi(n) + mpi(e)


@pytest.mark.parametrize(
    ("bits", "is_weak", "is_too_weak"),
    [(1023, False, True), (1024, True, False), (2047, True, False), (2048, False, False)],
)
def test_knows_legacy_sizes_from_those_that_never_count(bits: int, *, is_weak: bool, is_too_weak: bool) -> None:
    key = parse_key(_rsa(1 << (bits - 1) | 1, 65537))

    assert (key.is_weak, key.is_too_weak) == (is_weak, is_too_weak)


def test_a_curve_is_not_weak_for_its_few_bits() -> None:
    assert not parse_key(ed().body).is_weak
    assert not parse_key(ed().body).is_too_weak


def test_takes_the_largest_key_and_exponent_and_no_larger() -> None:
    assert parse_key(_rsa(1 << 8191 | 1, (1 << 33) - 1)).bits == 8192

    for n, e in ((1 << 8192 | 1, 65537), (1 << 8191 | 1, (1 << 33) + 1)):
        with pytest.raises(Malformed):
            parse_key(_rsa(n, e))


CURVE = bytes.fromhex("2a8648ce3d030107")
REFUSED = {
    "nothing": b"",
    "version 3": b"\x03" + bytes(7) + mpi(5) + mpi(3),
    "version 5": b"\x05" + ed().body[1:],
    "an algorithm for encryption": b"\x04" + bytes(4) + b"\x10" + mpi(5),
    "cut short": ed().body[:-1],
    "cut in its head": ed().body[:5],
    "something behind": ed().body + b"x",
    "something behind, version 6": ed(version=6).body + b"x",
    "length short of the material, version 6": ed(version=6).body[:9] + b"\x1f" + ed(version=6).body[10:-1],
    "an even modulus": _rsa(1 << 2047, 65537),
    "an even exponent": _rsa(1 << 2047 | 1, 4),
    "exponent 1": _rsa(1 << 2047 | 1, 1),
    "a zero modulus": _rsa(0, 3),
    "an unknown curve": b"\x04" + bytes(4) + b"\x13\x02ab" + mpi(b"\x04" + bytes(64)),
    "a compressed point": b"\x04" + bytes(4) + b"\x13\x08" + CURVE + mpi(b"\x02" + bytes(32)),
    "EdDSA on another curve": b"\x04" + bytes(4) + b"\x16\x08" + CURVE + mpi(b"\x40" + bytes(32)),
    "EdDSA point without its prefix": ed().body.replace(b"\x01\x07\x40", b"\x01\x07\x41"),
    "legacy EdDSA in version 6": b"\x06" + bytes(4) + b"\x16\0\0\0\x2d" + ed().body[6:],
    "an integer with a leading zero": b"\x04" + bytes(4) + b"\x01\x00\x09\x00\xff" + mpi(3),
    "more than a key needs": b"\x04" + bytes(4) + b"\x11" + b"".join(mpi(1 << 8190) for _ in range(4)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_it_does_not_verify_with(name: str) -> None:
    with pytest.raises(Malformed):
        parse_key(REFUSED[name])


def test_makes_no_key_of_parameters_that_are_not_its_own() -> None:
    born = datetime(2020, 1, 1, tzinfo=UTC)

    for version, algorithm, parameters in (
        (4, 1, (b"\x05",)),
        (4, 27, (bytes(31),)),
        (4, 19, (CURVE,)),
        (4, 99, (b"\x05", b"\x03")),
        (5, 27, (bytes(32),)),
    ):
        with pytest.raises(Malformed):
            make_key(version, born, algorithm, parameters)


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=100))
def test_arbitrary_bytes_are_a_key_or_refused(data: bytes) -> None:
    for body in (data, b"\x04" + data, b"\x06" + data):
        try:
            assert write_key(parse_key(body)) == body
        except Malformed:
            continue


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(SIGNERS)), st.integers(0, 300), st.binary(min_size=1, max_size=2))
def test_a_changed_key_has_another_fingerprint_or_is_refused(name: str, place: int, patch: bytes) -> None:
    body = SIGNERS[name][0].body
    changed = body[:place] + patch + body[place + len(patch) :]

    try:
        key = parse_key(changed)
    except Malformed:
        return
    assert (key.fingerprint == fingerprint_of(body)) == (changed == body)
