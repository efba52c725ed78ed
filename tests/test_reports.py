"""The reports that others read: valid whatever foreign text is in them, and as their readers demand."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema  # type: ignore[import-untyped]  # it ships no types
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judge_cases import WIDGET

from verifier.coordinate import Coordinate
from verifier.errors import PRECEDENCE, Fact, NotFound, PinMismatch, ReasonedError, Refusal, SignatureMissing, first
from verifier.notices import Notice
from verifier.outcome import Outcome, exit_status
from verifier.report import codequality, github, junit, markdown, sarif
from verifier.report.account import Account
from verifier.report.escape import command_free, printable
from verifier.report.location import Atlas, Location
from verifier.report.reasons import reason

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)

PIN = PinMismatch(
    "the bytes differ from those that the lock file pins",
    expected=Fact("sha256:" + "8f43" * 16, "verifier.lock:14"),
    received=Fact("sha256:" + "b5c1" * 16, "https://repo.example/releases"),
)
REFUSED = Outcome(str(WIDGET), WIDGET, PIN, record="7", url="https://repo.example/releases/w.jar")
GONE = Outcome("org.example:gone:jar:1", Coordinate("org.example", "gone", "1"), NotFound("no repository has it"))
GOOD = Outcome("org.example:good:jar:1", Coordinate("org.example", "good", "1"), None)
ENDING = Notice(
    "exemption-ends-soon", "org.example:relic:jar:0.9", "the exemption ends in 3 days", "renew it", "verifier.toml", 9
)
OWN = {"verifier.lock": "verifier.lock", "verifier.toml": "verifier.toml"}
ATLAS = Atlas(Location("verifier.lock"), {GONE.name: Location("dir/a list.txt", 3)}, own=OWN, root="/home/me/work")

NASTY = ("::add-mask::x", "##[add-matcher]x", "##vso[task.setvariable variable=a]b", "]]>", "<script>", "</failure>",
         "[a](http://evil.example)", "{0}", "`", "```", "|", "@team", "\n", "\r\n", "\0", "\x1b[2J", "\ud800", "\ufffe",
         "\u202e", "%0A", "&lt;", "\\", "\\`", "-->", "#1", "![a](b)")  # fmt: skip
foreign = st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=8)), min_size=1, max_size=6).map("".join)


def account(*outcomes: Outcome, notices: tuple[Notice, ...] = ()) -> Account:
    return Account("fetch", outcomes, notices, ATLAS, "sha256:p", 1.25, exit_status(outcomes))


def spoiled(text: str) -> Account:
    """Tell a run in which everything that can be foreign is this text."""
    cause = PinMismatch(text, expected=Fact(text, text), received=Fact(text, text), hint=text)
    outcome = Outcome(text, None, first([cause, SignatureMissing(text)]), url=text, repository=text, record="1")
    lost = Outcome(text, WIDGET, NotFound(text, received=Fact(text, text)), url=text)
    notice = Notice("exemption-unused", text, text, text, text, 3)
    return account(outcome, lost, Outcome(text, WIDGET, None), notices=(notice,))


FULL = account(GONE, GOOD, REFUSED, notices=(ENDING,))


# What each of them shares


def test_a_cache_that_was_changed_is_told_in_each() -> None:
    told = account(replace(GOOD, replaced="12"))

    assert told.exit_status == 0
    for document in (*(room.report(told) for room in (sarif, junit, markdown, codequality)), *github.annotations(told)):
        assert "the cached org.example:good:jar:1 was refused and fetched anew" in document
        assert "cache-changed" in document or "To be looked after" in document


@settings(max_examples=150, deadline=None)
@given(foreign)
def test_no_line_with_foreign_text_is_a_command_of_a_ci(text: str) -> None:
    told = spoiled(text)
    shown = [printable(text), *(room.report(told) for room in (sarif, junit, markdown, codequality))]

    assert not [line for document in shown for line in document.splitlines() if obeyed(line)]
    assert not [line for line in github.annotations(told) if re.search(r"##\[|##vso\[", line, re.IGNORECASE)]


def obeyed(line: str) -> bool:
    """Whether a runner would take a line for a command.

    Source: actions/runner, ActionCommand, TryParse and TryParseV2; azure-pipelines-agent, Command.
    """
    return line.lstrip().startswith("::") or "##[" in line or "##vso[" in line.lower()


@pytest.mark.parametrize("line", ["::error::a", "  ::a::", "x ##[error]a", "##VSO[task.complete]", "\u3000::a::"])
def test_a_runner_obeys_such_lines_and_not_what_is_shown_in_their_place(line: str) -> None:
    assert obeyed(line)
    assert not obeyed(printable(line))


@pytest.mark.parametrize("harmless", ["a::b", "# # [", "C:\\a", "##", "## [x]", ":a:", "sha256:00"])
def test_what_is_no_command_is_shown_as_it_is(harmless: str) -> None:
    assert printable(harmless) == harmless


@given(st.text())
def test_json_without_commands_says_the_same(text: str) -> None:
    for value in (text, f"##[{text}", f"{text}###vso[", f"\\##[{text}"):
        document = command_free(json.dumps([value]))

        assert json.loads(document) == [value]
        assert "##" not in document


def test_no_report_has_a_path_of_this_machine() -> None:
    cause = replace_origin("/home/me/work/verifier.toml:14")
    told = account(Outcome(str(WIDGET), WIDGET, cause, file="/home/me/work/x.jar"))

    for room in (sarif, junit, markdown, codequality):
        assert "/home/me" not in room.report(told)
    assert "/home/me" not in "".join(github.annotations(told))


def replace_origin(origin: str) -> PinMismatch:
    return PinMismatch("other bytes", expected=Fact("sha256:aa", origin))


def test_every_reason_code_has_its_severity_and_its_text() -> None:
    for cause in PRECEDENCE:
        about = reason(cause.code)

        assert about.refuses == issubclass(cause, Refusal)
        assert all((about.means, about.behind, about.do, about.never))
        assert about.refuses or not about.contradicts


# SARIF


def run_of(told: Account) -> dict[str, Any]:
    document = json.loads(sarif.report(told))
    VALIDATOR.validate(document)
    (run,) = document["runs"]
    assert isinstance(run, dict)
    return run


def test_the_schema_refuses_what_is_no_sarif() -> None:
    document = json.loads(sarif.report(FULL))
    document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] = 0

    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(document)


def test_a_result_says_what_is_wrong_where_and_what_to_do() -> None:
    result = run_of(FULL)["results"][0]

    assert (result["ruleId"], result["level"]) == ("pin-mismatch", "error")
    assert result["message"]["text"].split("\n") == [
        "org.example:widget:jar:1.0 refused: the bytes differ from those that the lock file pins (pin-mismatch).",
        f"expected: sha256:{'8f43' * 16} from verifier.lock:14",
        f"received: sha256:{'b5c1' * 16} from https://repo.example/releases",
        f"what to do: {PinMismatch.default_hint}",
        "more: verifier explain 7",
    ]
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "verifier.lock", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 14, "startColumn": 1, "endLine": 14, "endColumn": 2},
    }
    assert result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == str(WIDGET)
    assert result["properties"] == {
        "record": "7",
        "url": "https://repo.example/releases/w.jar",
        "purl": "pkg:maven/org.example/widget@1.0",
    }


def test_refused_is_an_error_unavailable_and_a_notice_are_warnings_and_verified_is_no_result() -> None:
    run = run_of(FULL)

    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
        ("pin-mismatch", "error"),
        ("not-found", "warning"),
        ("exemption-ends-soon", "warning"),
    ]
    assert run["invocations"][0] | {"executionSuccessful": True, "exitCode": 1} == run["invocations"][0]
    assert run_of(account(GOOD))["results"] == run_of(account(GOOD))["tool"]["driver"]["rules"] == []


@pytest.mark.parametrize("cause", PRECEDENCE)
def test_each_code_makes_a_rule_as_code_scanning_demands_it(cause: type[ReasonedError]) -> None:
    run = run_of(account(replace(REFUSED, cause=cause("so it is"))))
    (rule,), (result,) = run["tool"]["driver"]["rules"], run["results"]

    assert rule["id"] == cause.code == result["ruleId"]
    assert result["ruleIndex"] == 0
    assert 0 < len(rule["name"]) <= 255
    for description in ("shortDescription", "fullDescription"):
        assert 0 < len(rule[description]["text"]) <= 1024
    assert rule["help"]["text"]
    assert "**Never:**" in rule["help"]["markdown"]
    properties = rule["properties"]
    assert len(properties["tags"]) <= 10
    if issubclass(cause, Refusal):
        assert rule["defaultConfiguration"]["level"] == "error"
        assert "security" in properties["tags"]
        assert 7.0 <= float(properties["security-severity"]) <= 10.0
    else:
        assert rule["defaultConfiguration"]["level"] == "warning"
        assert "security-severity" not in properties


def test_what_speaks_against_the_bytes_is_critical_and_what_is_lacking_is_high() -> None:
    told = account(REFUSED, replace(REFUSED, cause=SignatureMissing("there is none")))
    rules = run_of(told)["tool"]["driver"]["rules"]

    assert [float(rule["properties"]["security-severity"]) > 9.0 for rule in rules] == [True, False]


def fingerprint(outcome: Outcome, atlas: Atlas = ATLAS) -> str:
    (result,) = run_of(replace(account(outcome), atlas=atlas))["results"]
    name = result["partialFingerprints"]["primaryLocationLineHash"]
    assert isinstance(name, str)
    return name


def test_a_fingerprint_stays_where_the_line_moves_and_the_words_change() -> None:
    moved = replace(ATLAS, fallback=Location("other.lock", 99), own={})
    retold = PinMismatch("told in other words", expected=PIN.expected, received=PIN.received)

    assert fingerprint(REFUSED) == fingerprint(REFUSED, moved) == fingerprint(replace(REFUSED, cause=retold))


def test_a_fingerprint_differs_by_coordinate_code_and_received_bytes() -> None:
    others = (
        REFUSED,
        replace(REFUSED, name="org.example:other:jar:1"),
        replace(REFUSED, cause=SignatureMissing("x")),
        replace(REFUSED, cause=PinMismatch("x", received=Fact("sha256:" + "0" * 64))),
        replace(REFUSED, repository="another"),
    )

    assert len({fingerprint(one) for one in others}) == len(others)


def test_a_path_is_written_as_a_uri() -> None:
    (result,) = run_of(account(GONE))["results"]

    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "dir/a%20list.txt"


def test_more_results_than_github_takes_are_cut_at_the_harmless_end_with_a_note() -> None:
    told = account(*(replace(GONE, name=f"org.example:gone:jar:{n}") for n in range(sarif.MAX_RESULTS)), REFUSED)

    (run,) = json.loads(sarif.report(told))["runs"]

    assert len(run["results"]) == 25_000
    assert run["results"][0]["ruleId"] == "pin-mismatch"
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("1 more results are left out")


@settings(max_examples=60, deadline=None)
@given(foreign)
def test_foreign_text_leaves_sarif_valid_and_makes_neither_link_nor_placeholder(text: str) -> None:
    for result in run_of(spoiled(text))["results"]:
        message = result["message"]["text"]
        assert "](" not in message
        assert not re.search(r"\{[0-9]", message)
        assert len(message) <= sarif.MAX_MESSAGE_CHARACTERS


# JUnit


def test_each_file_is_one_test_case() -> None:
    root = ET.fromstring(junit.report(FULL))  # noqa: S314  (our own document)
    (suite,) = root

    assert root.tag == "testsuites"
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["errors"], suite.attrib["time"]) == (
        "3", "1", "1", "1.250",
    )  # fmt: skip
    cases = {case.attrib["name"]: case for case in suite.iter("testcase")}
    assert list(cases) == [GONE.name, GOOD.name, REFUSED.name]
    assert [cases[GONE.name][0].tag, len(cases[GOOD.name]), cases[REFUSED.name][0].tag] == ["error", 0, "failure"]
    failure = cases[REFUSED.name][0]
    assert cases[REFUSED.name].attrib["classname"] == "org.example:widget"
    assert failure.attrib == {"type": "pin-mismatch", "message": PIN.reason}
    assert "at verifier.lock:14" in (failure.text or "")
    assert "warning: the exemption ends in 3 days" in (suite.findtext("system-out") or "")


@settings(max_examples=100, deadline=None)
@given(foreign)
def test_foreign_text_leaves_xml_well_formed_and_its_structure_alone(text: str) -> None:
    root = ET.fromstring(junit.report(spoiled(text)).encode())  # noqa: S314  (our own document)

    assert [element.tag for element in root.iter()] == [
        "testsuites", "testsuite", "properties", "property", "testcase", "failure", "testcase", "error", "testcase",
        "system-out",
    ]  # fmt: skip
    assert next(root.iter("testcase")).attrib["name"] == spoiled(text).show(text)


# Markdown


def test_the_summary_reads_like_this() -> None:
    assert markdown.report(FULL).split("\n")[:5] == [
        "### verifier fetch: 1 refused, 1 unavailable, 1 verified",
        "",
        "| | file | code | where | what to do |",
        "| --- | --- | --- | --- | --- |",
        f"| refused | `org.example:widget:jar:1.0` | pin-mismatch | `verifier.lock:14` | {PIN.default_hint} |",
    ]
    assert "- `the exemption ends in 3 days` (`verifier.toml:9`): `renew it`" in markdown.report(FULL)
    assert markdown.report(account(GOOD)).startswith("### verifier fetch: 1 verified\n")


def skeleton(document: str) -> Iterator[str]:
    """Give a document without its code spans and code blocks: all that Markdown would act on."""
    in_block = False
    for line in document.split("\n"):
        if line.startswith("```"):
            in_block = not in_block
            yield line
        elif not in_block:
            yield re.sub(r"`[^`]*`", "CODE", line)


@settings(max_examples=150, deadline=None)
@given(foreign.filter(lambda text: bool(text.strip(" "))))
def test_foreign_text_stays_inside_code(text: str) -> None:
    assert list(skeleton(markdown.report(spoiled(text)))) == list(skeleton(markdown.report(spoiled("harmless"))))


def test_a_row_has_as_many_cells_whatever_is_in_it() -> None:
    rows = [line for line in markdown.report(spoiled("a|b`c\\|")).split("\n") if line.startswith("|")]

    assert {row.count("|") for row in rows} == {6}


@pytest.mark.parametrize("limit", [400, 1_000, 3_000, 20_000])
def test_a_summary_is_cut_to_its_bound_with_everything_closed(limit: int) -> None:
    told = account(*(replace(REFUSED, name=f"org.example:widget:jar:{n}") for n in range(40)))
    document = markdown.report(told, limit)

    assert len(document.encode()) <= limit
    assert document.count("```") % 2 == 0
    assert document.count("<details>") == document.count("</details>")
    assert ("cut here" in document) == (len(markdown.report(told).encode()) > limit)


def test_the_longest_summary_that_can_be_is_one_that_github_takes() -> None:
    long = "é" * 5_000
    told = account(*(replace(spoiled(long).outcomes[0], name=f"{long}{n}") for n in range(600)))

    assert len(markdown.report(told).encode()) <= 1024 * 1024


def test_a_long_list_is_cut_by_rows_and_says_how_many_are_left() -> None:
    document = markdown.report(account(*(replace(GONE, name=f"org.example:gone:jar:{n}") for n in range(501))))

    assert document.count("| unavailable |") == markdown.MAX_ROWS
    assert "…and 1 more" in document
    assert "…and 451 more" in document


# GitLab


def test_a_code_quality_issue_has_all_that_gitlab_asks_for() -> None:
    issues = json.loads(codequality.report(FULL))

    assert [(one["check_name"], one["severity"], one["location"]["path"], one["location"]["lines"]["begin"])
            for one in issues] == [
        ("pin-mismatch", "blocker", "verifier.lock", 14),
        ("not-found", "minor", "dir/a list.txt", 3),
        ("exemption-ends-soon", "info", "verifier.toml", 9),
    ]  # fmt: skip
    assert all(one["description"] for one in issues)
    assert len({one["fingerprint"] for one in issues}) == 3


# Annotations


def obey(line: str) -> tuple[str, dict[str, str], str]:
    """Read a workflow command as GitHub's runner does: the name, the properties, the data."""
    assert line.startswith("::")
    end = line.index("::", 2)
    name, _, properties = line[2:end].partition(" ")
    pairs = (pair.split("=", 1) for pair in properties.split(",") if pair)
    unescape: Callable[[str], str] = lambda text: text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")  # noqa: E731  (a line)
    fields = {key: value.replace("%3A", ":").replace("%2C", ",") for key, value in pairs}
    return name, {key: unescape(value) for key, value in fields.items()}, unescape(line[end + 2 :])


def test_each_problem_is_an_annotation_on_its_line() -> None:
    told = [obey(line) for line in github.annotations(FULL)]

    assert [(name, fields["file"], fields["line"], fields["title"]) for name, fields, _ in told] == [
        ("error", "verifier.lock", "14", "verifier: refused: pin-mismatch"),
        ("warning", "dir/a list.txt", "3", "verifier: unavailable: not-found"),
        ("warning", "verifier.toml", "9", "verifier: exemption-ends-soon"),
    ]
    assert told[0][2].split("\n")[0].endswith("lock file pins (pin-mismatch)")


@settings(max_examples=100, deadline=None)
@given(foreign)
def test_foreign_text_makes_no_annotation_of_its_own(text: str) -> None:
    told = replace(spoiled(text), atlas=replace(ATLAS, fallback=Location(f"{text}.lock", 5)))
    lines = list(github.annotations(told))

    assert not [line for line in lines if "\r" in line or "\n" in line]
    assert [obey(line)[0] for line in lines] == ["error", "warning", "warning"]
    for _, fields, data in map(obey, lines):
        assert fields == {"file": f"{text}.lock", "line": "5", "title": fields["title"]}
        assert "\n" not in fields["title"]
        assert all(line.isprintable() for line in data.split("\n"))


@pytest.mark.parametrize(("count", "shown"), [(10, 10), (11, 10), (500, 10)])
def test_of_each_level_ten_are_shown_and_the_last_counts_the_rest(count: int, shown: int) -> None:
    many = [replace(REFUSED, name=f"org.example:widget:jar:{n}") for n in range(count)]
    told = [obey(line) for line in github.annotations(account(*many, GONE))]

    assert [name for name, _, _ in told].count("error") == shown
    assert [name for name, _, _ in told].count("warning") == 1
    rest = [data for _, _, data in told if "see the log" in data]
    assert rest == ([f"{count - 9} more: see the log of this step"] if count > 10 else [])
