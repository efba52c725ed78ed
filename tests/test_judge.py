from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from judge_cases import (
    BAD,
    BAD_BY_KEY_ID,
    BAD_BY_STRANGER,
    BY_KEY_ID,
    BY_STRANGER,
    BY_UNKNOWN,
    CASES,
    ENDED_YESTERDAY,
    GOOD,
    OTHER_SHA256,
    OUTAGE,
    OWNER,
    RSA,
    STRANGER,
    SUBKEY,
    Case,
    Held,
    asc,
    codes,
    evidence,
    exempt,
    held,
    judged,
    trust,
)
from openpgp_cases import BORN, certificate, sign

from verifier.errors import PRECEDENCE, KeyExpired, KeyUnknown, ReasonedError, Unreachable
from verifier.evidence import Origin, Proof, packet_identity
from verifier.judge import Mark


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_each_case_has_exactly_these_causes(case: Case) -> None:
    assert codes(judged(case)) == case.codes


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_finding_has_a_status_and_every_cause_a_step(case: Case) -> None:
    findings = judged(case)

    assert all(finding.status == "good" or "-" in finding.status for finding in findings.signatures)
    assert all(finding.trusted_by for finding in findings.signatures if finding.status == "good")
    refused = [step.text for step in findings.steps if step.mark is Mark.REFUSED]
    assert all(any(f"({cause.code})" in text for text in refused) for cause in findings.causes)


@pytest.mark.parametrize(("graver", "lighter"), list(pairwise(PRECEDENCE)))
def test_the_graver_of_two_causes_names_the_refusal(graver: type[ReasonedError], lighter: type[ReasonedError]) -> None:
    findings = judged(Case(evidence(asc(GOOD)), causes=(lighter("one"), graver("two"))))

    assert codes(findings) == (graver.code, lighter.code)


def test_acceptance_names_the_signer_and_who_trusts_it() -> None:
    verdict = judged(CASES["good by the trusted signer"]).verdict()

    assert verdict.signer == OWNER.fingerprint
    assert verdict.trusted_by == f"signer {OWNER.fingerprint}, verifier.toml:7: org.example"
    assert verdict.vouched


def test_acceptance_by_a_subkey_names_its_primary() -> None:
    findings = judged(CASES["subkey of the trusted primary"])

    assert findings.verdict().signer == OWNER.fingerprint
    assert findings.signatures[0].fingerprint == SUBKEY.fingerprint
    assert findings.signatures[0].primary == OWNER.fingerprint


def test_acceptance_names_where_trust_comes_from() -> None:
    case = Case(evidence(asc(GOOD)), trust=(trust(OWNER, origin="the project's KEYS file"),))

    assert judged(case).trusted_by.endswith("verifier.toml:7: org.example (the project's KEYS file)")


def test_acceptance_by_exemptions_names_every_pin() -> None:
    findings = judged(CASES["exempt from both of two causes"])

    assert findings.trusted_by == (
        "pin verifier.toml:17, exempt from signature-expired until 2027-01-01: it is old; "
        "pin verifier.toml:13, exempt from key-untrusted until 2027-01-01: it is old"
    )
    assert findings.vouched
    assert findings.signer is None


def test_acceptance_by_witnesses_names_them() -> None:
    findings = judged(CASES["witnessed"])

    assert findings.trusted_by == "witnesses apache/one, google/two"
    assert findings.vouched


def test_acceptance_with_nothing_behind_it_says_so() -> None:
    verdict = judged(CASES["none is demanded"]).verdict()

    assert verdict.trusted_by == "TLS and checksum alone: the policy asks for no more (built in)"
    assert not verdict.vouched


def test_the_pin_is_among_the_checksums() -> None:
    findings = judged(CASES["witnessed and exempt"])

    assert [(one.origin, agrees) for one, agrees in findings.checksums] == [(Origin.SIDECAR, True), (Origin.PIN, True)]


def test_a_refusal_says_that_an_exemption_ended() -> None:
    (cause,) = judged(CASES["the exemption ended"]).causes

    assert cause.reason.endswith("there is none; the exemption at verifier.toml:17 ended on 2026-05-31")


def test_a_refusal_for_other_bytes_does_not_speak_of_an_ended_exemption() -> None:
    ended = exempt("signature-missing", OTHER_SHA256, ENDED_YESTERDAY)

    (cause,) = judged(Case(evidence(), exempt=(ended,))).causes

    assert "ended" not in cause.reason


def test_a_refusal_for_another_reason_does_not_speak_of_an_ended_exemption() -> None:
    ended = exempt("signature-weak", until=ENDED_YESTERDAY)

    (cause,) = judged(Case(evidence(), exempt=(ended,))).causes

    assert "ended" not in cause.reason


def test_the_missing_signature_is_put_beside_who_should_have_made_it() -> None:
    (by_somebody,) = judged(CASES["no signature"]).causes
    (by_anybody,) = judged(replace(CASES["no signature"], trust=())).causes

    assert by_somebody.expected is not None
    assert by_somebody.expected.value == f"a signature by {OWNER.fingerprint}"
    assert by_anybody.expected is not None
    assert by_anybody.expected.value == "a signature by a trusted key"


def test_an_untrusted_subkey_is_named_with_its_primary() -> None:
    (cause,) = judged(CASES["a subkey is not named as if it were a primary"]).causes

    assert cause.received is not None
    assert cause.received.value == f"a signature by {SUBKEY.fingerprint}, a subkey of {OWNER.fingerprint}"


@pytest.mark.parametrize(
    ("case", "fingerprint"),
    [("expired when it was made", OWNER.fingerprint), ("expired when it was made, a stranger's", "")],
)
def test_a_newer_copy_is_wanted_of_trusted_keys_alone(case: str, fingerprint: str) -> None:
    (expired, *_) = judged(CASES[case]).causes

    assert isinstance(expired, KeyExpired)
    assert expired.fingerprint == fingerprint


def test_material_is_wanted_for_the_key_that_trust_names() -> None:
    (unknown,) = judged(CASES["by a trusted key named by its id alone, not at hand"]).causes

    assert isinstance(unknown, KeyUnknown)
    assert unknown.fingerprint == OWNER.fingerprint


def test_legacy_evidence_is_marked() -> None:
    assert [one.legacy for one in judged(CASES["SHA-1 before the day"]).signatures] == [True]
    assert [one.legacy for one in judged(CASES["good by the trusted signer"]).signatures] == [False]


def test_a_signature_by_a_key_not_at_hand_was_judged_by_no_engine() -> None:
    (finding,) = judged(CASES["by a key not at hand"]).signatures

    assert (finding.engines, finding.status, finding.primary) == ((), "key-untrusted", None)


def test_a_proof_spares_the_arithmetic_and_nothing_else() -> None:
    forged = Proof(packet_identity(BAD_BY_STRANGER), STRANGER.fingerprint)

    findings = judged(Case(evidence(asc(BAD_BY_STRANGER), proofs=frozenset({forged}))))

    assert codes(findings) == ("key-untrusted",)
    assert findings.proofs == {forged}


def test_a_proof_for_another_key_spares_nothing() -> None:
    forged = Proof(packet_identity(BAD), STRANGER.fingerprint)

    assert codes(judged(Case(evidence(asc(BAD), proofs=frozenset({forged}))))) == ("signature-bad",)


def test_what_does_not_verify_is_no_proof() -> None:
    findings = judged(CASES["good, and bad by the same key"])

    assert findings.proofs == {Proof(packet_identity(GOOD), OWNER.fingerprint)}


def test_bad_outranks_malformed_where_two_keys_share_an_id() -> None:
    (owner,), (other,) = held(certificate(OWNER)).all, held(certificate(RSA)).all
    twin = replace(other, primary=replace(other.primary, fingerprint=other.primary.fingerprint[:24] + OWNER.key_id))

    for keys in ((twin, owner), (owner, twin)):
        findings = judged(Case(evidence(asc(GOOD, BAD_BY_KEY_ID)), keys=Held(keys)))

        assert codes(findings) == ("signature-bad",)


def test_the_right_one_counts_where_two_keys_share_an_id() -> None:
    (owner,), (other,) = held(certificate(OWNER)).all, held(certificate(RSA)).all
    twin = replace(other, primary=replace(other.primary, fingerprint=other.primary.fingerprint[:24] + OWNER.key_id))

    for keys in ((twin, owner), (owner, twin)):
        assert codes(judged(Case(evidence(asc(BY_KEY_ID)), keys=Held(keys)))) == ()


def test_the_same_outage_is_one_cause() -> None:
    findings = judged(CASES["one outage for both"])

    assert findings.causes == (OUTAGE,)
    with pytest.raises(Unreachable) as caught:
        findings.verdict()
    assert caught.value.others == ()


def test_what_was_found_is_the_same_each_time() -> None:
    case = CASES["good, and bad by the same key"]

    assert judged(case).steps == judged(case).steps


def test_born_before_the_signature_is_a_case_of_the_future() -> None:
    early = sign(OWNER, made=BORN - timedelta(seconds=1))

    assert codes(judged(Case(evidence(asc(early))))) == ("signature-future",)


@pytest.mark.parametrize("signature", [BY_STRANGER, BY_UNKNOWN])
def test_an_untrusted_signer_of_a_new_group_names_the_command_that_shows_what_is_known(signature: bytes) -> None:
    (cause,) = judged(Case(evidence(asc(signature)), trust=())).causes

    assert cause.hint.endswith("verifier trust suggest org.example:widget:jar:1.0")


@pytest.mark.parametrize("signature", [BY_STRANGER, BY_UNKNOWN])
def test_a_new_signer_of_a_known_group_is_met_with_no_command(signature: bytes) -> None:
    (cause,) = judged(Case(evidence(asc(signature)))).causes

    assert "compare the two" in cause.hint
    assert "verifier" not in cause.hint
