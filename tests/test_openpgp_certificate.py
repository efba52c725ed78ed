import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from hypothesis import given, settings
from hypothesis import strategies as st
from openpgp_cases import (
    BORN,
    MADE,
    MD5,
    SHA1,
    SHA256,
    Signer,
    armour,
    back_signature,
    bind,
    certificate,
    certify,
    ed,
    flags,
    lifetime,
    old_packet,
    over_key,
    packet,
    partial,
    reason,
    revoke_subkey,
    rsa_signer,
    sign,
    signer,
    subpacket,
    user_id,
)

from verifier.errors import ConfigError
from verifier.openpgp.armor import MAX_KEY_FILE_BYTES
from verifier.openpgp.certificate import (
    MAX_KEY_FILE_PACKETS,
    MAX_OWN_SIGNATURES,
    MAX_PLACES_TRIED,
    Certificate,
    Revocation,
    index_certificates,
    isolate,
    merge,
    parse_certificates,
    strip,
)

PRIMARY, SUBKEY, STRANGER = ed(0), ed(1), ed(2)
YEAR, SECOND = timedelta(days=365), timedelta(seconds=1)
LATER = MADE + YEAR
OVER_JANE = PRIMARY.form + user_id(b"Jane")
CLAIM = [subpacket(16, bytes.fromhex(PRIMARY.key_id))]
REVOKER = subpacket(12, b"\x80\x16" + bytes.fromhex(STRANGER.fingerprint))


def parsed(*parts: bytes, primary: Signer = PRIMARY) -> Certificate:
    (found,) = parse_certificates(certificate(primary, *parts))
    return found


# What the primary says of itself


def test_reads_a_key_that_never_expires() -> None:
    found = parsed(certify(PRIMARY, made=MADE))

    assert found.primary.fingerprint == PRIMARY.fingerprint
    assert (found.expires, found.revocation, found.subkeys, found.bare) == (None, None, (), False)
    assert found.as_of == MADE
    assert found.signs


BARE = {
    "a key alone": b"",
    "a user id alone": packet(13, b"Jane"),
    "foreign certifications alone": packet(13, b"Jane")
    + packet(2, sign(STRANGER, PRIMARY.form + user_id(b"Jane"), 0x13)),
    "a certification of another user id": certify(PRIMARY).replace(b"Jane", b"Joan", 1),
    "a self-signature over MD5": certify(rsa_signer(), digest=MD5),
    "a self-signature that says it was made by the key": packet(13, b"Jane")
    + packet(
        2,
        sign(STRANGER, PRIMARY.form + user_id(b"Jane"), 0x13, unhashed=[subpacket(16, bytes.fromhex(PRIMARY.key_id))]),
    ),
    "a self-signature without a date": certify(PRIMARY, made=None),
    "a self-signature from before the key": certify(PRIMARY, made=BORN - SECOND),
    "a self-signature with a critical unknown": certify(PRIMARY, hashed=[subpacket(99, b"", critical=True)]),
    "a self-signature of another type": certify(PRIMARY, kind=0x16),
    "a self-signature of version 6": certify(PRIMARY, version=6),
}


@pytest.mark.parametrize("name", BARE)
def test_a_key_without_a_self_signature_is_bare(name: str) -> None:
    found = parsed(BARE[name] or b"", primary=rsa_signer() if "MD5" in name else PRIMARY)

    assert (found.bare, found.as_of, found.expires, found.signs) == (True, None, None, True)


def _cut(certified: bytes) -> tuple[bytes, bytes]:
    """Part a user id from what certifies it."""
    name = packet(13, b"Jane <jane@repo.example>")
    return name, certified.removeprefix(name)


SELF_SIGNED = {
    "by SHA-1": certify(rsa_signer(), digest=SHA1),
    "in version 3": certify(rsa_signer(), version=3),
    "directly": over_key(rsa_signer(), 0x1F),
    "before its user id": b"".join(reversed(_cut(certify(rsa_signer())))),
    "under another user id": _cut(certify(rsa_signer()))[0] + packet(13, b"Jane") + _cut(certify(rsa_signer()))[1],
    "under a subkey": _cut(certify(rsa_signer()))[0] + packet(14, SUBKEY.body) + _cut(certify(rsa_signer()))[1],
    "with something behind its numbers": packet(13, b"Jane")
    + packet(2, sign(rsa_signer(), rsa_signer().form + user_id(b"Jane"), 0x13, made=BORN) + b"x"),
    "directly, behind a user id": packet(13, b"Jane") + over_key(rsa_signer(), 0x1F),
    **{f"by type 0x{kind:02x}": certify(rsa_signer(), kind=kind) for kind in range(0x10, 0x14)},
}


@pytest.mark.parametrize("name", SELF_SIGNED)
def test_a_self_signature_counts(name: str) -> None:
    found = parsed(SELF_SIGNED[name], primary=rsa_signer())

    assert (found.bare, found.as_of) == (False, BORN)


def test_a_version_6_key_is_read_whole() -> None:
    primary, subkey = ed(version=6), ed(1, version=6)

    found = parsed(
        over_key(primary, 0x1F, hashed=[lifetime(YEAR)]),
        certify(primary),
        packet(14, subkey.body),
        bind(primary, subkey),
        primary=primary,
    )

    assert len(found.primary.fingerprint) == 64
    assert found.expires == BORN + YEAR
    assert [each.signs for each in found.subkeys] == [True]


def test_expiry_is_that_of_the_newest_self_signature() -> None:
    first = certify(PRIMARY, hashed=[lifetime(YEAR)])
    second = certify(PRIMARY, b"Joan", made=MADE, hashed=[lifetime(3 * YEAR)])
    forged = packet(
        2, sign(STRANGER, PRIMARY.form, 0x1F, made=LATER, unhashed=[subpacket(16, bytes.fromhex(PRIMARY.key_id))])
    )

    for parts in ((first, second, forged), (second, first, forged)):
        assert parsed(*parts).expires == BORN + 3 * YEAR
    assert parsed(first).expires == BORN + YEAR
    assert parsed(certify(PRIMARY, hashed=[lifetime(YEAR)]), certify(PRIMARY, made=MADE)).expires is None


def test_a_self_signature_that_ends_ends_the_key() -> None:
    until = subpacket(3, int(YEAR.total_seconds()).to_bytes(4, "big"))

    assert parsed(certify(PRIMARY, hashed=[until])).expires == BORN + YEAR
    assert parsed(certify(PRIMARY, hashed=[until, lifetime(3 * YEAR)])).expires == BORN + YEAR
    assert parsed(certify(PRIMARY, hashed=[subpacket(3, bytes(4)), lifetime(timedelta(0))])).expires is None


@pytest.mark.parametrize(("value", "signs"), [(0x01, False), (0x0C, False), (0x03, True), (0x02, True), (None, True)])
def test_a_primary_signs_unless_its_flags_say_otherwise(value: int | None, *, signs: bool) -> None:
    found = parsed(certify(PRIMARY, hashed=[] if value is None else [flags(value)]))

    assert found.signs == signs


def test_empty_flags_are_no_leave_to_sign() -> None:
    assert not parsed(certify(PRIMARY, hashed=[subpacket(27, b"")])).signs


# Revocation

REASONS = {
    None: (True, "no reason given"),
    0: (True, "no reason given"),
    1: (False, "superseded"),
    2: (True, "compromised"),
    3: (False, "retired"),
    32: (False, "user id no longer valid"),
    77: (True, "reason 77"),
}


@pytest.mark.parametrize("code", REASONS)
def test_tells_soft_revocations_from_hard_ones(code: int | None) -> None:
    given_reason = [] if code is None else [reason(code)]

    found = parsed(over_key(PRIMARY, 0x20, made=MADE, hashed=given_reason), certify(PRIMARY))

    assert found.revocation == Revocation(MADE, *REASONS[code])


def test_a_bare_key_can_be_revoked() -> None:
    found = parsed(over_key(PRIMARY, 0x20, made=MADE))

    assert found.bare
    assert found.revocation is not None


def test_a_revocation_without_a_date_counts_from_the_beginning() -> None:
    found = parsed(over_key(PRIMARY, 0x20, made=None, hashed=[reason(1)]))

    assert found.revocation == Revocation(datetime.fromtimestamp(0, BORN.tzinfo), hard=False, reason="superseded")


def test_a_hard_revocation_dominates_and_the_earliest_soft_one_counts() -> None:
    early, late = (over_key(PRIMARY, 0x20, made=made, hashed=[reason(3)]) for made in (MADE, LATER))
    hard = over_key(PRIMARY, 0x20, made=LATER, hashed=[reason(2)])

    soft_found, hard_found = parsed(late, early).revocation, parsed(late, early, hard).revocation

    assert soft_found is not None
    assert (soft_found.made, soft_found.hard) == (MADE, False)
    assert hard_found is not None
    assert hard_found.hard


NO_REVOCATION = {
    "by a stranger": over_key(PRIMARY, 0x20, STRANGER),
    "by a stranger who claims to be the owner": over_key(PRIMARY, 0x20, STRANGER, unhashed=CLAIM),
    "with one bit changed": over_key(PRIMARY, 0x20)[:-1] + bytes([over_key(PRIMARY, 0x20)[-1] ^ 1]),
    "by a designated revoker": over_key(
        PRIMARY, 0x1F, hashed=[subpacket(12, b"\x80\x16" + bytes.fromhex(STRANGER.fingerprint))]
    )
    + over_key(PRIMARY, 0x20, STRANGER),
    "of another key": packet(2, sign(PRIMARY, STRANGER.form, 0x20)),
    "of a certification": certify(PRIMARY) + packet(2, sign(PRIMARY, PRIMARY.form + user_id(), 0x30)),
    "cut short": packet(2, sign(PRIMARY, PRIMARY.form, 0x20)[:30] + bytes.fromhex(PRIMARY.key_id)),
}


@pytest.mark.parametrize("name", NO_REVOCATION)
def test_ignores_a_revocation(name: str) -> None:
    assert parsed(NO_REVOCATION[name], certify(PRIMARY)).revocation is None


def test_finds_a_revocation_wherever_it_stands() -> None:
    revocation = over_key(PRIMARY, 0x20)
    bound = packet(14, SUBKEY.body) + bind(PRIMARY, SUBKEY)

    for parts in (
        (revocation, certify(PRIMARY), bound),
        (certify(PRIMARY), revocation, bound),
        (certify(PRIMARY), bound, revocation),
    ):
        assert parsed(*parts).revocation is not None


@pytest.mark.parametrize("by", [PRIMARY, rsa_signer(), ed(version=6, algorithm=27)])
def test_what_follows_its_numbers_does_not_disable_a_revocation(by: Signer) -> None:
    for kind, form in ((0x20, by.form), (0x28, by.form + SUBKEY.form)):
        loose = packet(2, sign(by, form, kind, unhashed=CLAIM if by is PRIMARY else None) + b"\x00\x01\x01")

        found = parsed(over_key(by, 0x1F), packet(14, SUBKEY.body), _bound(by), loose, primary=by)

        assert (found.revocation or found.subkeys[0].revocation) is not None


def test_a_revocation_from_before_the_key_counts() -> None:
    assert parsed(certify(PRIMARY), over_key(PRIMARY, 0x20, made=BORN - SECOND)).revocation is not None


def test_of_two_self_signatures_of_one_second_the_stricter_counts() -> None:
    pair = [certify(PRIMARY, hashed=[lifetime(YEAR), flags(3)]), certify(PRIMARY, b"Joan", hashed=[flags(1)])]
    copies = [parsed(one) for one in pair]

    for found in (parsed(*pair), parsed(*reversed(pair)), merge(*copies), merge(*reversed(copies))):
        assert (found.expires, found.signs) == (BORN + YEAR, False)


# Subkeys


def _bound(by: Signer) -> bytes:
    return bind(by, SUBKEY, back=b"")


def test_finds_the_revocation_of_a_subkey_wherever_it_stands() -> None:
    revocation = revoke_subkey(PRIMARY, SUBKEY, 2, MADE)
    bound, other = packet(14, SUBKEY.body) + bind(PRIMARY, SUBKEY), packet(14, STRANGER.body)

    for parts in ((revocation, bound), (certify(PRIMARY), revocation, bound), (bound, other, revocation)):
        found = parsed(*parts)
        assert [subkey.revocation is not None for subkey in found.subkeys] == [True]
        (raw,) = index_certificates(certificate(PRIMARY, *parts))
        assert parse_certificates(strip(raw).data) == (found,)


def test_of_two_bindings_of_one_second_the_stricter_counts() -> None:
    pair = [bind(PRIMARY, SUBKEY, hashed=[lifetime(YEAR)]), bind(PRIMARY, SUBKEY)]
    for bindings in (pair, reversed(pair)):
        (subkey,) = parsed(packet(14, SUBKEY.body), *bindings).subkeys
        assert (subkey.signs, subkey.expires) == (True, BORN + YEAR)
    for stricter in (bind(PRIMARY, SUBKEY, use=0x0C), bind(PRIMARY, SUBKEY, back=b"")):
        assert _subkeys(bind(PRIMARY, SUBKEY), stricter) == [False]


def test_misplaced_signatures_cost_a_bounded_time() -> None:
    claims = [packet(2, sign(STRANGER, number.to_bytes(2, "big"), 0x28, unhashed=CLAIM)) for number in range(200)]
    names = [packet(13, number.to_bytes(3, "big")) for number in range(MAX_PLACES_TRIED)]
    start = time.perf_counter()

    assert parse_certificates(certificate(PRIMARY, certify(PRIMARY), *claims, *names)) == ()
    assert time.perf_counter() - start < 10


def _subkeys(*parts: bytes, subkey: Signer = SUBKEY) -> list[bool]:
    return [each.signs for each in parsed(certify(PRIMARY), packet(14, subkey.body), *parts).subkeys]


def test_keeps_a_bound_signing_subkey_with_its_dates() -> None:
    found = parsed(
        certify(PRIMARY),
        packet(14, SUBKEY.body),
        bind(PRIMARY, SUBKEY, hashed=[lifetime(YEAR)]),
        bind(PRIMARY, SUBKEY, hashed=[lifetime(2 * YEAR)], made=MADE),
    )

    (subkey,) = found.subkeys
    assert subkey.key.fingerprint == SUBKEY.fingerprint
    assert (subkey.signs, subkey.expires, subkey.revocation, subkey.as_of) == (True, BORN + 2 * YEAR, None, MADE)


def test_a_subkey_counts_under_a_bare_primary() -> None:
    found = parsed(packet(14, SUBKEY.body), bind(PRIMARY, SUBKEY))

    assert found.bare
    assert [each.signs for each in found.subkeys] == [True]


UNBOUND = {
    "nothing": b"",
    "a binding by a stranger": bind(PRIMARY, SUBKEY, by=STRANGER),
    "a binding by itself": bind(PRIMARY, SUBKEY, by=SUBKEY),
    "the binding of another subkey": bind(PRIMARY, STRANGER),
    "a binding with one bit changed": bind(PRIMARY, SUBKEY)[:-1] + bytes([bind(PRIMARY, SUBKEY)[-1] ^ 1]),
    "a binding from before the keys": bind(PRIMARY, SUBKEY, made=BORN - SECOND),
    "a binding without a date": packet(2, sign(PRIMARY, PRIMARY.form + SUBKEY.form, 0x18, made=None)),
    "a certification in its place": certify(PRIMARY),
}


@pytest.mark.parametrize("name", UNBOUND)
def test_drops_a_subkey_that_has(name: str) -> None:
    assert _subkeys(UNBOUND[name]) == []


NOT_FOR_SIGNING = {
    "no back-signature": bind(PRIMARY, SUBKEY, back=b""),
    "a back-signature by a stranger": bind(PRIMARY, SUBKEY, back=back_signature(PRIMARY, SUBKEY, STRANGER)),
    "a back-signature by the primary": bind(PRIMARY, SUBKEY, back=back_signature(PRIMARY, SUBKEY, PRIMARY)),
    "a back-signature for another primary": bind(PRIMARY, SUBKEY, back=back_signature(STRANGER, SUBKEY)),
    "a back-signature of another type": bind(PRIMARY, SUBKEY, back=back_signature(PRIMARY, SUBKEY, kind=0x18)),
    "a back-signature that cannot be read": bind(PRIMARY, SUBKEY, back=subpacket(32, b"\x04")),
    "flags for encryption": bind(PRIMARY, SUBKEY, use=0x0C),
    "no flags": bind(PRIMARY, SUBKEY, use=None),
    "a newer binding for encryption": bind(PRIMARY, SUBKEY) + bind(PRIMARY, SUBKEY, use=0x0C, made=MADE),
}


@pytest.mark.parametrize("name", NOT_FOR_SIGNING)
def test_a_subkey_does_not_sign_with(name: str) -> None:
    assert _subkeys(NOT_FOR_SIGNING[name]) == [False]


def test_a_back_signature_counts_outside_of_the_hashed_area() -> None:
    content = PRIMARY.form + SUBKEY.form
    loose = [subpacket(16, bytes.fromhex(PRIMARY.key_id)), back_signature(PRIMARY, SUBKEY)]

    assert _subkeys(packet(2, sign(PRIMARY, content, 0x18, hashed=[flags(2)], unhashed=loose))) == [True]


def test_a_binding_over_sha1_counts_and_one_over_md5_does_not() -> None:
    primary = rsa_signer()

    for digest, kept in ((SHA1, 1), (SHA256, 1), (MD5, 0)):
        bound = packet(14, SUBKEY.body) + bind(primary, SUBKEY, digest=digest)
        assert len(parsed(certify(primary), bound, primary=primary).subkeys) == kept


@pytest.mark.parametrize(("code", "hard"), [(1, False), (2, True), (3, False), (0, True)])
def test_reads_the_revocation_of_a_subkey(code: int, *, hard: bool) -> None:
    bound = packet(14, SUBKEY.body) + bind(PRIMARY, SUBKEY)

    (subkey,) = parsed(certify(PRIMARY), bound, revoke_subkey(PRIMARY, SUBKEY, code, MADE)).subkeys
    (kept,) = parsed(certify(PRIMARY), bound, revoke_subkey(PRIMARY, SUBKEY, code, MADE, by=STRANGER)).subkeys

    assert subkey.revocation is not None
    assert (subkey.revocation.hard, subkey.revocation.made) == (hard, MADE)
    assert kept.revocation is None


def test_reads_over_subkeys_that_make_no_signatures() -> None:
    x25519_body = b"\x04" + bytes(4) + b"\x19" + x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
    encrypting = Signer(PRIMARY.private, x25519_body, 25)

    assert _subkeys(bind(PRIMARY, encrypting, use=0x0C, back=b""), subkey=encrypting) == []
    assert _subkeys(packet(14, b"\x03"), packet(14, SUBKEY.body), bind(PRIMARY, SUBKEY)) == [True]


# Files of keys


def _fingerprints(data: bytes) -> list[str]:
    return [each.primary.fingerprint for each in parse_certificates(data)]


def test_reads_binary_and_armoured_files_alike() -> None:
    first, second = certificate(PRIMARY), certificate(STRANGER)
    both = [PRIMARY.fingerprint, STRANGER.fingerprint]
    blocks = armour(first, "PUBLIC KEY BLOCK") + b"prose -- between\n\n" + armour(second, "PUBLIC KEY BLOCK")

    assert _fingerprints(first + second) == both
    assert _fingerprints(old_packet(6, PRIMARY.body) + second) == both
    assert _fingerprints(armour(first + second, "PUBLIC KEY BLOCK")) == both
    assert _fingerprints(b"pub  Jane\xc3\xa9 <j@repo.example>\n" + blocks + b"\nend") == both
    assert _fingerprints(b"\xef\xbb\xbfJane\n" + blocks.replace(b"\n", b"\r\n")) == both


def test_reads_over_trust_and_marker_packets() -> None:
    found = parsed(
        packet(12, b"\x00\x01\x02\x03"), certify(PRIMARY), packet(12, b"x"), packet(10, b"PGP"), packet(17, b"photo")
    )

    assert not found.bare


def test_copies_of_one_key_are_put_together() -> None:
    plain = certificate(PRIMARY)
    revoked = certificate(PRIMARY, over_key(PRIMARY, 0x20), certify(PRIMARY))
    bound = certificate(PRIMARY, packet(14, SUBKEY.body), bind(PRIMARY, SUBKEY))
    binding_alone = certificate(PRIMARY, packet(14, SUBKEY.body))

    (found,) = parse_certificates(binding_alone + certificate(STRANGER) + plain + revoked + bound)[:1]

    assert found.revocation is not None
    assert [each.signs for each in found.subkeys] == [True]
    assert len(index_certificates(plain + revoked + bound)) == 1


def test_skips_what_it_cannot_use_and_says_so() -> None:
    weird = [
        packet(6, b"\x03" + bytes(20)),
        packet(6, b"\x04" + bytes(4) + b"\x10" + b"\x00\x02\x03"),
        certificate(STRANGER) + packet(11, b"x"),
        packet(5, b"\x04"),
    ]

    for other in weird:
        reasons: list[str] = []
        found = parse_certificates(certificate(PRIMARY) + other, skipped=reasons.append)
        if other[0] == 0xC6:
            assert [each.primary.fingerprint for each in found] == [PRIMARY.fingerprint]
        assert len(reasons) == 1


def test_a_certificate_cut_short_is_left_out_whole() -> None:
    whole = certificate(PRIMARY) + certificate(STRANGER, certify(STRANGER), over_key(STRANGER, 0x20))
    reasons: list[str] = []

    found = parse_certificates(whole[:-1], skipped=reasons.append)

    assert [each.primary.fingerprint for each in found] == [PRIMARY.fingerprint]
    assert STRANGER.fingerprint in reasons[0]
    with pytest.raises(ConfigError):
        parse_certificates(packet(6, PRIMARY.body)[:-1])


def test_a_broken_block_does_not_take_the_others_along() -> None:
    good = armour(certificate(PRIMARY), "PUBLIC KEY BLOCK")
    broken = armour(certificate(STRANGER), "PUBLIC KEY BLOCK").replace(b"-----\n\n", b"-----\n\n*", 1)
    unended = b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxxxx\n"
    reasons: list[str] = []

    found = parse_certificates(broken + unended + good + unended, skipped=reasons.append)

    assert [each.primary.fingerprint for each in found] == [PRIMARY.fingerprint]
    assert len(reasons) == 3


NO_KEYS = {
    "nothing": b"",
    "text": b"hello",
    "a signature": armour(packet(2, sign(PRIMARY))),
    "a signature as a key": armour(packet(2, sign(PRIMARY)), "PUBLIC KEY BLOCK"),
    "a private key": armour(packet(5, PRIMARY.body), "PRIVATE KEY BLOCK"),
    "an unended block": b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n",
    "an empty block": armour(b"", "PUBLIC KEY BLOCK"),
    "packets of partial length": partial(6, PRIMARY.body, power=4),
    "a packet of 4 GiB": b"\xc6\xff\xff\xff\xff\xff\x04",
    "too much": b"\x99" + bytes(MAX_KEY_FILE_BYTES),
}


@pytest.mark.parametrize("name", NO_KEYS)
def test_a_file_without_a_key_is_an_error_that_names_it(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_certificates(NO_KEYS[name], origin="team.keys")

    assert caught.value.where == "team.keys"


def test_the_index_names_primaries_and_subkeys_without_checking_them() -> None:
    data = certificate(PRIMARY, packet(14, SUBKEY.body), packet(14, b"\x03"), packet(14, SUBKEY.body))

    (raw,) = index_certificates(data)

    assert raw.fingerprint == PRIMARY.fingerprint
    assert set(raw.subkey_fingerprints) == {SUBKEY.fingerprint}
    assert parse_certificates(raw.data)[0].subkeys == ()


ENCRYPTING = packet(14, b"\x04" + bytes(4) + b"\x10\x00\x02\x03")


def test_a_subkey_can_be_isolated_by_its_fingerprint() -> None:
    (raw,) = index_certificates(certificate(PRIMARY, packet(14, b"\x03"), ENCRYPTING, packet(14, SUBKEY.body)))

    found = isolate(raw, SUBKEY.fingerprint)

    assert (found.primary.fingerprint, found.bare, found.revocation) == (SUBKEY.fingerprint, True, None)
    for other in (STRANGER.fingerprint, PRIMARY.fingerprint, raw.subkey_fingerprints[0]):
        with pytest.raises(ConfigError):
            isolate(raw, other)


def test_an_isolated_subkey_stays_revoked() -> None:
    soft = revoke_subkey(PRIMARY, SUBKEY, 1, MADE)
    for parts, hard in (
        ((packet(14, SUBKEY.body), soft), False),
        ((over_key(PRIMARY, 0x20), packet(14, SUBKEY.body)), True),
    ):
        (raw,) = index_certificates(certificate(PRIMARY, *parts))

        revocation = isolate(raw, SUBKEY.fingerprint).revocation

        assert revocation is not None
        assert revocation.hard == hard


# Floods


def test_a_poisoned_key_is_read_quickly() -> None:
    foreign = packet(2, sign(STRANGER, b"x", 0x10))
    numbered = [foreign[:-4] + number.to_bytes(4, "big") for number in range(20_000)]
    data = certificate(PRIMARY, certify(PRIMARY), *numbered)
    start = time.perf_counter()

    (found,) = parse_certificates(data)

    assert not found.bare
    assert time.perf_counter() - start < 10


def test_a_flood_of_signatures_that_claim_to_be_its_own_refuses_the_key() -> None:
    own = over_key(PRIMARY, 0x1F, unhashed=CLAIM)
    flood = [own[:-4] + number.to_bytes(4, "big") for number in range(MAX_OWN_SIGNATURES + 1)]
    reasons: list[str] = []

    found = parse_certificates(certificate(PRIMARY, *flood) + certificate(STRANGER), skipped=reasons.append)

    assert [each.primary.fingerprint for each in found] == [STRANGER.fingerprint]
    assert "claim to be its own" in reasons[0]
    assert not parsed(*flood[1:-1], own).bare


@pytest.mark.parametrize("tiny", [b"\xc2\x00", b"\xc6\x01\x04"])
def test_a_flood_of_tiny_packets_is_cut_off(tiny: bytes) -> None:
    data = certificate(PRIMARY) + packet(6, STRANGER.body) + tiny * (MAX_KEY_FILE_PACKETS + 1)
    reasons: list[str] = []
    start = time.perf_counter()

    found = index_certificates(data, skipped=reasons.append)

    assert found[0].fingerprint == PRIMARY.fingerprint
    assert "packets" in reasons[-1]
    assert time.perf_counter() - start < 20


def test_an_oversized_user_id_is_read_over() -> None:
    assert parsed(certify(PRIMARY, b"x" * 5000)).bare


def test_floods_of_armour_lines_are_read_quickly() -> None:
    start = time.perf_counter()

    for line in (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n", b"-----END PGP PUBLIC KEY BLOCK-----\n", b"a:\n"):
        with pytest.raises(ConfigError):
            parse_certificates(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n" + line * 20_000)

    assert time.perf_counter() - start < 10


# Merging values


def test_merging_takes_the_newer_expiry_and_every_revocation() -> None:
    old = parsed(certify(PRIMARY, hashed=[lifetime(YEAR)]), over_key(PRIMARY, 0x20, hashed=[reason(2)]))
    new = parsed(
        certify(PRIMARY, made=MADE, hashed=[lifetime(5 * YEAR)]), over_key(PRIMARY, 0x20, made=BORN, hashed=[reason(1)])
    )

    for merged in (merge(old, new), merge(new, old)):
        assert (merged.expires, merged.as_of) == (BORN + 5 * YEAR, MADE)
        assert merged.revocation is not None
        assert merged.revocation.hard


def test_merging_with_a_bare_copy_adds_nothing_but_what_was_signed() -> None:
    full = parsed(certify(PRIMARY, hashed=[lifetime(YEAR)]))
    bare = parsed(packet(14, SUBKEY.body), bind(PRIMARY, SUBKEY))

    for merged in (merge(full, bare), merge(bare, full)):
        assert replace(merged, subkeys=()) == full
        assert merged.subkeys == bare.subkeys


def test_merging_unites_subkeys_and_takes_the_newer_binding_of_each() -> None:
    other = packet(14, STRANGER.body) + bind(PRIMARY, STRANGER)
    old = parsed(certify(PRIMARY), packet(14, SUBKEY.body), bind(PRIMARY, SUBKEY, made=MADE), other)
    new = parsed(
        certify(PRIMARY, made=LATER),
        packet(14, SUBKEY.body),
        bind(PRIMARY, SUBKEY, hashed=[lifetime(YEAR)]),
        revoke_subkey(PRIMARY, SUBKEY, 3, LATER),
    )

    for merged in (merge(old, new), merge(new, old)):
        united = {each.key.fingerprint: each for each in merged.subkeys}
        assert set(united) == {SUBKEY.fingerprint, STRANGER.fingerprint}
        assert (united[SUBKEY.fingerprint].expires, united[SUBKEY.fingerprint].as_of) == (None, MADE)
        assert united[SUBKEY.fingerprint].revocation is not None


# Anything at all

WHOLE = certificate(
    PRIMARY,
    over_key(PRIMARY, 0x1F, made=MADE, hashed=[lifetime(YEAR), flags(3)]),
    certify(PRIMARY),
    packet(14, SUBKEY.body),
    bind(PRIMARY, SUBKEY),
)


def _parse_or_refuse(data: bytes) -> tuple[Certificate, ...]:
    try:
        return parse_certificates(data)
    except ConfigError:
        return ()


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_read_or_refused(data: bytes) -> None:
    for whole in (
        data,
        packet(6, data),
        armour(data, "PUBLIC KEY BLOCK"),
        WHOLE + packet(2, data),
        WHOLE + packet(14, data),
    ):
        _parse_or_refuse(whole)


@settings(deadline=None, max_examples=300)
@given(st.integers(0, len(WHOLE)), st.binary(max_size=2), st.integers(0, 2))
def test_damage_adds_nothing_to_a_certificate(place: int, patch: bytes, dropped: int) -> None:
    (whole,) = parse_certificates(WHOLE)

    for found in _parse_or_refuse(WHOLE[:place] + patch + WHOLE[place + dropped :]):
        if found.primary == whole.primary:
            assert found.expires in {None, whole.expires}
            assert found.revocation is None
            assert {each.key for each in found.subkeys} <= {each.key for each in whole.subkeys}


def test_a_key_of_another_owner_is_not_taken_for_a_copy() -> None:
    other = signer(PRIMARY.private, born=MADE)

    assert len(parse_certificates(certificate(PRIMARY) + certificate(other))) == 2
