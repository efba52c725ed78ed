import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ed448
from hypothesis import given, settings
from hypothesis import strategies as st
from openpgp_cases import (
    BORN,
    CONTENT,
    CURVES,
    MADE,
    MD5,
    NOW,
    RIPEMD160,
    SHA1,
    SHA3_256,
    SHA3_512,
    SHA224,
    SHA256,
    SHA384,
    SHA512,
    Signer,
    back_signature,
    bind,
    certificate,
    certify,
    dsa_private,
    ec_private,
    ed,
    flags,
    lifetime,
    mpi,
    over_key,
    packet,
    reason,
    revoke_subkey,
    rsa_private,
    rsa_signer,
    seconds,
    sign,
    signer,
    subpacket,
)

from verifier.digest import Hash
from verifier.errors import (
    KeyExpired,
    KeyRevoked,
    KeyUntrusted,
    Refusal,
    SignatureBad,
    SignatureExpired,
    SignatureFuture,
    SignatureMalformed,
    SignatureWeak,
)
from verifier.openpgp.certificate import Certificate, parse_certificates
from verifier.openpgp.key import PublicKey, parse_key
from verifier.openpgp.signature import Assessment, Signature, assess, parse_packet, parse_signatures, verify

YEAR = timedelta(days=365)
LEGACY_BEFORE = date(2017, 2, 23)
PRIMARY, SUBKEY, STRANGER = ed(0), ed(1), ed(2)
ED448 = ed448.Ed448PrivateKey.from_private_bytes(bytes(57))


def read(body: bytes) -> Signature:
    (signature,) = parse_signatures(packet(2, body), "x.asc")
    return signature


def content(data: bytes = CONTENT) -> Callable[[str, bytes], Hash]:
    return lambda name, prefix: hashlib.new(name, prefix + data)


def check(body: bytes, by: Signer, data: bytes = CONTENT) -> None:
    verify(read(body), parse_key(by.body), content(data))


# What a signature says


def test_reads_what_a_signature_says() -> None:
    until = subpacket(3, int(YEAR.total_seconds()).to_bytes(4, "big"))

    signature = read(sign(PRIMARY, hashed=[until]))

    assert (signature.version, signature.type, signature.key_algorithm) == (4, 0, 22)
    assert (signature.digest_algorithm, signature.digest_name) == (SHA256, "sha256")
    assert (signature.created, signature.expires) == (MADE, MADE + YEAR)
    assert (signature.issuer_fingerprint, signature.issuer_key_id) == (PRIMARY.fingerprint, PRIMARY.key_id)
    assert parse_packet(signature.packet, "record") == signature


def test_a_version_3_signature_names_its_date_and_key_id() -> None:
    signature = read(sign(rsa_signer(), version=3))

    assert (signature.version, signature.created, signature.expires) == (3, MADE, None)
    assert (signature.issuer_fingerprint, signature.issuer_key_id) == (None, rsa_signer().key_id)


def test_an_issuer_that_is_not_named_is_none() -> None:
    signature = read(sign(PRIMARY, unhashed=[]))

    assert (signature.issuer_fingerprint, signature.issuer_key_id) == (None, None)


def test_a_key_id_follows_from_the_fingerprint_and_the_hashed_claim_counts_first() -> None:
    for by in (PRIMARY, ed(version=6)):
        own = subpacket(33, bytes([by.version]) + bytes.fromhex(by.fingerprint))
        other = subpacket(33, b"\x04" + bytes(20))
        foreign = subpacket(33, b"\x05" + bytes(32))
        broken = [subpacket(33, b""), subpacket(16, b"short")]

        signature = read(sign(by, hashed=[foreign, own], unhashed=[*broken, other]))

        assert (signature.issuer_fingerprint, signature.issuer_key_id) == (by.fingerprint, by.key_id)


@pytest.mark.parametrize("digest", [MD5, RIPEMD160, 99])
def test_a_digest_that_cannot_count_is_read_and_named(digest: int) -> None:
    signature = read(sign(rsa_signer(), digest=digest, numbers=mpi(5)))

    assert signature.digest_name == {MD5: "md5", RIPEMD160: "ripemd160", 99: "algorithm 99"}[digest]


TYPES = {
    0x01: "text-mode",
    0x02: "standalone",
    0x10: "certification",
    0x13: "certification",
    0x18: "subkey binding",
    0x19: "back-signature",
    0x1F: "over itself",
    0x20: "key revocation",
    0x28: "subkey revocation",
    0x40: "timestamp",
    0x50: "confirmation",
    0x77: "type 0x77",
}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("version", [3, 4])
def test_refuses_every_type_but_binary_by_its_name(kind: int, version: int) -> None:
    with pytest.raises(SignatureMalformed) as caught:
        read(sign(rsa_signer(), kind=kind, version=version))

    assert TYPES[kind] in caught.value.reason


def test_refuses_a_lifted_self_signature() -> None:
    with pytest.raises(SignatureMalformed):
        read(certify(PRIMARY)[-len(sign(PRIMARY, kind=0x13)) :])


GOOD = sign(PRIMARY)
MALFORMED = {
    "nothing": b"",
    "version 2": b"\x02" + GOOD[1:],
    "version 5": b"\x05" + GOOD[1:],
    "version 3 that covers too much": b"\x03\x06" + sign(rsa_signer(), version=3)[2:],
    "version 3 cut short": sign(rsa_signer(), version=3)[:18],
    "hashed area past the end": GOOD[:4] + b"\xff\xff" + GOOD[6:],
    "cut in its hashed area": GOOD[:20],
    "cut in its digest": sign(PRIMARY, numbers=b"")[:-1],
    "a critical unknown subpacket": sign(PRIMARY, hashed=[subpacket(99, b"", critical=True)]),
    "a critical notation": sign(PRIMARY, hashed=[subpacket(20, bytes(8), critical=True)]),
    **{
        f"a critical subpacket of type {kind}, which may limit it": sign(
            PRIMARY, hashed=[subpacket(kind, bytes(34), critical=True)]
        )
        for kind in (28, 31, 34, 35, 39)
    },
    **{
        f"a subpacket of type {kind} of a length that it cannot have": sign(
            PRIMARY, hashed=[subpacket(kind, b"\x04" * 3)]
        )
        for kind in (4, 5, 7, 10, 12, 16, 25, 33)
    },
    "a subpacket without a type": sign(PRIMARY, hashed=[b"\0"]),
    "a subpacket past the end": sign(PRIMARY, hashed=[b"\x09\x14"]),
    "an unhashed subpacket past the end": sign(PRIMARY, unhashed=[b"\x09\x14"]),
    "two dates": sign(PRIMARY, hashed=[subpacket(2, seconds(NOW))]),
    "a date of three octets": sign(PRIMARY, made=None, hashed=[subpacket(2, b"abc")]),
    "a date of five octets": sign(PRIMARY, made=None, hashed=[subpacket(2, b"abcde")]),
    "an empty revocation reason": sign(PRIMARY, hashed=[subpacket(29, b"")]),
    "version 6 with a short salt": sign(ed(version=6)).replace(b"\x10" + b"\x5a" * 16, b"\x0f" + b"\x5a" * 15),
    "version 6 with an unknown digest": b"\x06\x00\x1b\x02" + sign(ed(version=6))[4:],
}


@pytest.mark.parametrize("name", MALFORMED)
def test_refuses_a_packet_that_does_not_hold_together(name: str) -> None:
    with pytest.raises(SignatureMalformed):
        read(MALFORMED[name])
    with pytest.raises(SignatureMalformed):
        parse_packet(MALFORMED[name], "record")


def test_reads_over_what_is_unknown_and_not_critical() -> None:
    loose = [subpacket(99, b"x", critical=True), subpacket(16, bytes.fromhex(PRIMARY.key_id))]
    noted = [subpacket(20, bytes(8)), subpacket(99, b"x"), subpacket(24, b"key", critical=True)]
    noted += [subpacket(28, b"Jane"), subpacket(35, bytes(21)), subpacket(4, b"\x01", critical=True)]

    check(sign(PRIMARY, hashed=noted, unhashed=loose), PRIMARY)


# Arithmetic

SIGNERS: dict[str, Signer] = {
    "RSA-2048": rsa_signer(),
    "RSA-1024": rsa_signer(1024),
    "RSA of 2,047 bits": rsa_signer(2047),
    "RSA, for signing": signer(rsa_private(), algorithm=3),
    "DSA-1024": signer(dsa_private()),
    "EdDSA": PRIMARY,
    "Ed25519, version 4": ed(algorithm=27),
    "Ed25519, version 6": ed(version=6),
    "Ed448, version 6": signer(ED448, version=6),
    "RSA, version 6": signer(rsa_private(), version=6),
    **{name: signer(ec_private(name)) for name in CURVES},
}


@pytest.mark.parametrize("name", SIGNERS)
def test_a_good_signature_verifies_and_its_neighbours_do_not(name: str) -> None:
    by = SIGNERS[name]
    body = sign(by)
    other = parse_key((ed(9, version=by.version, algorithm=by.algorithm) if by.algorithm in {22, 27} else by).body)

    check(body, by)

    with pytest.raises(SignatureBad):
        check(body, by, CONTENT + b"x")
    with pytest.raises(SignatureBad):
        check(body, by, b"")
    with pytest.raises((SignatureBad, SignatureMalformed)):
        check(body[:-1] + bytes([body[-1] ^ 1]), by)
    with pytest.raises((SignatureBad, SignatureMalformed)):
        check(body.replace(seconds(MADE), seconds(NOW)), by)
    if other.fingerprint != by.fingerprint:
        with pytest.raises(SignatureBad):
            verify(read(body), other, content())


@pytest.mark.parametrize("digest", [SHA1, SHA224, SHA256, SHA384, SHA512, SHA3_256, SHA3_512])
def test_verifies_over_every_digest_that_may_count(digest: int) -> None:
    for name in ("RSA-2048", "DSA-1024", "p256", "EdDSA"):
        check(sign(SIGNERS[name], digest=digest), SIGNERS[name])

    if digest != SHA1:
        check(sign(ed(version=6), digest=digest), ed(version=6))


def test_verifies_a_version_3_signature() -> None:
    check(sign(rsa_signer(), version=3), rsa_signer())

    with pytest.raises(SignatureBad):
        check(sign(rsa_signer(), version=3).replace(seconds(MADE), seconds(BORN)), rsa_signer())


def test_hashes_the_salt_before_the_content() -> None:
    asked: list[tuple[str, bytes]] = []

    def running(name: str, prefix: bytes) -> Hash:
        asked.append((name, prefix))
        return content()(name, prefix)

    for by in (ed(version=6), PRIMARY):
        verify(read(sign(by, digest=SHA512)), parse_key(by.body), running)

    assert asked == [("sha512", b"\x5a" * 32), ("sha512", b"")]


@pytest.mark.parametrize("digest", [MD5, RIPEMD160, 99])
def test_never_verifies_over_a_broken_digest(digest: int) -> None:
    body = sign(rsa_signer(), digest=digest, numbers=None if digest == MD5 else mpi(5))

    with pytest.raises(SignatureMalformed):
        check(body, rsa_signer())


def _forge_with_exponent_3() -> bytes:
    """Build a signature that a reader accepts who does not look behind the digest (Bleichenbacher, 2006)."""
    body = sign(signer(rsa_private(2048, 0, 3)), numbers=b"")
    area = int.from_bytes(body[4:6], "big")
    trailer = body[: 6 + area] + b"\x04\xff" + (6 + area).to_bytes(4, "big")
    value = hashlib.sha256(CONTENT + trailer).digest()
    prefix = b"\0\1" + b"\xff" * 8 + b"\0" + bytes.fromhex("3031300d060960864801650304020105000420") + value
    target = int.from_bytes(prefix.ljust(256, b"\0"), "big")
    low, high = 0, 1 << 700
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < target else (low, middle)
    assert (low**3).to_bytes(256, "big").startswith(prefix)
    return body + mpi(low)


RSA_N = rsa_private().public_key().public_numbers().n
S = int.from_bytes(sign(rsa_signer())[-256:], "big")
R_AND_S = sign(PRIMARY)[-68:]
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
FORGED: dict[str, tuple[bytes, Signer]] = {
    "exponent 3": (_forge_with_exponent_3(), signer(rsa_private(2048, 0, 3))),
    "RSA zero": (sign(rsa_signer(), numbers=mpi(0)), rsa_signer()),
    "RSA one": (sign(rsa_signer(), numbers=mpi(1)), rsa_signer()),
    "RSA n - 1": (sign(rsa_signer(), numbers=mpi(RSA_N - 1)), rsa_signer()),
    "RSA n": (sign(rsa_signer(), numbers=mpi(RSA_N)), rsa_signer()),
    "RSA s + n": (sign(rsa_signer(), numbers=mpi(S + RSA_N)), rsa_signer()),
    "RSA of 65,535 bits": (sign(rsa_signer(), numbers=mpi((1 << 65535) - 1)), rsa_signer()),
    "RSA without a number": (sign(rsa_signer(), numbers=b""), rsa_signer()),
    "RSA with another number behind": (sign(rsa_signer(), numbers=mpi(S) + mpi(1)), rsa_signer()),
    "RSA signed over another digest's name": (
        sign(rsa_signer(), digest=SHA512).replace(b"\x04\x00\x01\x0a", b"\x04\x00\x01\x08", 1),
        rsa_signer(),
    ),
    "DSA zeros": (sign(signer(dsa_private()), numbers=mpi(0) + mpi(0)), signer(dsa_private())),
    "DSA one and zero": (sign(signer(dsa_private()), numbers=mpi(1) + mpi(0)), signer(dsa_private())),
    "ECDSA zeros": (sign(signer(ec_private()), numbers=mpi(0) + mpi(0)), signer(ec_private())),
    "ECDSA of 60,000 bits": (sign(signer(ec_private()), numbers=mpi(1 << 60000) * 2), signer(ec_private())),
    "EdDSA zeros": (sign(PRIMARY, numbers=mpi(0) + mpi(0)), PRIMARY),
    "EdDSA of 33 octets": (sign(PRIMARY, numbers=mpi(1 << 260) + mpi(1)), PRIMARY),
    "EdDSA S + L": (
        GOOD[:-68]
        + R_AND_S[:34]
        + mpi(int.from_bytes((int.from_bytes(GOOD[-32:], "little") + GROUP_ORDER).to_bytes(32, "little"), "big")),
        PRIMARY,
    ),
    "Ed25519 zeros": (sign(ed(version=6), numbers=bytes(64)), ed(version=6)),
    "Ed25519 of 63 octets": (sign(ed(version=6), numbers=bytes(63)), ed(version=6)),
    "another key algorithm": (sign(PRIMARY), ed(algorithm=27)),
    "a version 4 signature by a version 6 key": (sign(ed(version=6), version=4), ed(version=6)),
    "a version 6 signature by a version 4 key": (sign(ed(algorithm=27), version=6), ed(algorithm=27)),
    "a key for encryption": (sign(signer(rsa_private(), algorithm=2)), signer(rsa_private(), algorithm=2)),
}


def test_accepts_a_number_at_full_length_as_signers_in_use_write_it() -> None:
    body = sign(rsa_signer(), numbers=b"\x08\x08\0" + mpi(S)[2:])

    check(body, rsa_signer())


@pytest.mark.parametrize("name", FORGED)
def test_refuses_forged_and_broken_numbers(name: str) -> None:
    body, by = FORGED[name]

    with pytest.raises((SignatureBad, SignatureMalformed)):
        check(body, by)


def test_a_key_that_is_none_verifies_nothing() -> None:
    point = b"\x04" + bytes(64)
    off_the_curve = b"\x04" + seconds(BORN) + b"\x13\x08" + bytes.fromhex("2a8648ce3d030107") + mpi(point)
    impossible_group = b"\x04" + seconds(BORN) + b"\x11" + mpi(1 << 1023 | 1) + mpi(7) + mpi(1) + mpi(1)

    for body, by in ((off_the_curve, signer(ec_private())), (impossible_group, signer(dsa_private()))):
        with pytest.raises(SignatureMalformed):
            verify(read(sign(by)), parse_key(body), content())


def test_a_kept_packet_is_read_again_when_it_is_verified() -> None:
    for broken in (b"", b"\x04", MALFORMED["two dates"]):
        with pytest.raises(SignatureMalformed):
            verify(replace(read(GOOD), packet=broken), parse_key(PRIMARY.body), content())


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(SIGNERS)), st.integers(0, 300), st.binary(max_size=2), st.integers(0, 2))
def test_damage_verifies_only_where_the_digest_does_not_reach(
    name: str, place: int, patch: bytes, dropped: int
) -> None:
    by = SIGNERS[name]
    body = BODIES[name]
    damaged = body[:place] + patch + body[place + dropped :]

    try:
        check(damaged, by)
    except (SignatureBad, SignatureMalformed):
        return
    hashed_end = 6 + int.from_bytes(body[4:6], "big") if by.version == 4 else 8 + int.from_bytes(body[4:8], "big")
    assert damaged[:hashed_end] == body[:hashed_end]


BODIES = {name: sign(by) for name, by in SIGNERS.items()}


# The policy table


def parsed(data: bytes) -> Certificate:
    (found,) = parse_certificates(data)
    return found


def key_of(found: Certificate, by: Signer) -> PublicKey:
    keys = [found.primary, *(each.key for each in found.subkeys)]
    return next(key for key in keys if key.fingerprint == by.fingerprint)


def weigh(
    body: bytes,
    data: bytes,
    by: Signer = PRIMARY,
    *,
    now: datetime = NOW,
    exact: bool = False,
    legacy_before: date | None = LEGACY_BEFORE,
    expires: date | None = None,
) -> Assessment:
    found = parsed(data)
    key = key_of(found, by)
    if read(body).digest_algorithm not in {MD5, RIPEMD160}:
        verify(read(body), key, content())
    return assess(read(body), found, key, now=now, exact=exact, legacy_before=legacy_before, expires=expires)


def with_subkey(primary: Signer = PRIMARY, subkey: Signer = SUBKEY, *parts: bytes, bound: bytes | None = None) -> bytes:
    binding = bind(primary, subkey) if bound is None else bound
    return certificate(primary, certify(primary), packet(14, subkey.body), binding, *parts)


OLD = datetime(2012, 1, 1, tzinfo=UTC)
OLD_RSA = signer(rsa_private(), born=OLD)
RSA_1024, DSA_1024 = signer(rsa_private(1024), born=OLD), signer(dsa_private(), born=OLD)
BEFORE, AFTER = datetime(2017, 2, 22, 23, tzinfo=UTC), datetime(2017, 2, 23, tzinfo=UTC)
REVOKED = {code: over_key(PRIMARY, 0x20, made=MADE, hashed=[reason(code)]) + certify(PRIMARY) for code in (1, 2, 3)}
ENDED = certify(PRIMARY, hashed=[lifetime(YEAR)])
V6, V6_SUBKEY = ed(version=6), ed(1, version=6)

Row = tuple[bytes, bytes, Signer, type[Refusal] | None]
TABLE: dict[str, Row] = {
    "RSA-2048": (sign(rsa_signer()), certificate(rsa_signer()), rsa_signer(), None),
    "RSA-1024": (sign(RSA_1024), certificate(RSA_1024), RSA_1024, SignatureWeak),
    "RSA-1024 before the day": (sign(RSA_1024, made=BEFORE), certificate(RSA_1024), RSA_1024, None),
    "DSA-1024": (sign(DSA_1024), certificate(DSA_1024), DSA_1024, SignatureWeak),
    "DSA-1024 before the day": (sign(DSA_1024, made=BEFORE), certificate(DSA_1024), DSA_1024, None),
    "a strong subkey under RSA-1024": (
        sign(SUBKEY),
        with_subkey(rsa_signer(1024), SUBKEY),
        SUBKEY,
        SignatureWeak,
    ),
    "RSA-1024 under a strong primary": (sign(RSA_1024), with_subkey(PRIMARY, RSA_1024), RSA_1024, SignatureWeak),
    "version 6": (sign(V6), certificate(V6, over_key(V6, 0x1F)), V6, None),
    "version 6 subkey": (sign(V6_SUBKEY), with_subkey(V6, V6_SUBKEY), V6_SUBKEY, None),
    "MD5": (sign(OLD_RSA, made=BEFORE, digest=MD5), certificate(OLD_RSA), OLD_RSA, SignatureWeak),
    "RIPEMD-160": (
        sign(OLD_RSA, made=BEFORE, digest=RIPEMD160, numbers=mpi(5)),
        certificate(OLD_RSA),
        OLD_RSA,
        SignatureWeak,
    ),
    "SHA-1": (sign(OLD_RSA, made=AFTER, digest=SHA1), certificate(OLD_RSA), OLD_RSA, SignatureWeak),
    "SHA-1 before the day": (sign(OLD_RSA, made=BEFORE, digest=SHA1), certificate(OLD_RSA), OLD_RSA, None),
    "SHA-224": (sign(PRIMARY, digest=SHA224), certificate(PRIMARY), PRIMARY, None),
    "SHA-1 only in self-signature and binding": (
        sign(SUBKEY),
        certificate(
            rsa_signer(),
            certify(rsa_signer(), digest=SHA1),
            packet(14, SUBKEY.body),
            bind(rsa_signer(), SUBKEY, digest=SHA1),
        ),
        SUBKEY,
        None,
    ),
    "version 3": (sign(OLD_RSA, made=AFTER, version=3), certificate(OLD_RSA), OLD_RSA, SignatureWeak),
    "version 3 before the day": (sign(OLD_RSA, made=BEFORE, version=3), certificate(OLD_RSA), OLD_RSA, None),
    "key expired now, valid then": (
        sign(PRIMARY, made=BORN + YEAR - timedelta(seconds=1)),
        certificate(PRIMARY, ENDED),
        PRIMARY,
        None,
    ),
    "key expired when signing": (sign(PRIMARY, made=BORN + YEAR), certificate(PRIMARY, ENDED), PRIMARY, KeyExpired),
    "primary expired under a live subkey": (
        sign(SUBKEY),
        certificate(PRIMARY, ENDED, packet(14, SUBKEY.body), bind(PRIMARY, SUBKEY)),
        SUBKEY,
        KeyExpired,
    ),
    "subkey expired under a live primary": (
        sign(SUBKEY),
        with_subkey(bound=bind(PRIMARY, SUBKEY, hashed=[lifetime(YEAR)])),
        SUBKEY,
        KeyExpired,
    ),
    "from 2099": (sign(PRIMARY, made=datetime(2099, 1, 1, tzinfo=UTC)), certificate(PRIMARY), PRIMARY, SignatureFuture),
    "five minutes ahead": (sign(PRIMARY, made=NOW + timedelta(seconds=300)), certificate(PRIMARY), PRIMARY, None),
    "more ahead": (sign(PRIMARY, made=NOW + timedelta(seconds=301)), certificate(PRIMARY), PRIMARY, SignatureFuture),
    "at the key's creation": (sign(PRIMARY, made=BORN), certificate(PRIMARY), PRIMARY, None),
    "before the key's creation": (
        sign(PRIMARY, made=BORN - timedelta(seconds=1)),
        certificate(PRIMARY),
        PRIMARY,
        SignatureFuture,
    ),
    "before the subkey's primary": (
        sign(OLD_RSA, made=BEFORE),
        with_subkey(PRIMARY, OLD_RSA),
        OLD_RSA,
        SignatureFuture,
    ),
    "without a date": (sign(PRIMARY, made=None), certificate(PRIMARY), PRIMARY, SignatureMalformed),
    "with a date that is not hashed": (
        sign(PRIMARY, made=None, unhashed=[subpacket(2, seconds(MADE))]),
        certificate(PRIMARY),
        PRIMARY,
        SignatureMalformed,
    ),
    "past its own end": (
        sign(PRIMARY, hashed=[subpacket(3, b"\0\0\0\x01")]),
        certificate(PRIMARY),
        PRIMARY,
        SignatureExpired,
    ),
    "with an end of its own to come": (
        sign(PRIMARY, hashed=[subpacket(3, b"\xff\0\0\0")]),
        certificate(PRIMARY),
        PRIMARY,
        None,
    ),
    "self-signature newer than the signature": (
        sign(PRIMARY),
        certificate(PRIMARY, certify(PRIMARY, made=NOW)),
        PRIMARY,
        None,
    ),
    "binding newer than the signature": (
        sign(SUBKEY),
        with_subkey(bound=bind(PRIMARY, SUBKEY, made=NOW)),
        SUBKEY,
        None,
    ),
    "revoked as compromised afterwards": (
        sign(PRIMARY, made=MADE - YEAR),
        certificate(PRIMARY, REVOKED[2]),
        PRIMARY,
        KeyRevoked,
    ),
    "superseded afterwards": (sign(PRIMARY, made=MADE - YEAR), certificate(PRIMARY, REVOKED[1]), PRIMARY, None),
    "superseded before": (sign(PRIMARY, made=MADE + YEAR), certificate(PRIMARY, REVOKED[1]), PRIMARY, KeyRevoked),
    "retired at that second": (sign(PRIMARY, made=MADE), certificate(PRIMARY, REVOKED[3]), PRIMARY, KeyRevoked),
    "primary revoked above the subkey": (
        sign(SUBKEY),
        certificate(PRIMARY, REVOKED[2], packet(14, SUBKEY.body), bind(PRIMARY, SUBKEY)),
        SUBKEY,
        KeyRevoked,
    ),
    "subkey revoked": (
        sign(SUBKEY),
        with_subkey(PRIMARY, SUBKEY, revoke_subkey(PRIMARY, SUBKEY, 2, NOW)),
        SUBKEY,
        KeyRevoked,
    ),
    "subkey retired afterwards": (
        sign(SUBKEY),
        with_subkey(PRIMARY, SUBKEY, revoke_subkey(PRIMARY, SUBKEY, 3, NOW)),
        SUBKEY,
        None,
    ),
    "primary signs, its subkey is revoked": (
        sign(PRIMARY),
        with_subkey(PRIMARY, SUBKEY, revoke_subkey(PRIMARY, SUBKEY, 2, NOW)),
        PRIMARY,
        None,
    ),
    "revocation only in the second copy": (
        sign(PRIMARY),
        certificate(PRIMARY) + certificate(PRIMARY, REVOKED[2]),
        PRIMARY,
        KeyRevoked,
    ),
    "forged revocation": (
        sign(PRIMARY),
        certificate(PRIMARY, over_key(PRIMARY, 0x20, STRANGER), certify(PRIMARY)),
        PRIMARY,
        None,
    ),
    "subkey without a back-signature": (
        sign(SUBKEY),
        with_subkey(bound=bind(PRIMARY, SUBKEY, back=b"")),
        SUBKEY,
        KeyUntrusted,
    ),
    "subkey with a foreign back-signature": (
        sign(SUBKEY),
        with_subkey(bound=bind(PRIMARY, SUBKEY, back=back_signature(PRIMARY, SUBKEY, STRANGER))),
        SUBKEY,
        KeyUntrusted,
    ),
    "subkey for encryption": (sign(SUBKEY), with_subkey(bound=bind(PRIMARY, SUBKEY, use=0x0C)), SUBKEY, KeyUntrusted),
    "primary that certifies only": (
        sign(PRIMARY),
        certificate(PRIMARY, certify(PRIMARY, hashed=[flags(0x01)])),
        PRIMARY,
        KeyUntrusted,
    ),
    "primary without key flags": (sign(PRIMARY), certificate(PRIMARY), PRIMARY, None),
    "no user id, direct-key self-signature": (
        sign(PRIMARY),
        certificate(PRIMARY, over_key(PRIMARY, 0x1F)),
        PRIMARY,
        None,
    ),
    "bare": (sign(PRIMARY), certificate(PRIMARY, b""), PRIMARY, None),
    "bare with a user id": (sign(PRIMARY), certificate(PRIMARY, packet(13, b"Jane")), PRIMARY, None),
    "signing subkey of a bare primary": (
        sign(SUBKEY),
        certificate(PRIMARY, packet(14, SUBKEY.body), bind(PRIMARY, SUBKEY)),
        SUBKEY,
        None,
    ),
    "stolen subkey under a bare primary": (
        sign(SUBKEY),
        certificate(PRIMARY, packet(14, SUBKEY.body), bind(PRIMARY, SUBKEY, back=b"")),
        SUBKEY,
        KeyUntrusted,
    ),
    "300 foreign certifications": (
        sign(PRIMARY),
        certificate(
            PRIMARY, certify(PRIMARY), *[packet(2, sign(STRANGER, bytes([n % 256]), 0x10)) for n in range(300)]
        ),
        PRIMARY,
        None,
    ),
    "issuer key id of another": (
        sign(PRIMARY, unhashed=[subpacket(16, bytes.fromhex(STRANGER.key_id))]),
        certificate(PRIMARY),
        PRIMARY,
        None,
    ),
    "key id only": (
        sign(PRIMARY, unhashed=[subpacket(16, bytes.fromhex(PRIMARY.key_id))]),
        certificate(PRIMARY),
        PRIMARY,
        None,
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_policy_table(name: str) -> None:
    body, data, by, expected = TABLE[name]

    assessment = weigh(body, data, by)

    assert [type(problem) for problem in assessment.problems] == ([expected] if expected else [])
    assert all(
        problem.expected and problem.received
        for problem in assessment.problems[:1]
        if not isinstance(problem, SignatureMalformed)
    )


@pytest.mark.parametrize(
    ("name", "legacy"),
    [
        ("SHA-1 before the day", True),
        ("version 3 before the day", True),
        ("RSA-1024 before the day", True),
        ("DSA-1024 before the day", True),
        ("a strong subkey under RSA-1024", True),
        ("RSA-1024 under a strong primary", True),
        ("SHA-1", True),
        ("SHA-1 only in self-signature and binding", False),
        ("RSA-2048", False),
        ("version 6 subkey", False),
    ],
)
def test_marks_legacy_evidence(name: str, *, legacy: bool) -> None:
    body, data, by, _ = TABLE[name]

    assert weigh(body, data, by).legacy == legacy


def test_legacy_evidence_counts_until_the_day_named_for_the_signer_or_never() -> None:
    body, data, by, _ = TABLE["SHA-1"]

    assert not weigh(body, data, by, legacy_before=date(2017, 2, 24)).problems
    (never,) = weigh(*TABLE["SHA-1 before the day"][:3], legacy_before=None).problems
    assert never.expected is not None
    assert "never" in never.expected.value
    assert "SHA-1" in never.reason


def test_legacy_evidence_without_a_date_does_not_count() -> None:
    assessment = weigh(sign(OLD_RSA, made=None, digest=SHA1), certificate(OLD_RSA), OLD_RSA)

    assert [type(problem) for problem in assessment.problems] == [SignatureWeak, SignatureMalformed]


def test_a_key_below_1024_bits_never_counts() -> None:
    small = parse_key(b"\x04" + seconds(OLD) + b"\x01" + mpi(1 << 767 | 1) + mpi(3))
    found = Certificate(small, None, None, (), bare=True, as_of=None)

    assessment = assess(
        read(sign(OLD_RSA, made=BEFORE)),
        found,
        small,
        now=NOW,
        exact=True,
        legacy_before=date(2099, 1, 1),
        expires=None,
    )

    assert [type(problem) for problem in assessment.problems] == [SignatureWeak]


def test_expiry_says_both_dates_and_how_old_our_copy_is() -> None:
    body, data, by, _ = TABLE["key expired when signing"]

    (problem,) = weigh(body, data, by).problems
    (young,) = weigh(body, data, by, now=BORN + YEAR).problems

    assert problem.expected is not None
    assert problem.received is not None
    assert "2020-12-31T00:00:00Z" in problem.expected.value
    assert "2020-01-01" in problem.expected.origin
    assert "2020-12-31T00:00:00Z" in problem.received.value
    assert "2020-01-01, 6 years old" in problem.hint
    assert "365 days old" in young.hint


def test_a_trust_entry_replaces_the_expiry_of_key_and_primary() -> None:
    for name in (
        "key expired when signing",
        "primary expired under a live subkey",
        "subkey expired under a live primary",
    ):
        body, data, by, _ = TABLE[name]
        made = read(body).created
        assert made is not None

        later = weigh(body, data, by, expires=made.date() + timedelta(days=1))
        (problem,) = weigh(body, data, by, expires=made.date()).problems

        assert not later.problems
        assert isinstance(problem, KeyExpired)
        assert problem.expected is not None
        assert problem.expected.origin == "the trust entry"


def test_a_key_named_exactly_needs_no_flags_but_stays_revocable() -> None:
    for name in ("subkey for encryption", "subkey without a back-signature", "primary that certifies only"):
        body, data, by, _ = TABLE[name]
        assert not weigh(body, data, by, exact=True).problems

    for name in ("subkey revoked", "revoked as compromised afterwards", "primary revoked above the subkey"):
        body, data, by, expected = TABLE[name]
        assert [type(problem) for problem in weigh(body, data, by, exact=True).problems] == [expected]


@pytest.mark.parametrize("exact", [True, False])
def test_a_key_that_is_not_in_the_certificate_does_not_count(*, exact: bool) -> None:
    assessment = assess(
        read(sign(STRANGER)),
        parsed(certificate(PRIMARY)),
        parse_key(STRANGER.body),
        now=NOW,
        exact=exact,
        legacy_before=None,
        expires=None,
    )

    assert [type(problem) for problem in assessment.problems] == [KeyUntrusted]


def test_lists_everything_that_is_wrong() -> None:
    body = sign(OLD_RSA, made=AFTER, digest=SHA1, hashed=[subpacket(3, b"\0\0\0\x01")])
    revoked = over_key(OLD_RSA, 0x20, made=OLD)
    data = certificate(OLD_RSA, revoked, certify(OLD_RSA, made=OLD, hashed=[lifetime(YEAR), flags(1)]))

    problems = weigh(body, data, OLD_RSA).problems

    assert [type(problem) for problem in problems] == [
        SignatureWeak,
        SignatureExpired,
        KeyRevoked,
        KeyExpired,
        KeyUntrusted,
    ]


def test_a_forged_issuer_claim_verifies_with_no_key_but_the_true_one() -> None:
    claim = [subpacket(33, b"\x04" + bytes.fromhex(STRANGER.fingerprint))]
    signature = read(sign(PRIMARY, unhashed=claim))

    assert signature.issuer_fingerprint == STRANGER.fingerprint
    with pytest.raises(SignatureBad):
        verify(signature, parse_key(STRANGER.body), content())


def test_a_text_mode_signature_is_refused_before_any_arithmetic() -> None:
    with pytest.raises(SignatureMalformed, match="text-mode"):
        read(sign(PRIMARY, CONTENT.replace(b"\n", b"\r\n"), 0x01))
