"""What a run says of the policy's exemptions beside its verdicts."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from judge_cases import CASES, GOOD, STRONG, WIDGET, Case, asc, checksum, codes, evidence, exempt, judged
from openpgp_cases import NOW
from stage import Stage, stage

from verifier.coordinate import parse_coordinate
from verifier.digest import Algorithm
from verifier.errors import NotFound, first
from verifier.notices import WARNED_BEFORE, Notice, ending, notices_of
from verifier.outcome import Outcome
from verifier.policy import Exemption, Policy
from verifier.policy_file import builtin_policy

__all__ = ["stage"]

TODAY = NOW.date()
BUILT_IN = builtin_policy("https://repo.example/releases")
LATER = TODAY + timedelta(days=365)
NEEDED = CASES["no signature"]
NEEDLESS = Case(evidence(asc(GOOD), checksums=(checksum(Algorithm.SHA1), STRONG)))


def policy_of(case: Case) -> Policy:
    return replace(BUILT_IN, require=case.rule, exemptions=case.exempt)


def outcome_of(case: Case) -> Outcome:
    findings = judged(case)
    causes = list(findings.causes)
    return Outcome(str(WIDGET), WIDGET, first(causes) if causes else None, case.offered, findings)


def told(case: Case, *others: str, everything: bool = False) -> tuple[Notice, ...]:
    outcomes = [outcome_of(case), *(Outcome(name, parse_coordinate(name), None) for name in others)]
    return notices_of(policy_of(case), outcomes, TODAY, everything=everything)


def told_of(*exemptions: Exemption, judged: str, everything: bool = True) -> tuple[Notice, ...]:
    outcomes = [Outcome(judged, parse_coordinate(judged), NotFound("nowhere"))]
    return notices_of(replace(BUILT_IN, exemptions=exemptions), outcomes, TODAY, everything=everything)


def one(code: str, until: date = LATER, name: str = "org.example:widget:1.0") -> Exemption:
    return replace(exempt(code, until=until), coordinate=parse_coordinate(name))


def ends_on(day: date) -> list[Notice]:
    return list(told(replace(NEEDED, exempt=(one("signature-missing", day),))))


def test_reads_like_this() -> None:
    assert ends_on(TODAY + timedelta(days=12)) == [
        Notice(
            code="exemption-ends-soon",
            subject="org.example:widget:jar:1.0",
            message=(
                "the exemption of org.example:widget:jar:1.0 from signature-missing"
                f" ends on {TODAY + timedelta(days=12)}, in 12 days"
            ),
            hint="look for a signed release; else compare the digest with another source once more and move 'until'",
            file="verifier.toml",
            line=17,
        )
    ]


@pytest.mark.parametrize(("days", "left"), [(0, "today"), (1, "tomorrow"), (2, "in 2 days"), (29, "in 29 days")])
def test_warns_in_the_last_thirty_days(days: int, left: str) -> None:
    (notice,) = ends_on(TODAY + timedelta(days=days))

    assert notice.code == "exemption-ends-soon"
    assert notice.message.endswith(f", {left}")


def test_says_nothing_a_day_earlier() -> None:
    assert timedelta(days=30) == WARNED_BEFORE
    assert ends_on(TODAY + WARNED_BEFORE) == []


def test_says_that_one_ended_and_the_refusal_stands() -> None:
    (notice,) = ends_on(TODAY - timedelta(days=1))

    assert notice.code == "exemption-ended"
    assert "no longer counts" in notice.message


def test_of_files_that_this_run_had_nothing_to_do_with_it_says_nothing() -> None:
    soon = one("signature-missing", TODAY)

    assert told_of(soon, judged="org.example:gadget:1.0", everything=False) == ()
    assert len(told_of(soon, judged="org.example:gadget:1.0", everything=True)) == 1


def test_names_one_that_matches_nothing_where_everything_was_judged() -> None:
    (notice,) = told_of(one("signature-missing"), judged="org.example:gadget:1.0")

    assert (notice.code, notice.line) == ("exemption-unused", 17)
    assert notice.message.endswith("matches no file of this run")
    assert notice.hint == "take it out of the policy"


def test_names_the_version_that_took_its_place() -> None:
    (notice,) = told_of(one("signature-missing"), judged="org.example:widget:1.1")

    assert notice.message.endswith("matches no file of this run, which has version 1.1")


@pytest.mark.parametrize("name", ["org.example:widget:jar:sources:1.0", "org.example:widget:jar:linux-x86_64:1.0"])
def test_files_of_a_kind_that_nobody_asked_for_are_not_called_unused(name: str) -> None:
    other = name.replace("widget", "gadget")

    assert told_of(one("signature-missing", name=name), judged="org.example:gadget:1.0") == ()
    assert len(told_of(one("signature-missing", name=name), judged=other)) == 1


def test_one_that_cannot_be_had_today_is_not_called_unused() -> None:
    assert told_of(one("signature-missing"), judged="org.example:widget:1.0") == ()


def test_names_one_that_the_file_no_longer_needs() -> None:
    (notice,) = told(replace(NEEDLESS, exempt=(one("signature-weak"),)))

    assert notice.code == "exemption-unused"
    assert notice.message.endswith("is not needed: the file would be verified without it")


def test_one_that_is_needed_is_not_called_unused() -> None:
    assert told(replace(NEEDED, exempt=(one("signature-missing"),)), everything=True) == ()


def test_where_no_signature_was_asked_for_nothing_is_known() -> None:
    unasked = replace(NEEDLESS, offered=replace(NEEDLESS.offered, signature=None, signature_absent=False))

    assert told(replace(unasked, exempt=(one("signature-missing"),)), everything=True) == ()


@pytest.mark.parametrize("code", ["signature-missing", "signature-weak", "checksum-missing", "key-untrusted"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_is_called_needless_can_be_taken_out(case: Case, code: str) -> None:
    added = one(code)
    known = [exemption for exemption in case.exempt if exemption.code != code]
    with_it = replace(case, exempt=(*known, added))

    for notice in told(with_it):
        if notice.message.endswith("would be verified without it") and f"from {code} " in notice.message:
            assert codes(judged(replace(case, exempt=tuple(known)))) == ()


def test_the_check_above_can_fail() -> None:
    unsigned = replace(NEEDED, exempt=(one("signature-missing"),))

    assert codes(judged(unsigned)) == ()
    assert codes(judged(replace(unsigned, exempt=()))) == ("signature-missing",)


def test_doctor_hears_of_every_end_whether_a_run_met_it_or_not() -> None:
    policy = replace(BUILT_IN, exemptions=(one("signature-missing", TODAY), one("key-expired"), one("key-expired", date(2020, 1, 1), "a:b:1")))  # fmt: skip  # noqa: E501  (one list)

    assert [notice.code for notice in ending(policy, TODAY)] == ["exemption-ends-soon", "exemption-ended"]


# As people meet them


def test_a_run_warns_and_its_verdict_is_the_same(stage: Stage) -> None:
    before = stage.fetch("org.example:relic:0.9")
    stage.change_policy("until = 2099-12-31", f"until = {date.today() + timedelta(days=10)}")  # noqa: DTZ011  (any near day)

    shown = stage.run("fetch", "--no-transitive", "org.example:relic:0.9")
    report = stage.fetch("org.example:relic:0.9").report

    assert (before.status, before.report["notices"]) == (0, [])
    assert shown.status == 0
    assert "warning: " in shown.err
    assert "(exemption-ends-soon)" in shown.err
    (notice,) = report["notices"]
    assert (notice["code"], notice["file"]) == ("exemption-ends-soon", str(stage.policy))
    assert "[[exempt]]" in stage.policy.read_text().splitlines()[notice["line"] - 1]


def test_verifying_a_tree_names_what_it_does_not_hold_and_a_single_file_does_not(stage: Stage) -> None:
    relic, tree = stage.root / "org/example/relic/0.9", stage.root / "com"

    whole = stage.run("verify", "--format", "json", str(stage.root)).report["notices"]
    part = stage.run("verify", "--format", "json", str(tree)).report["notices"]
    single = stage.run("verify", "--format", "json", str(relic / "relic-0.9.jar"), "--as", "org.example:relic:0.9")

    assert whole == []
    assert {notice["code"] for notice in part} == {"exemption-unused"}
    assert single.report["notices"] == []


def test_a_fetch_by_hand_does_not_speak_of_the_rest_and_a_list_does(stage: Stage) -> None:
    listed = stage.directory / "list.txt"
    listed.write_text("org.example:widget:1.0\n")

    by_hand = stage.run("fetch", "--format", "json", "org.example:widget:1.0").report["notices"]
    out_of_a_file = stage.run("fetch", "--format", "json", "-f", str(listed)).report["notices"]

    assert by_hand == []
    assert {notice["subject"] for notice in out_of_a_file} == {"org.example:relic:jar:0.9", "org.example:relic:pom:0.9"}
