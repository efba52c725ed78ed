"""Reports from outside: which files a command writes, what it prints, and what a CI is shown by itself."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from published import GROUP, needs, publish
from stage import WIDGET, WIDGET_PATH, Stage, stage
from test_reports import VALIDATOR, obey

from verifier.cli.main import run
from verifier.cli.opening import Workflow
from verifier.cli.reports import Wanted, annotate, write_reports
from verifier.report.account import Account
from verifier.report.location import NOWHERE

__all__ = ["stage"]
NOWHERE_AT_ALL = "org.example:nowhere:1.0"
EVERY = ("json", "sarif", "junit", "markdown", "codequality")


@pytest.fixture
def checkout(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout that the command runs in."""
    path = stage.directory / "checkout"
    (path / ".git").mkdir(parents=True)
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def summary(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What GitHub's runner gives to a step."""
    path = stage.directory / "summary.md"
    path.write_text("")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def every(directory: Path) -> list[str]:
    return [word for kind in EVERY for word in ("--report", f"{kind}={directory / kind}")]


def read(directory: Path) -> dict[str, str]:
    return {kind: (directory / kind).read_text(encoding="utf-8") for kind in EVERY}


def test_several_reports_of_one_run_say_the_same(stage: Stage, checkout: Path) -> None:
    stage.lay_over("signature-bad")
    (checkout / "list.txt").write_text(f"# ours\n{WIDGET}\n{NOWHERE_AT_ALL}\norg.example:widget:1.1\n")

    result = stage.run("fetch", "--no-transitive", "-f", "list.txt", *every(checkout))
    told = read(checkout)

    assert result.status == 1
    assert result.out.count("\n") == 3
    artifacts = json.loads(told["json"])["artifacts"]
    assert [one["code"] for one in artifacts] == ["not-found", "signature-bad", None]
    document = json.loads(told["sarif"])
    VALIDATOR.validate(document)
    (sarif,) = document["runs"]
    places = [one["locations"][0]["physicalLocation"] for one in sarif["results"]]
    assert [one["ruleId"] for one in sarif["results"]] == ["signature-bad", "not-found"]
    assert [(one["artifactLocation"]["uri"], one["region"]["startLine"]) for one in places] == [
        ("list.txt", 2),
        ("list.txt", 3),
    ]
    assert sarif["invocations"][0]["exitCode"] == 1
    suite = ET.fromstring(told["junit"])[0]  # noqa: S314  (our own document)
    assert [case.attrib["name"] for case in suite.iter("testcase")] == [one["coordinate"] for one in artifacts]
    assert [len(case) for case in suite.iter("testcase")] == [1, 1, 0]
    assert told["markdown"].startswith("### verifier fetch: 1 refused, 1 unavailable, 1 verified\n")
    assert [one["location"]["lines"]["begin"] for one in json.loads(told["codequality"])] == [2, 3]
    assert sorted(path.name for path in checkout.iterdir()) == sorted([".git", "list.txt", *EVERY])


def test_a_verified_run_reports_no_problem(stage: Stage, checkout: Path) -> None:
    result = stage.run("fetch", "--no-transitive", WIDGET, *every(checkout))
    told = read(checkout)

    assert result.status == 0
    assert json.loads(told["sarif"])["runs"][0]["results"] == []
    assert 'failures="0" errors="0"' in told["junit"]
    assert told["markdown"].startswith("### verifier fetch: 1 verified\n")
    assert json.loads(told["codequality"]) == []


@pytest.mark.parametrize("kind", EVERY)
def test_each_kind_can_be_printed_alone(stage: Stage, checkout: Path, kind: str) -> None:
    result = stage.run("fetch", "--no-transitive", "--format", kind, NOWHERE_AT_ALL, "--report", f"{kind}=file")

    assert (result.status, result.err) == (3, "")
    steady = [line for line in result.out.split("\n") if "time=" not in line and "second" not in line]
    written = Path("file").read_text()
    assert steady == [line for line in written.split("\n") if "time=" not in line and "second" not in line]


def test_what_a_pom_brings_in_is_shown_on_the_line_that_brings_it(stage: Stage, checkout: Path) -> None:
    stage.lay_over("signature-bad")
    publish(stage, "app:1", needs("left:1"))
    publish(stage, "left:1", needs(WIDGET))
    (checkout / "pom.xml").write_text(
        "<project>\n<modelVersion>4.0.0</modelVersion><groupId>a</groupId><artifactId>b</artifactId>\n<version>1</version>\n"
        f"<dependencies>\n\n<dependency>\n<groupId>{GROUP}</groupId><artifactId>app</artifactId><version>1</version>\n"
        "</dependency></dependencies></project>"
    )

    result = stage.run("fetch", "-f", "pom.xml", "--format", "codequality")

    (issue,) = json.loads(result.out)
    assert issue["check_name"] == "signature-bad"
    assert issue["location"] == {"path": "pom.xml", "lines": {"begin": 6}}


def test_a_broken_pin_is_shown_in_the_policy(stage: Stage, checkout: Path) -> None:
    stage.lay_over("pin-mismatch")
    policy = checkout / "verifier.toml"
    text = stage.policy.read_text().replace("keys/", "../keys/")
    policy.write_text(text)
    stage.policy = policy

    result = stage.run("fetch", "--no-transitive", "org.example:relic:0.9", "--format", "codequality")
    (issue,) = json.loads(result.out)

    lines = text.split("\n")
    place = issue["location"]
    assert (issue["check_name"], place["path"]) == ("pin-mismatch", "verifier.toml")
    assert "org.example:relic:0.9" in "".join(lines[place["lines"]["begin"] - 1 :][:2])


def test_what_contradicts_the_lock_file_is_shown_on_its_line(stage: Stage, checkout: Path) -> None:
    assert stage.run("lock", WIDGET).status == 0
    lock = checkout / "verifier.lock"
    lines = lock.read_text().split("\n")
    (at,) = [number for number, line in enumerate(lines) if line.startswith("org.example:widget:jar:1.0 ")]
    name, _, grounds = lines[at].split()
    lines[at] = f"{name} sha256:{'0' * 64} {grounds}"
    lock.write_text("\n".join(lines))

    result = stage.run("fetch", "--locked", "--format", "codequality")

    issue = json.loads(result.out)[0]
    assert result.status == 1
    assert issue["check_name"] == "pin-mismatch"
    assert issue["location"] == {"path": "verifier.lock", "lines": {"begin": at + 1}}


def test_a_lock_that_is_not_written_is_reported_as_well(stage: Stage, checkout: Path) -> None:
    stage.lay_over("signature-bad")

    result = stage.run("lock", WIDGET, "--report", "sarif=a.sarif")

    (run,) = json.loads(Path("a.sarif").read_text())["runs"]
    assert result.status == run["invocations"][0]["exitCode"] == 1
    assert run["automationDetails"]["id"] == "verifier/lock/"
    assert not (checkout / "verifier.lock").exists()


def test_resolve_and_verify_report_as_well(stage: Stage, checkout: Path) -> None:
    stage.lay_over("signature-bad")
    tree = checkout / "libs"
    for suffix in ("", ".asc"):
        path = tree / f"{WIDGET_PATH[1:]}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((stage.root / f"{WIDGET_PATH[1:]}{suffix}").read_bytes())

    judged = stage.run("verify", "libs", "--format", "codequality")
    resolved = stage.run("resolve", NOWHERE_AT_ALL, "--report", "junit=graph.xml", "--report", "json=graph.json")

    assert json.loads(judged.out)[0]["location"]["path"] == f"libs{WIDGET_PATH}"
    assert (judged.status, resolved.status) == (1, 3)
    assert 'name="verifier resolve"' in Path("graph.xml").read_text()
    assert json.loads(Path("graph.json").read_text())["resolved"] is None


def test_a_report_replaces_an_older_one_whole_and_a_link_rather_than_what_it_leads_to(
    stage: Stage, checkout: Path
) -> None:
    precious = stage.directory / "precious"
    precious.write_text("precious")
    (checkout / "link").symlink_to(precious)
    (checkout / "old").write_text("x" * 100_000)

    stage.run("fetch", "--no-transitive", WIDGET, "--report", "sarif=link", "--report", "markdown=old")

    assert precious.read_text() == "precious"
    assert json.loads((checkout / "link").read_text())["version"] == "2.1.0"
    assert (checkout / "old").read_text().startswith("###")


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ("sarif=nowhere/a.sarif", "there is no directory nowhere"),
        ("sarif=there", "no plain file"),
        ("sarif=pipe", "no plain file"),
        ("sarif=-", "--format sarif prints it"),
        ("sarif=", "is not KIND=FILE"),
        ("sarif", "is not KIND=FILE"),
        ("pdf=a.pdf", "KIND is one of json, sarif"),
        (f"sarif={'a' * 300}", "cannot be a file's name"),
    ],
)
def test_a_report_that_cannot_be_written_is_one_message_before_anything_runs(
    stage: Stage, checkout: Path, report: str, message: str
) -> None:
    (checkout / "there").mkdir()
    make_pipe(checkout / "pipe")

    result = stage.run("fetch", "--no-transitive", WIDGET, "--report", report)

    assert result.status == 2
    assert message in " ".join(result.err.split())
    assert "Traceback" not in result.err
    assert stage.server.seen == []


def test_two_reports_in_one_file_and_reports_of_each_are_refused(stage: Stage, checkout: Path) -> None:
    twice = stage.run("fetch", WIDGET, "--report", "sarif=a", "--report", f"junit={checkout / 'a'}")
    each = stage.run("resolve", "--each", WIDGET, "--report", "sarif=a")
    printed = stage.run("resolve", "--each", WIDGET, "--format", "sarif")
    classpath = stage.run("fetch", "--classpath", WIDGET, "--format", "junit")

    assert [one.status for one in (twice, each, printed, classpath)] == [2, 2, 2, 2]
    assert "the same file" in twice.err


@pytest.mark.parametrize(("verdict", "left"), [(0, 3), (1, 1), (3, 3)])
def test_a_report_that_could_not_be_written_never_betters_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], verdict: int, left: int
) -> None:
    told = Account("fetch", (), (), NOWHERE, "sha256:p", 0.0, verdict)
    wanted = [Wanted("sarif", tmp_path / "gone" / "a.sarif"), Wanted("junit", tmp_path / "b.xml")]

    assert write_reports(wanted, told, str) == left
    assert "a.sarif: cannot be written: No such file or directory" in capsys.readouterr().err
    assert (tmp_path / "b.xml").exists()


# Annotations


def test_annotations_appear_by_themselves_and_change_nothing(stage: Stage, checkout: Path, summary: Path) -> None:
    stage.lay_over("signature-bad")
    (checkout / "list.txt").write_text(f"\n{WIDGET}\n{NOWHERE_AT_ALL}\n")

    result = stage.run("fetch", "--no-transitive", "-f", "list.txt", "--format", "json")

    assert result.status == 1
    assert result.report["summary"]["refused"] == 1
    told = [obey(line) for line in result.err.splitlines()]
    assert [(name, fields["file"], fields["line"]) for name, fields, _ in told] == [
        ("error", "list.txt", "2"),
        ("warning", "list.txt", "3"),
    ]
    assert summary.read_text().startswith("### verifier fetch: 1 refused, 1 unavailable\n")


def test_nothing_is_annotated_outside_of_such_a_ci(
    stage: Stage, checkout: Path, summary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("false", "", "1"):
        monkeypatch.setenv("GITHUB_ACTIONS", value)
        result = stage.run("fetch", "--no-transitive", NOWHERE_AT_ALL)

        assert "::" not in result.err
    assert summary.read_text() == ""


def test_summaries_of_one_step_follow_one_another_up_to_the_bound(stage: Stage, checkout: Path, summary: Path) -> None:
    for _ in range(2):
        stage.run("fetch", "--no-transitive", WIDGET)
    assert summary.read_text().count("### verifier fetch: 1 verified") == 2

    summary.write_text("x" * (1024 * 1024 - 100))
    assert stage.run("fetch", "--no-transitive", WIDGET).status == 0
    assert summary.stat().st_size == 1024 * 1024 - 100


def remove(path: Path) -> None:
    path.unlink()


def put_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def name_nothing(path: Path) -> None:
    os.environ["GITHUB_STEP_SUMMARY"] = ""


@pytest.mark.parametrize("spoil", [remove, put_directory, name_nothing])
def test_a_summary_that_cannot_be_written_fails_nothing(
    stage: Stage, checkout: Path, summary: Path, spoil: Callable[[Path], None]
) -> None:
    spoil(summary)

    result = stage.run("fetch", "--no-transitive", WIDGET)

    assert result.status == 0
    assert "verified" in result.out


def test_a_summary_that_went_away_is_one_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    annotate(Workflow(tmp_path / "gone" / "summary.md"), Account("fetch", (), (), NOWHERE, "sha256:p", 0.0, 0))

    assert "summary.md: no summary written: No such file or directory" in " ".join(capsys.readouterr().err.split())


# What a CI would obey


def test_what_is_quoted_of_wrong_usage_is_no_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (["verify", "\n::add-mask::x"], ["fetch", "\n::x::y", "--report", "a\n::x::y"],
                      ["\n::x::y"], ["fetch", "-f", "##[add-matcher]x"]):  # fmt: skip
        assert run(arguments) == 2
        shown = capsys.readouterr().err

        assert not [line for line in shown.splitlines() if line.lstrip().startswith("::") or "##[" in line]


def test_what_a_server_says_is_no_command(stage: Stage, checkout: Path, summary: Path) -> None:
    text = "no coordinate ##[add-mask]x\n::add-mask::y\n"
    (checkout / "list.txt").write_text(text)

    for form in ("text", *EVERY):
        result = stage.run("fetch", "--no-transitive", "-f", "list.txt", "--format", form)
        lines = [
            line for line in (result.out + result.err).splitlines() if not line.startswith("::error file=list.txt")
        ]

        assert result.status == 1
        assert not [line for line in lines if line.lstrip().startswith("::") or "##[" in line]
