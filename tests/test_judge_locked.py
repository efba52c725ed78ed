"""What a line of a lock file adds to a judgement: a pin, who vouched, and never a way past what policy asks."""

from dataclasses import replace

import pytest
from judge_cases import (
    BAD,
    BY_STRANGER,
    GOOD,
    NONE,
    OTHER_SHA256,
    OWNER,
    SHA256,
    STRANGER,
    TRUSTED,
    URL,
    WIDGET,
    asc,
    codes,
    content,
    evidence,
    exempt,
    held,
    trust,
    witnessed,
)
from openpgp_cases import NOW, certificate, certify

from verifier.evidence import Evidence, Origin
from verifier.judge import Findings, weigh
from verifier.lockfile import Grounds, Kind, Locked
from verifier.policy import Exemption, Rule
from verifier.signing import Basis
from verifier.trust import Witnessed

BY_OWNER, BY_OTHER = (Grounds(Kind.KEY, key.fingerprint) for key in (OWNER, STRANGER))
EXEMPT, WITNESSED, UNSIGNED = Grounds(Kind.EXEMPT, "signature-missing"), Grounds(Kind.WITNESSED), Grounds(Kind.UNSIGNED)
BOTH_TRUSTED = (trust(OWNER, STRANGER),)
HELD = held(*(certificate(key, certify(key)) for key in (OWNER, STRANGER)))


def locked(grounds: Grounds, sha256: str = SHA256) -> Locked:
    return Locked(WIDGET, sha256, grounds, "verifier.lock", 14)


def weighed(
    offered: Evidence,
    line: Locked,
    *,
    rule: Rule = TRUSTED,
    exemptions: tuple[Exemption, ...] = (),
    witnesses: tuple[Witnessed, ...] = (),
    same_grounds: bool = True,
) -> Findings:
    basis = Basis(rule, BOTH_TRUSTED, exemptions, witnesses, line, same_grounds=same_grounds)
    return weigh(offered, basis, HELD, content, now=NOW)


def test_the_locked_bytes_by_the_locked_signer_are_accepted_and_both_are_told() -> None:
    findings = weighed(evidence(asc(GOOD)), locked(BY_OWNER))

    assert codes(findings) == ()
    assert findings.grounds == BY_OWNER
    assert [step.text for step in findings.steps if step.name == "lock file"] == [
        "the bytes are those that were locked",
        "what vouches for them is what vouched for them then",
    ]
    assert [(one.where, agrees) for one, agrees in findings.checksums if one.origin is Origin.PIN] == [
        ("verifier.lock:14", True)
    ]


@pytest.mark.parametrize("same_grounds", [True, False])
def test_other_bytes_are_a_pin_mismatch_whoever_signed_them(*, same_grounds: bool) -> None:
    findings = weighed(evidence(asc(GOOD)), locked(BY_OWNER, OTHER_SHA256), same_grounds=same_grounds)

    (cause,) = findings.causes
    assert codes(findings) == ("pin-mismatch",)
    assert cause.expected is not None
    assert (cause.expected.value, cause.expected.origin) == (f"sha256:{OTHER_SHA256}", "verifier.lock:14")
    assert cause.received is not None
    assert (cause.received.value, cause.received.origin) == (f"sha256:{SHA256}", URL)


def test_a_pin_names_the_refusal_before_a_bad_signature_does() -> None:
    assert codes(weighed(evidence(asc(BAD)), locked(BY_OWNER, OTHER_SHA256))) == ("pin-mismatch", "signature-bad")


@pytest.mark.parametrize(
    ("offered", "code"),
    [
        (evidence(), "signature-missing"),
        (evidence(asc(BAD)), "signature-bad"),
        (evidence(asc(GOOD), checksums=()), "checksum-missing"),
    ],
)
def test_the_right_pin_stands_for_nothing_that_policy_asks(offered: Evidence, code: str) -> None:
    assert codes(weighed(offered, locked(BY_OWNER))) == (code,)


ON_OTHER_GROUNDS: dict[str, tuple[Grounds, dict[str, object]]] = {
    "another trusted signer": (BY_OWNER, {"offered": evidence(asc(BY_STRANGER))}),
    "an exemption for a signer": (BY_OWNER, {"exemptions": (exempt("signature-missing"),)}),
    "witnesses for a signer": (BY_OWNER, {"witnesses": (witnessed(),)}),
    "no signature asked for": (BY_OWNER, {"offered": evidence(asc(GOOD)), "rule": NONE}),
    "an exemption for witnesses": (WITNESSED, {"exemptions": (exempt("signature-missing"),)}),
    "witnesses for an exemption": (EXEMPT, {"witnesses": (witnessed(),)}),
    "another exemption": (Grounds(Kind.EXEMPT, "key-expired"), {"exemptions": (exempt("signature-missing"),)}),
    "an exemption where none was": (UNSIGNED, {"exemptions": (exempt("signature-missing"),)}),
    "nothing for an exemption": (EXEMPT, {"rule": NONE}),
}


@pytest.mark.parametrize("name", ON_OTHER_GROUNDS)
def test_the_locked_bytes_on_other_grounds_are_refused_naming_both(name: str) -> None:
    grounds, case = ON_OTHER_GROUNDS[name]
    arguments = {"offered": evidence(), "line": locked(grounds), **case}

    findings = weighed(**arguments)  # type: ignore[arg-type]  # the table's
    without = weighed(**{**arguments, "same_grounds": False})  # type: ignore[arg-type]  # the table's

    (cause,) = findings.causes
    assert (codes(findings), codes(without)) == (("pin-mismatch",), ())
    assert cause.expected is not None
    assert cause.received is not None
    assert cause.expected.value != cause.received.value
    assert cause.expected.origin == "verifier.lock:14"


@pytest.mark.parametrize("grounds", [EXEMPT, WITNESSED, UNSIGNED])
def test_a_trusted_signature_is_more_than_what_vouched_before(grounds: Grounds) -> None:
    assert codes(weighed(evidence(asc(GOOD)), locked(grounds))) == ()


@pytest.mark.parametrize("order", [(GOOD, BY_STRANGER), (BY_STRANGER, GOOD)])
def test_the_locked_signer_may_stand_beside_another_in_any_order(order: tuple[bytes, bytes]) -> None:
    assert codes(weighed(evidence(asc(*order)), locked(BY_OWNER))) == ()
    assert codes(weighed(evidence(asc(*order)), locked(BY_OTHER))) == ()


def test_an_untrusted_signer_is_called_untrusted_and_no_pin_mismatch() -> None:
    basis = Basis(TRUSTED, (trust(OWNER),), (), (), locked(BY_OWNER), same_grounds=True)

    findings = weigh(evidence(asc(BY_STRANGER)), basis, HELD, content, now=NOW)

    assert codes(findings) == ("key-untrusted",)


def test_a_missing_signature_that_policy_accepts_is_no_longer_the_locked_one() -> None:
    rule = replace(TRUSTED, signature=type(TRUSTED.signature)("present-must-be-trusted"))

    assert codes(weighed(evidence(), locked(BY_OWNER), rule=rule)) == ("pin-mismatch",)
    assert codes(weighed(evidence(), locked(UNSIGNED), rule=rule)) == ()
