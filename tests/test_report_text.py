import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_cases import CASES, WIDGET, Case, judged

from verifier.errors import CacheError, Fact, KeyUntrusted, NotFound, PinMismatch, first
from verifier.outcome import Outcome, write_record
from verifier.record import Judgement, JudgementRow
from verifier.report import text
from verifier.report.escape import printable
from verifier.report.explanation import explain

PIN = PinMismatch(
    "the bytes differ from those that the policy exempts",
    expected=Fact("sha256:" + "8f43" * 16, "verifier.toml:14"),
    received=Fact("sha256:" + "b5c1" * 16, "https://repo.example/releases"),
)
REFUSED = Outcome(str(WIDGET), WIDGET, first([KeyUntrusted("x"), PIN, KeyUntrusted("y")]), record="7")
GOLDEN = f"""\
refused org.example:widget:jar:1.0 (pin-mismatch)
  the bytes differ from those that the policy exempts
  expected  sha256:{"8f43" * 16}
            from verifier.toml:14
  received  sha256:{"b5c1" * 16}
            from https://repo.example/releases
  also      key-untrusted
hint: do not record the new digest; compare with a copy fetched over another network and ask the publisher
more: verifier explain 7"""
ATTACK = "\x1b[2J\x07\r\n\t\x9b\x7f\u202e\u2066\u200f\u061c\u2028\ud800\U000e0041\xa0"
SAFE = r"\x1b[2J\x07\r\n\t\x9b\x7f\u202e\u2066\u200f\u061c\u2028\ud800\U000e0041\xa0"


def plain(lines: Iterable[str]) -> str:
    return click.unstyle("\n".join(lines))


def test_a_refusal_reads_like_this() -> None:
    assert plain(text.problem(REFUSED)) == GOLDEN


def test_an_absence_reads_like_this() -> None:
    outcome = Outcome(str(WIDGET), WIDGET, NotFound("no repository has it"))

    assert plain(text.problem(outcome)) == (
        "unavailable org.example:widget:jar:1.0 (not-found)\n"
        "  no repository has it\n"
        "hint: check the spelling and the version"
    )


def test_a_problem_without_a_hint_gives_none() -> None:
    outcome = Outcome(str(WIDGET), WIDGET, NotFound("no repository has it", hint=""))

    assert "hint" not in plain(text.problem(outcome))


def test_what_is_verified_is_no_problem() -> None:
    assert list(text.problem(replace(REFUSED, cause=None))) == []


def test_each_file_has_one_line() -> None:
    assert click.unstyle(text.line(REFUSED)) == "refused     org.example:widget:jar:1.0  pin-mismatch"
    assert click.unstyle(text.line(replace(REFUSED, cause=None))) == "verified    org.example:widget:jar:1.0"


def test_details_say_on_what_an_acceptance_rests() -> None:
    findings = judged(CASES["witnessed"])
    outcome = Outcome(str(WIDGET), WIDGET, None, findings=findings, file="/cache/a\x1b.jar")

    assert list(text.details(outcome)) == [
        "            witnesses apache/one, google/two",
        "            /cache/a\\x1b.jar",
    ]
    assert list(text.details(replace(REFUSED, findings=findings))) == []


def test_the_summary_counts() -> None:
    outcomes = [REFUSED, replace(REFUSED, cause=None, downloaded=3 * 1024 * 1024)]

    assert text.summary(outcomes, 1.25) == "1 verified, 1 refused (3.0 MiB downloaded, 1.2 s)"
    assert text.summary([], 0) == "nothing to do (0.0 MiB downloaded, 0.0 s)"


def test_control_characters_and_turned_text_are_shown_escaped() -> None:
    assert printable(ATTACK) == SAFE


@pytest.mark.parametrize("harmless", ["", "org.example:widget", "Grüße, 世界 é", "a\\b"])
def test_harmless_text_is_shown_as_it_is(harmless: str) -> None:
    assert printable(harmless) == harmless


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(foreign: str) -> None:
    shown = printable(foreign)

    assert shown.isprintable()
    shown.encode()


def test_no_foreign_text_of_a_problem_reaches_the_terminal() -> None:
    cause = PinMismatch(ATTACK, expected=Fact(ATTACK, ATTACK), received=Fact(ATTACK, ATTACK), hint=ATTACK)
    outcome = Outcome(ATTACK, None, cause, file=ATTACK)

    bare = replace(outcome, cause=PinMismatch("x", expected=Fact("y"), hint=""))

    assert "from" not in plain(text.problem(bare))
    for shown in (plain(text.problem(outcome)), click.unstyle(text.line(outcome)), plain(text.details(outcome))):
        assert "\x1b" not in shown
        assert all(line.isprintable() for line in shown.split("\n"))


# The story of a judgement


def judgement(document: str, seen: int = 1_700_000_000) -> Judgement:
    row = JudgementRow(str(WIDGET), "refused", "", "", "", "", "", "sha256:p", seen, document)
    return Judgement(7, row)


def story_of(case: Case) -> str:
    findings = judged(case)
    causes = list(findings.causes)
    outcome = Outcome(str(WIDGET), WIDGET, first(causes) if causes else None, case.offered, findings, url="here")
    return plain(explain(judgement(write_record(outcome, None, "sha256:p"))))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_judgement_can_be_told(case: Case) -> None:
    story = story_of(case)

    assert story.startswith(("verified ", "refused ", "unavailable "))
    assert all(line.isprintable() for line in story.split("\n"))
    assert all(f"why: {cause.code}: " in story for cause in judged(case).causes)


def test_a_story_has_both_sides_of_each_step() -> None:
    story = story_of(CASES["SHA-1 disagrees and nothing else is there"])

    assert "expected sha1:0000000000000000000000000000000000000000" in story
    assert "  1. ok    transport: came over TLS from" in story
    assert "  2. ok    signature by" in story
    assert "  3. NO    checksum sha1: the published sha1 checksum disagrees with the bytes" in story
    assert "from https://repo.example/releases" in story


def test_a_cause_without_a_hint_is_told_without_one() -> None:
    told, untold = (plain(explain(judgement(changed("causes.0.hint", hint)))) for hint in ("do this", ""))

    assert told.count("hint: ") == untold.count("hint: ") + 1


def changed(part: str, value: object) -> str:
    outcome = Outcome(str(WIDGET), WIDGET, PIN, findings=judged(CASES["no signature"]))
    document = json.loads(write_record(outcome, "verifier.toml", "sha256:p"))
    holder = document
    *path, last = part.split(".")
    for step in path:
        holder = holder[int(step)] if step.isdigit() else holder[step]
    if isinstance(holder, Mapping):
        holder[last] = value  # type: ignore[index] # a dict out of JSON
    return json.dumps(document)


@pytest.mark.parametrize(
    "part",
    [
        "artifact.status", "artifact.coordinate", "artifact.code", "artifact.url", "policy.file", "policy.digest",
        "steps.0.name", "steps.0.text", "steps.0.mark", "causes.0.code", "causes.0.reason", "causes.0.hint",
        "causes.0.expected.value", "causes.0.expected.origin",
    ],
)  # fmt: skip
def test_no_text_of_a_changed_record_reaches_the_terminal(part: str) -> None:
    story = plain(explain(judgement(changed(part, ATTACK))))

    assert all(line.isprintable() for line in story.split("\n"))


@pytest.mark.parametrize(
    "stored",
    [
        judgement(""),
        judgement("[]"),
        judgement("{}"),
        judgement('{"artifact": 7}'),
        judgement("[" * 100_000),
        judgement(changed("steps", [7])),
        judgement(changed("causes", None)),
        judgement(changed("causes.0.expected", {})),
        judgement(changed("causes.0.expected.value", 7)),
        judgement(changed("policy", None)),
        judgement(changed("artifact.size", 7), seen=10**18),
    ],
    ids=range(11),
)
def test_a_record_that_is_none_of_ours_is_one_clear_error(stored: Judgement) -> None:
    with pytest.raises(CacheError, match="record 7: the stored judgement cannot be read"):
        list(explain(stored))
