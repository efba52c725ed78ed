import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpgp_cases import MADE, NOW, SHA512, armour, ed, mpi, packet, sign, subpacket

from verifier.contents import Claim
from verifier.coordinate import parse_coordinate
from verifier.digest import Algorithm, Digest
from verifier.evidence import (
    Checksum,
    Evidence,
    EvidenceUnreadable,
    Origin,
    Proof,
    packet_identity,
    read_evidence,
    write_evidence,
)

OWNER, OTHER = ed(0), ed(1)
BODY = sign(OWNER)
FULL = Evidence(
    coordinate=parse_coordinate("org.example:widget:jar:sources:1.0"),
    repository="central",
    url="https://repo.example/widget\u202e",
    size=7,
    digests=(Digest(Algorithm.SHA1, "1" * 40), Digest(Algorithm.SHA256, "2" * 64)),
    checksums=tuple(Checksum(Digest(Algorithm.SHA1, "1" * 40), origin, "here") for origin in Origin),
    signature=b"\x00\xff signature",
    signature_where="https://repo.example/widget.asc",
    signature_absent=False,
    claims=(Claim("org.example", "widget", "1.0\ud800", "pom.xml"),),
    proofs=frozenset({Proof("a" * 64, OWNER.fingerprint), Proof("b" * 64, OWNER.fingerprint)}),
    last_modified="Thu, 01 Jan 2026 00:00:00 GMT",
)
BARE = replace(
    FULL, checksums=(), signature=None, signature_absent=True, claims=(), proofs=frozenset(), last_modified=""
)
FIELDS = json.loads(write_evidence(FULL))


@pytest.mark.parametrize("evidence", [FULL, BARE])
def test_what_was_written_is_read_again(evidence: Evidence) -> None:
    assert read_evidence(write_evidence(evidence)) == evidence


def test_equal_evidence_is_the_same_text() -> None:
    again = replace(FULL, digests=tuple(reversed(FULL.digests)), proofs=frozenset(sorted(FULL.proofs, key=str)))

    assert write_evidence(again) == write_evidence(FULL)


@pytest.mark.parametrize("field", FIELDS)
def test_a_document_without_a_field_is_no_evidence(field: str) -> None:
    document = json.dumps({name: value for name, value in FIELDS.items() if name != field})

    with pytest.raises(EvidenceUnreadable):
        read_evidence(document)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", 2),
        ("format", True),
        ("coordinate", "org.example:..:1.0"),
        ("coordinate", "pkg:maven/org.example/widget@1.0"),
        ("coordinate", 7),
        ("coordinate", []),
        ("repository", None),
        ("size", "7"),
        ("size", 7.5),
        ("size", float("inf")),
        ("size", True),
        ("digests", {}),
        ("digests", []),
        ("digests", {"sha1": "1" * 40}),
        ("digests", {"sha3": "1" * 40}),
        ("digests", {"sha256": 7}),
        ("checksums", [["sha1", "1" * 40, "rumour", "here"]]),
        ("checksums", [["sha1", "1" * 40, "header"]]),
        ("checksums", None),
        ("signature", 7),
        ("signature", "no base64!"),
        ("signature", "\u00e9"),
        ("signature_absent", "false"),
        ("signature_absent", None),
        ("claims", [["a", "b", "c"]]),
        ("claims", [["a", "b", "c", None]]),
        ("proofs", [["a"]]),
        ("proofs", {"a": "b"}),
        ("extra", "field"),
    ],
)
def test_a_document_with_a_changed_field_is_no_evidence(field: str, value: object) -> None:
    with pytest.raises(EvidenceUnreadable):
        read_evidence(json.dumps({**FIELDS, field: value}, separators=(",", ":"), sort_keys=True))


@pytest.mark.parametrize(
    "document",
    ["", "{", "[]", "null", "7", '"x"', "[" * 100_000, '{"size":' + "9" * 5000 + "}", write_evidence(FULL) + " "],
)
def test_anything_else_is_no_evidence(document: str) -> None:
    with pytest.raises(EvidenceUnreadable):
        read_evidence(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(FIELDS)), JSON)
def test_any_field_is_read_exactly_or_not_at_all(field: str, value: object) -> None:
    document = json.dumps({**FIELDS, field: value}, separators=(",", ":"), sort_keys=True)

    try:
        evidence = read_evidence(document)
    except EvidenceUnreadable:
        return
    assert write_evidence(evidence) == document


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(write_evidence(FULL)) - 1), st.text(min_size=0, max_size=3), st.text(max_size=50))
def test_any_text_is_read_exactly_or_not_at_all(position: int, put: str, alone: str) -> None:
    text = write_evidence(FULL)
    for document in (text[:position] + put + text[position + 1 :], text[:position], alone):
        try:
            evidence = read_evidence(document)
        except EvidenceUnreadable:
            continue
        assert write_evidence(evidence) == document


def test_a_digest_that_was_not_taken_is_none() -> None:
    assert FULL.digest(Algorithm.SHA1) == Digest(Algorithm.SHA1, "1" * 40)
    assert FULL.digest(Algorithm.MD5) is None
    assert FULL.sha256 == "2" * 64


# What a signature is known by

KEY_ID = subpacket(16, bytes.fromhex(OWNER.key_id))


def identity(signature: bytes | None, *proven: bytes) -> str | None:
    proofs = frozenset(Proof(packet_identity(body), OWNER.fingerprint) for body in proven)
    return replace(FULL, signature=signature, proofs=proofs).signature_identity


def with_more_unhashed(body: bytes, more: bytes) -> bytes:
    """Put a subpacket into the area that no digest covers."""
    start = 6 + int.from_bytes(body[4:6], "big")
    length = int.from_bytes(body[start : start + 2], "big")
    end = start + 2 + length
    return body[:start] + (length + len(more)).to_bytes(2, "big") + body[start + 2 : end] + more + body[end:]


@pytest.mark.parametrize(
    "disguise",
    [
        armour(packet(2, BODY)),
        armour(packet(2, BODY), width=76),
        armour(packet(2, BODY), crc=b""),
        b"\n" + armour(packet(2, BODY)) + b"\n\n",
        packet(2, BODY) * 2,
        packet(2, with_more_unhashed(BODY, subpacket(100, b"junk"))),
        packet(2, with_more_unhashed(BODY, subpacket(33, b"\x04" + bytes.fromhex(OTHER.fingerprint)))),
    ],
)
def test_the_same_signature_written_anew_is_the_same(disguise: bytes) -> None:
    assert identity(disguise) == identity(packet(2, BODY))


def test_a_stranger_s_signature_beside_a_proven_one_makes_no_difference() -> None:
    both = packet(2, sign(OTHER)) + packet(2, BODY)

    assert identity(both, BODY) == identity(packet(2, BODY)) == identity(packet(2, BODY), BODY)


@pytest.mark.parametrize(
    "body",
    [
        sign(OWNER, made=NOW),
        sign(OTHER),
        sign(OWNER, digest=SHA512),
        sign(OTHER, unhashed=[KEY_ID]),
        sign(OWNER, kind=1),
    ],
)
def test_another_signature_is_another(body: bytes) -> None:
    assert identity(packet(2, body)) != identity(packet(2, BODY))


def test_a_version_3_signature_is_known_by_its_date_and_key() -> None:
    made, later = sign(OWNER, version=3), sign(OWNER, version=3, made=NOW)

    assert identity(packet(2, made)) == identity(armour(packet(2, made)))
    assert len({identity(packet(2, body)) for body in (made, later, sign(OTHER, version=3, made=MADE))}) == 3


def test_what_is_no_signature_is_known_by_its_bytes() -> None:
    assert identity(b"<html>") == identity(b"<html>") != identity(b"<html> ")
    assert identity(packet(2, b"\x09")) != identity(packet(2, b"\x0a"))
    assert identity(None) is None


def test_the_numbers_of_a_signature_are_no_part_of_its_identity() -> None:
    assert identity(packet(2, sign(OWNER, numbers=mpi(5)))) == identity(packet(2, BODY))
