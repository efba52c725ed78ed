"""The lines that would exempt a refused file: when they are offered, and that they do what they say and no more."""

import re
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_cases import CASES, WIDGET, Case, codes, evidence, judged
from openpgp_cases import NOW
from stage import FIXTURES, Result, Stage, stage

from verifier.coordinate import Coordinate, parse_coordinate
from verifier.digest import Digest
from verifier.errors import ConfigError, KeyUntrusted, NotFound, SignatureMissing, SignatureWeak, first
from verifier.exemption import GRANTED, OFFERED, exempting
from verifier.outcome import Outcome
from verifier.policy import Policy
from verifier.policy_file import builtin_policy, parse_policy

__all__ = ["stage"]

CENTRAL = "https://repo.example/releases"
TODAY = NOW.date()
BUILT_IN = builtin_policy(CENTRAL)
UNSIGNED = "org.example:unsigned:1.0"

# Each of these may be an attack, has nothing to do with these bytes, or is for trust and keys to answer.
REFUSED_FOR_GOOD = """
insecure-transport tls-untrusted tls-pin-mismatch redirect-refused wrong-repository no-repository
coordinate-invalid too-large truncated content-mismatch pom-invalid metadata-invalid pin-mismatch unpinned
checksum-mismatch checksum-malformed signature-bad signature-future key-revoked key-untrusted key-unknown
engines-disagree signature-replayed signer-changed signature-vanished metadata-rollback
"""
NEVER = frozenset(REFUSED_FOR_GOOD.split())


def lines_of(case: Case, policy: Policy = BUILT_IN) -> str | None:
    causes = list(judged(case).causes)
    cause = first(causes) if causes else None
    return exempting(Outcome(str(case.offered.coordinate), WIDGET, cause, case.offered), policy, TODAY)


def filled_in(lines: str) -> str:
    return lines.replace('reason = ""', 'reason = "compared with the copy in the archive"')


def policy_of(lines: str) -> Policy:
    return parse_policy(lines, "verifier.toml", default_repository_url=CENTRAL)


def exempted(case: Case, lines: str) -> Case:
    return replace(case, exempt=(*case.exempt, *policy_of(filled_in(lines)).exemptions))


REFUSED = {name: case for name, case in CASES.items() if judged(case).causes}
OFFERING = {name: case for name, case in REFUSED.items() if lines_of(case) is not None}


def test_reads_like_this() -> None:
    assert lines_of(CASES["no signature"]) == (
        "[[exempt]]\n"
        'match = "org.example:widget:1.0"\n'
        f'sha256 = "{evidence().sha256}"\n'
        'code = "signature-missing"\n'
        'reason = ""\n'
        f"until = {TODAY + timedelta(days=180)}\n"
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_is_offered_where_every_reason_may_be_set_aside_and_nowhere_else(case: Case) -> None:
    reasons = set(codes(judged(case)))

    assert (lines_of(case) is not None) == (bool(reasons) and reasons.isdisjoint(NEVER) and reasons <= OFFERED)


@pytest.mark.parametrize("code", sorted(NEVER))
def test_is_never_offered_for_what_may_be_an_attack(code: str) -> None:
    assert code not in OFFERED


def test_every_reason_that_is_offered_is_met_by_a_case() -> None:
    assert {code for case in OFFERING.values() for code in codes(judged(case))} == OFFERED


@pytest.mark.parametrize("case", OFFERING.values(), ids=OFFERING)
def test_filled_in_it_lets_these_bytes_pass(case: Case) -> None:
    assert codes(judged(exempted(case, lines_of(case) or ""))) == ()


@pytest.mark.parametrize("case", OFFERING.values(), ids=OFFERING)
def test_filled_in_it_lets_no_other_bytes_pass(case: Case) -> None:
    others = tuple(Digest(one.algorithm, "0" * one.algorithm.hex_length) for one in case.offered.digests)
    swapped = replace(case, offered=replace(case.offered, digests=others))

    assert "pin-mismatch" in codes(judged(exempted(swapped, lines_of(case) or "")))


@pytest.mark.parametrize("case", OFFERING.values(), ids=OFFERING)
def test_past_its_end_it_is_as_if_absent_and_the_refusal_says_so(case: Case) -> None:
    ended = re.sub("until = .*", f"until = {TODAY - timedelta(days=1)}", lines_of(case) or "")

    found = judged(exempted(case, ended))

    assert set(codes(found)) == set(codes(judged(case)))
    assert any("ended on" in cause.reason for cause in found.causes)


def test_ends_within_a_year() -> None:
    assert timedelta(days=30) < GRANTED <= timedelta(days=365)


def test_is_not_offered_a_second_time_once_it_ended() -> None:
    case = CASES["no signature"]
    ended = policy_of(re.sub("until = .*", "until = 2020-01-01", filled_in(lines_of(case) or "")))

    assert lines_of(case, ended) is None


def test_two_reasons_make_two_entries() -> None:
    causes = first([SignatureWeak("too weak"), SignatureMissing("none"), SignatureWeak("again")])

    lines = exempting(Outcome(str(WIDGET), WIDGET, causes, evidence()), BUILT_IN, TODAY) or ""

    found = policy_of(filled_in(lines)).exemptions
    assert [one.code for one in found] == ["signature-missing", "signature-weak"]


def test_one_reason_that_may_be_an_attack_spoils_the_offer() -> None:
    causes = first([SignatureWeak("too weak"), KeyUntrusted("a stranger")])

    assert exempting(Outcome(str(WIDGET), WIDGET, causes, evidence()), BUILT_IN, TODAY) is None


def test_what_was_not_judged_is_not_offered() -> None:
    absent = Outcome(str(WIDGET), WIDGET, NotFound("nowhere"))
    verified = Outcome(str(WIDGET), WIDGET, None, evidence())
    unread = Outcome("widget", None, SignatureMissing("none"), evidence())

    assert [exempting(one, BUILT_IN, TODAY) for one in (absent, verified, unread)] == [None, None, None]


def test_an_empty_reason_is_an_error_that_says_what_to_write() -> None:
    with pytest.raises(ConfigError, match=r"verifier\.toml:5: 'reason' is empty") as caught:
        policy_of(lines_of(CASES["no signature"]) or "")

    assert "another source" in caught.value.hint


WORD = st.from_regex(r"[A-Za-z0-9_+~$@!=-][A-Za-z0-9._+~$@!=-]{0,8}", fullmatch=True)
NAME = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)


@given(NAME, NAME, WORD, st.sampled_from(["jar", "pom", "tar.gz"]), st.just("") | WORD)
@settings(max_examples=60, deadline=None)
def test_the_lines_name_exactly_the_file_that_was_refused(
    group: str, artifact: str, version: str, extension: str, classifier: str
) -> None:
    coordinate = Coordinate(group, artifact, version, extension, classifier)
    refused = Outcome(str(coordinate), coordinate, SignatureMissing("none"), evidence())

    lines = exempting(refused, BUILT_IN, TODAY) or ""

    (found,) = policy_of(filled_in(lines)).exemptions
    assert (found.coordinate, found.sha256) == (coordinate, evidence().sha256)
    assert parse_coordinate(str(found.coordinate)) == coordinate


# As people meet them


def printed(result: Result) -> str:
    """Take the lines out of what a run printed, as a reader would."""
    found = re.findall(r"^\[\[exempt\]\]\n(?:.+\n)+", result.err, re.MULTILINE)
    return "\n".join(found)


def test_lines_copied_from_the_terminal_let_the_same_fetch_pass(stage: Stage) -> None:
    stage.lay_over("signature-missing")
    refused = stage.run("fetch", "--no-transitive", UNSIGNED)

    stage.write_policy(extra="\n" + printed(refused))
    unfilled = stage.run("fetch", "--no-transitive", UNSIGNED)
    stage.write_policy(extra="\n" + filled_in(printed(refused)))
    filled = stage.fetch(UNSIGNED)

    assert refused.status == 1
    assert f"to exempt these bytes, after a review, add to {stage.policy}:" in refused.err
    assert max(map(len, printed(refused).splitlines())) <= 80
    assert (unfilled.status, unfilled.out) == (2, "")
    assert "'reason' is empty" in unfilled.err
    assert (filled.status, filled.artifact()["status"]) == (0, "verified")
    assert "exempt from signature-missing" in filled.artifact()["trusted_by"]


def test_the_same_lines_stand_in_the_report(stage: Stage) -> None:
    stage.lay_over("signature-missing")

    artifact = stage.fetch(UNSIGNED).artifact()
    verified = stage.fetch("org.example:widget:1.0").artifact()

    assert artifact["exemption"] == printed(stage.run("fetch", "--no-transitive", UNSIGNED))
    assert artifact["digests"]["sha256"] in artifact["exemption"]
    assert verified["exemption"] is None


def test_bytes_swapped_after_the_exemption_are_refused_without_an_offer(stage: Stage) -> None:
    stage.lay_over("signature-missing")
    lines = stage.fetch(UNSIGNED).artifact()["exemption"]
    stage.write_policy(extra="\n" + filled_in(lines))
    served = stage.root / "org/example/unsigned/1.0"
    shutil.copy(FIXTURES / "honest/org/example/relic/0.9/relic-0.9.jar", served / "unsigned-1.0.jar")
    for checksum in served.glob("*.jar.*"):
        checksum.unlink()

    swapped = stage.run("fetch", "--no-transitive", UNSIGNED)

    assert swapped.status == 1
    assert "(pin-mismatch)" in swapped.err
    assert printed(swapped) == ""


@pytest.mark.parametrize("attack", ["signature-bad", "checksum-mismatch", "key-untrusted", "key-revoked"])
def test_what_may_be_an_attack_is_met_with_no_lines(stage: Stage, attack: str) -> None:
    stage.lay_over(attack)

    refused = stage.run("fetch", "--no-transitive", "org.example:widget:1.0")
    told = stage.run("explain", "org.example:widget:1.0")

    assert refused.status == 1
    assert "exempt these" not in refused.err
    assert "to exempt" not in told.out


def test_of_many_refusals_the_first_few_are_offered_and_the_rest_counted(stage: Stage) -> None:
    honest = stage.root / "org/example/widget"
    for version in ("1.0", "1.1"):
        (honest / version / f"widget-{version}.jar.asc").unlink()
        (honest / version / f"widget-{version}.pom.asc").unlink()
    names = [f"org.example:widget:{form}" for form in ("1.0", "1.1", "pom:1.0", "pom:1.1")]

    refused = stage.run("fetch", "--no-transitive", *names)
    report = stage.fetch(*names).report

    assert printed(refused).count("[[exempt]]") == 3
    assert "note: 1 more could be exempted" in refused.err
    assert sum(one["exemption"].count("[[exempt]]") for one in report["artifacts"]) == 4


def test_explain_names_the_run_that_measures_and_never_makes_lines_out_of_the_record(stage: Stage) -> None:
    stage.lay_over("signature-missing")
    stage.fetch(UNSIGNED)

    told = stage.run("explain", UNSIGNED).out

    assert "verifier fetch --no-transitive org.example:unsigned:jar:1.0 prints the lines" in told
    assert "[[exempt]]" not in told
