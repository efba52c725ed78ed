from datetime import timedelta

import openpgp_cases as cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpgp_cases import (
    BORN,
    MADE,
    bind,
    certificate,
    certify,
    ed,
    over_key,
    packet,
    reason,
    rsa_signer,
    sign,
    subpacket,
)

from verifier.errors import ConfigError
from verifier.openpgp.certificate import (
    MAX_OWN_SIGNATURES,
    Certificate,
    RawCertificate,
    index_certificates,
    parse_certificates,
    strip,
    user_ids,
)

OWNER, STRANGER, WORKER = ed(0), ed(1), ed(2)
YEAR = timedelta(days=365)


def raw(data: bytes) -> RawCertificate:
    (only,) = index_certificates(data)
    return only


def read(data: bytes) -> Certificate:
    (only,) = parse_certificates(data)
    return only


def foreign(name: bytes = b"Jane <jane@repo.example>") -> bytes:
    return packet(2, sign(STRANGER, OWNER.form + cases.user_id(name), 0x13, made=BORN))


def variants(body: bytes, count: int) -> bytes:
    """One signature in many wrappings: the unhashed area is anybody's."""
    hashed_end = 6 + int.from_bytes(body[4:6], "big")
    unhashed = int.from_bytes(body[hashed_end : hashed_end + 2], "big")
    old, rest = body[hashed_end + 2 : hashed_end + 2 + unhashed], body[hashed_end + 2 + unhashed :]
    made = []
    for number in range(count):
        area = subpacket(100, number.to_bytes(2, "big")) + old
        made.append(packet(2, body[:hashed_end] + len(area).to_bytes(2, "big") + area + rest))
    return b"".join(made)


def test_keeps_what_the_primary_signed_and_means_the_same() -> None:
    data = certificate(
        OWNER,
        over_key(OWNER, 0x1F, hashed=[cases.lifetime(9 * YEAR)]),
        certify(OWNER, hashed=[cases.lifetime(8 * YEAR)], made=MADE),
        packet(14, WORKER.body),
        bind(OWNER, WORKER),
        cases.revoke_subkey(OWNER, WORKER, 1, MADE),
    )

    stripped = strip(raw(data))

    assert read(stripped.data) == read(data)
    assert stripped.fingerprint == OWNER.fingerprint
    assert stripped.subkey_fingerprints == (WORKER.fingerprint,)
    assert user_ids(stripped) == ("Jane <jane@repo.example>",)


def test_drops_what_others_hung_on_the_key() -> None:
    clean = certificate(OWNER, certify(OWNER))
    hung = [
        foreign(),  # a certification by a stranger
        packet(13, b"Mallory <mallory@repo.example>"),  # a user id that nobody signed
        packet(13, b"Mallory") + foreign(b"Mallory"),
        packet(17, b"\x05\x01abcd"),  # a picture
        packet(14, WORKER.body),  # a subkey that nobody bound
        packet(14, WORKER.body) + bind(OWNER, WORKER, by=STRANGER),
        packet(14, b"\x03" + WORKER.body[1:]),
        packet(14, b"\x04" * 5000),
        over_key(OWNER, 0x20, STRANGER, hashed=[reason(2)]),  # a forged revocation
        packet(2, sign(STRANGER, OWNER.form, 0x20, unhashed=[subpacket(16, bytes.fromhex(OWNER.key_id))])),
        packet(2, b"\x04\x13" + bytes.fromhex(OWNER.key_id)),
    ]

    assert strip(raw(clean + b"".join(hung))) == strip(raw(clean))
    assert user_ids(strip(raw(clean + b"".join(hung)))) == ("Jane <jane@repo.example>",)


def test_a_revocation_of_its_own_stays_wherever_it_stands() -> None:
    revocation = over_key(OWNER, 0x20, hashed=[reason(2)], made=MADE)

    for data in (
        certificate(OWNER, revocation, certify(OWNER)),
        certificate(OWNER, certify(OWNER), revocation),
        certificate(OWNER, revocation),  # as VKS serves a revoked key
    ):
        stripped = read(strip(raw(data)).data)
        assert stripped.revocation is not None
        assert stripped.revocation.hard


def test_a_bare_key_stays_bare() -> None:
    stripped = strip(raw(packet(6, OWNER.body)))

    assert stripped.data == packet(6, OWNER.body)
    assert read(stripped.data).bare


def test_copies_in_any_order_become_the_same_octets() -> None:
    one = certificate(OWNER, certify(OWNER, b"Jane"), packet(14, WORKER.body), bind(OWNER, WORKER))
    two = certificate(OWNER, over_key(OWNER, 0x20, hashed=[reason(1)]), certify(OWNER, b"Joan", made=MADE))

    assert strip(raw(one + two)) == strip(raw(two + one)) == strip(strip(raw(one + two)))
    assert user_ids(strip(raw(one + two))) == ("Jane", "Joan")


def test_a_flood_of_wrappings_leaves_one_statement_and_room_for_a_revocation() -> None:
    body = sign(OWNER, OWNER.form + cases.user_id(), 0x13, made=BORN)
    flood = certificate(OWNER, packet(13, b"Jane <jane@repo.example>") + variants(body, MAX_OWN_SIGNATURES - 1))
    revocation = over_key(OWNER, 0x20, hashed=[reason(2)])

    stripped = strip(raw(flood))

    assert len(stripped.data) < 400
    assert read(stripped.data + certificate(OWNER, revocation)).revocation is not None


def test_refuses_more_claims_than_it_would_check() -> None:
    body = sign(OWNER, OWNER.form + cases.user_id(), 0x13, made=BORN)
    flood = certificate(OWNER, packet(13, b"Jane <jane@repo.example>") + variants(body, MAX_OWN_SIGNATURES + 1))

    with pytest.raises(ConfigError, match="claim to be its own"):
        strip(raw(flood), origin="a server")


def test_a_binding_keeps_its_back_signature_whoever_wrapped_it_without() -> None:
    back = cases.back_signature(OWNER, WORKER)
    area = [cases.flags(2)]
    issuer = subpacket(16, bytes.fromhex(OWNER.key_id))
    with_back, without = (
        sign(OWNER, OWNER.form + WORKER.form, 0x18, made=BORN, hashed=area, unhashed=unhashed)
        for unhashed in ([issuer, back], [issuer])
    )
    honest = certificate(OWNER, certify(OWNER), packet(14, WORKER.body), packet(2, with_back))
    robbed = certificate(OWNER, certify(OWNER), packet(14, WORKER.body), packet(2, without))

    for data in (honest + robbed, robbed + honest):
        assert [subkey.signs for subkey in read(strip(raw(data)).data).subkeys] == [True]
    assert [subkey.signs for subkey in read(strip(raw(robbed)).data).subkeys] == [False]


def test_twenty_thousand_certifications_are_gone_at_once() -> None:
    one = foreign()
    poisoned = certificate(OWNER, certify(OWNER)) + one * 20_000

    stripped = strip(raw(poisoned))

    assert stripped == strip(raw(certificate(OWNER, certify(OWNER))))


def test_a_key_that_cannot_be_used_is_refused() -> None:
    elgamal = packet(6, OWNER.body[:5] + b"\x10" + cases.mpi(5) * 3)

    with pytest.raises(ConfigError, match=r"a server: key .* cannot be used"):
        strip(raw(elgamal), origin="a server")


def test_gives_user_ids_as_text_whatever_their_octets() -> None:
    assert user_ids(raw(certificate(OWNER, certify(OWNER, b"J\xe4ne")))) == ("J\ufffdne",)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_never_breaks_and_never_adds_on_damaged_certificates(data: st.DataObject) -> None:
    whole = bytearray(certificate(OWNER, certify(OWNER), packet(14, WORKER.body), bind(OWNER, WORKER)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole) - 1))
        whole[at] ^= data.draw(st.integers(1, 255))
    try:
        raws = index_certificates(bytes(whole))
    except ConfigError:
        return
    for one in raws:
        try:
            stripped = strip(one)
        except ConfigError:
            continue
        assert strip(stripped) == stripped
        assert len(stripped.data) <= len(one.data)


def test_an_rsa_key_is_stripped_like_any_other() -> None:
    owner = rsa_signer()
    data = certificate(owner, certify(owner, digest=cases.SHA1))

    assert read(strip(raw(data)).data) == read(data)
