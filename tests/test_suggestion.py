"""What is known of a refused signer: one table of cases, and what each must be met with."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from openpgp_cases import certificate, certify, ed, over_key, reason

from verifier.coordinate import parse_coordinate
from verifier.errors import CacheError
from verifier.judged import Judged, JudgedSignature, read_judged
from verifier.openpgp.certificate import Certificate, parse_certificates
from verifier.openpgp.key import key_id
from verifier.pattern import parse_pattern
from verifier.statements import Statements
from verifier.suggestion import Caution, GroupCase, SignerCase, Sources, cases, is_trusted_for, legacy_before
from verifier.trust import TrustEntry

NEW, OLD = ed(0), ed(1)
N, K = NEW.fingerprint, OLD.fingerprint
GROUP = "org.example"
MADE = datetime(2024, 3, 1, 12, tzinfo=UTC)
UNTRUSTED, UNKNOWN = "key-untrusted", "key-unknown"


def signature(
    status: str = UNTRUSTED, primary: str | None = N, fingerprint: str | None = N, **changes: object
) -> JudgedSignature:
    identifier = None if fingerprint is None else key_id(fingerprint)
    one = JudgedSignature(fingerprint, identifier, primary, MADE, "sha512", status, legacy=False)
    return replace(one, **changes)  # type: ignore[arg-type] # passed on


def judged(
    *signatures: JudgedSignature, name: str = f"{GROUP}:widget:1.0", codes: Iterable[str] = (UNTRUSTED,)
) -> Judged:
    status = "refused" if codes else "verified"
    return Judged(parse_coordinate(name), status, tuple(codes), signatures or (signature(),), "1")


def trust(pattern: str, *keys: str, **changes: object) -> TrustEntry:
    entry = TrustEntry(parse_pattern(pattern), keys, False, None, None, "", "", "verifier.toml:7")  # noqa: FBT003  (`exact`)
    return replace(entry, **changes)  # type: ignore[arg-type] # passed on


def stated(pattern: str, key: str, projects: int = 1, revoked: str = "-", fate: str = "too few witnesses") -> str:
    return f"{pattern}\t{key}\tprimary\t{projects}\t0\t0\t0\t0\t0\tgood\t2020-01-02\tclean\t{revoked}\t{fate}"


def certificates(*copies: bytes) -> dict[str, tuple[Certificate, ...]]:
    found: dict[str, tuple[Certificate, ...]] = {}
    if copies:
        found |= {one.primary.fingerprint: (one,) for one in parse_certificates(b"".join(copies))}
    return found | {key_id(fingerprint): copy for fingerprint, copy in found.items()}


def sources(*entries: TrustEntry, lines: Iterable[str] = (), keys: Iterable[bytes] = ()) -> Sources:
    held = certificates(*keys)
    return Sources(entries, Statements("\n".join(lines)), lambda key: held.get(key, ()), date(2026, 11, 24))


def only(found: tuple[SignerCase, ...]) -> tuple[SignerCase, GroupCase]:
    (case,) = found
    (group,) = case.groups
    return case, group


HARD = certificate(NEW, over_key(NEW, 0x20, hashed=[reason(2)]), certify(NEW))
CAUTIONED: dict[str, tuple[Judged, Sources, set[Caution]]] = {
    "known group, new signer": (judged(), sources(trust(GROUP, K)), {Caution.NEW_SIGNER}),
    "known by a wildcard": (judged(), sources(trust("org.example.*", K)), {Caution.NEW_SIGNER}),
    "known by another artifact": (judged(), sources(trust(f"{GROUP}:other", K)), {Caution.NEW_SIGNER}),
    "known to others alone": (judged(), sources(lines=[stated(GROUP, K)]), {Caution.NEW_SIGNER}),
    "stated by a generated wildcard alone": (
        judged(), sources(trust(GROUP, K), lines=[stated("org.example.*", N)]), {Caution.NEW_SIGNER},
    ),
    "stated formerly": (judged(), sources(trust(GROUP, K), lines=[stated(GROUP, N, 0)]), {Caution.NEW_SIGNER}),
    "stated for another group": (
        judged(), sources(trust(GROUP, K), lines=[stated("org.examples", N)]), {Caution.NEW_SIGNER},
    ),
    "revoked in our copy": (judged(), sources(keys=[HARD]), {Caution.KEY_REVOKED}),
    "revoked by the table": (
        judged(), sources(lines=[stated("com.other", N, revoked="hard:2023-01-26")]), {Caution.KEY_REVOKED},
    ),
    "withdrawn": (
        judged(), sources(lines=[stated(GROUP, N, fate="contradicted: withdrawn by a source")]), {Caution.CONTRADICTED},
    ),
    "bad beside": (judged(signature(), signature("signature-bad", None, K)), sources(), {Caution.BAD_SIGNATURE}),
    "other bytes": (judged(codes=[UNTRUSTED, "checksum-mismatch"]), sources(), {Caution.OTHER_CAUSE}),
    "replayed": (judged(codes=[UNTRUSTED, "signature-replayed"]), sources(), {Caution.OTHER_CAUSE}),
    "weak for good": (
        judged(signature("signature-weak", None), codes=["signature-weak", UNTRUSTED]),
        sources(),
        {Caution.NEVER_COUNTS},
    ),
}  # fmt: skip
PROPOSED: dict[str, tuple[Judged, Sources]] = {
    "new group": (judged(), sources()),
    "new group, key not at hand": (judged(signature(primary=None)), sources()),
    "known group, somebody states it": (judged(), sources(trust(GROUP, K), lines=[stated(GROUP, N)])),
    "a neighbour group is known": (judged(), sources(trust("org.examples", K), trust("org", K))),
    "the other signer was revoked": (judged(), sources(lines=[stated(GROUP, K, revoked="hard:2023-01-26")])),
    "others by a generated wildcard alone": (judged(), sources(lines=[stated("org.*", K)])),
    "expired in our copy": (judged(codes=["key-expired", UNTRUSTED]), sources()),
    "soft revocation": (judged(), sources(lines=[stated(GROUP, N, revoked="soft:2024-01-04")])),
    "a missing key beside": (judged(codes=[UNTRUSTED, UNKNOWN]), sources()),
}


@pytest.mark.parametrize("name", CAUTIONED)
def test_proposes_nothing_where_it_may_be_an_attack(name: str) -> None:
    file, known, cautions = CAUTIONED[name]

    group = next(case for case in cases([file], known) if case.signer == N).groups[0]

    assert set(group.cautions) == cautions
    assert group.proposal is None


@pytest.mark.parametrize("name", PROPOSED)
def test_proposes_the_group_and_the_primary_key(name: str) -> None:
    _, group = only(cases([PROPOSED[name][0]], PROPOSED[name][1]))

    assert group.cautions == ()
    assert group.proposal is not None
    assert (group.proposal.pattern, group.proposal.fingerprint) == (GROUP, N)


def test_says_on_what_a_proposal_rests() -> None:
    later = replace(signature(), created=datetime(2025, 1, 1, tzinfo=UTC))
    files = [judged(name=f"{GROUP}:widget:1.10"), judged(later, name=f"{GROUP}:widget:1.9")]

    _, group = only(cases(files, sources(lines=[stated(GROUP, N, 2), stated(f"{GROUP}:widget", N)])))

    assert group.proposal is not None
    assert group.proposal.reason == "signs 1.9 to 1.10 in 2 files, dated 2024-03-01 to 2025-01-01; stated by 2 others"
    assert (group.standing, group.since, group.versions) == (2, date(2020, 1, 2), ("1.9", "1.10"))


def test_a_service_key_is_named_as_one_in_what_is_written() -> None:
    service = trust("com.served", N, kind="service", reason="a service")

    case, group = only(cases([judged()], sources(service)))

    assert case.service == "a service"
    assert group.proposal is not None
    assert "not who made it" in group.proposal.reason


def test_asks_for_the_day_that_the_refused_legacy_signatures_need() -> None:
    weak = signature("signature-weak", legacy=True)

    _, group = only(cases([judged(weak, codes=["signature-weak", UNTRUSTED])], sources()))

    assert group.proposal is not None
    assert group.proposal.legacy_before == date(2024, 3, 2)
    assert legacy_before([signature(legacy=True), replace(weak, created=None)]) is None


def test_a_trusted_signer_without_material_is_no_new_signer() -> None:
    known = sources(trust(GROUP, N), trust("org.example.*", K))

    _, group = only(cases([judged(signature(UNKNOWN, None), codes=[UNKNOWN])], known))

    assert group.trusted is not None
    assert (group.cautions, group.proposal) == ((), None)


def test_trust_in_one_artifact_is_none_in_the_next() -> None:
    _, group = only(cases([judged()], sources(trust(f"{GROUP}:other", N))))

    assert group.trusted is None
    assert group.proposal is not None


def test_files_judged_with_and_without_the_key_at_hand_are_one_case() -> None:
    files = [judged(), judged(signature(primary=None), name=f"{GROUP}:part:1.0"),
             judged(signature(primary=None, fingerprint=None, key_id=key_id(N)), name=f"{GROUP}:old:1.0")]  # fmt: skip

    _, group = only(cases(files, sources(keys=[certificate(NEW, certify(NEW))])))

    assert len(group.waiting) == 3


def test_shows_with_what_the_known_signer_was_met() -> None:
    before = judged(signature("good", K, K), name=f"{GROUP}:widget:0.9", codes=())
    elsewhere = judged(signature("good", K, K), name="org.elsewhere:x:7", codes=())

    _, group = only(cases([judged(), before, elsewhere], sources(trust(GROUP, K))))

    assert [(one.fingerprint, one.versions) for one in group.known] == [(K, ("0.9",))]


def test_a_key_id_stands_for_a_fingerprint_only_where_one_alone_is_known() -> None:
    short = signature(primary=None, fingerprint=None, key_id=key_id(N))
    twin = "0" * 24 + key_id(N)

    nobody, group = only(cases([judged(short)], sources()))
    one, found = only(cases([judged(short)], sources(trust("org.far", N))))
    two, _ = only(cases([judged(short)], sources(lines=[stated("org.far", N), stated("org.off", twin)])))

    assert (nobody.fingerprint, group.proposal, one.fingerprint, two.fingerprint) == (None, None, N, None)
    assert found.proposal is not None


def test_the_signer_with_the_most_files_comes_first() -> None:
    other = signature(primary=K, fingerprint=K)
    files = [judged(other), judged(name="org.b:x:1"), judged(name="org.a:x:1"), judged(other, codes=())]

    found = cases(files, sources(lines=[stated("org.a", N), stated("org.far", N)]))

    assert [(case.signer, [group.group for group in case.groups]) for case in found] == [
        (N, ["org.a", "org.b"]),
        (K, [GROUP]),
    ]
    assert [one.pattern for one in found[0].elsewhere] == ["org.far"]


@pytest.mark.parametrize(
    ("entry", "pattern", "trusted"),
    [
        ("org.example.*", "org.example", True),
        ("org.example.*", "org.example.part", True),
        ("org.example.*", "org.example.*", True),
        ("org.example", "org.example:widget", True),
        ("org.example:widget", "org.example:widget", True),
        ("org.example", "org.example.*", False),
        ("org.example:widget", "org.example", False),
        ("org.example:widget", "org.example:other", False),
    ],
)
def test_a_key_is_trusted_for_what_an_entry_takes_whole(entry: str, pattern: str, trusted: bool) -> None:  # noqa: FBT001  (a column)
    assert is_trusted_for(parse_pattern(pattern), frozenset({N}), [trust(entry, N)]) is trusted
    assert not is_trusted_for(parse_pattern(pattern), frozenset({K}), [trust(entry, N)])


@pytest.mark.parametrize(
    "document", ["", "[]", "{}", '{"artifact": {}}', '{"artifact": {"coordinate": "a:b:1"}}', "[" * 9000]
)
def test_a_damaged_record_is_one_error(document: str) -> None:
    with pytest.raises(CacheError, match="record 7"):
        read_judged(document, "7")


def test_what_is_no_artifact_is_passed_over() -> None:
    assert read_judged(json.dumps({"artifact": {"coordinate": "org.example/maven-metadata.xml"}}), "7") is None


def test_reads_what_the_record_tells_of_signers() -> None:
    signature_fields = {"fingerprint": N, "key_id": None, "primary": None, "created": "2024-03-01T12:00:00Z",
                        "digest": "sha512", "status": UNTRUSTED, "legacy": False}  # fmt: skip
    nameless = signature_fields | {"created": None, "fingerprint": None}
    artifact = {"coordinate": "org.example:widget:jar:1.0", "status": "refused",
                "signatures": [signature_fields, nameless]}  # fmt: skip
    document = json.dumps({"artifact": artifact, "causes": [{"code": UNTRUSTED}, {"code": UNTRUSTED}]})

    found = read_judged(document, "7")

    assert found is not None
    assert (str(found.coordinate), found.codes, found.record) == ("org.example:widget:jar:1.0", (UNTRUSTED,), "7")
    assert (found.signatures[0].created, found.signatures[1].signer) == (MADE, "")
    assert cases([found], sources())[0].signer == N


@pytest.mark.parametrize(
    ("one", "by"),
    [
        (signature(), True),
        (signature(primary=None), True),
        (signature(fingerprint=K), True),
        (signature(primary=None, fingerprint=None, key_id=key_id(N)), True),
        (signature(primary=K, fingerprint=K), False),
        (signature(primary=None, fingerprint=K, key_id=key_id(N)), False),
        (signature(primary=None, fingerprint=None), False),
    ],
)
def test_a_key_id_counts_only_where_no_fingerprint_is_named(one: JudgedSignature, by: bool) -> None:  # noqa: FBT001  (a column)
    assert one.is_by(N) is by


def test_a_signature_without_a_date_tells_of_no_day() -> None:
    _, group = only(cases([judged(signature(created=None))], sources()))

    assert group.since is None
    assert group.proposal is not None
    assert group.proposal.reason == "signs 1.0 in 1 file; stated by nobody else"


def test_each_caution_has_a_word_for_machines() -> None:
    assert {caution.code for caution in Caution} >= {"new-signer", "key-revoked", "bad-signature"}
