"""The command line from outside: what it prints, where, and with which exit status."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from servers import Answer
from stage import WIDGET, WIDGET_PATH, Stage, stage

from verifier import __version__
from verifier.cli.main import run
from verifier.policy_file import parse_policy

__all__ = ["stage"]
ROOT = Path(__file__).parent.parent


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"verifier {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [[], ["--help"], ["fetch", "--help"], ["verify", "-h"], ["explain", "-h"], ["resolve", "-h"], ["lock", "-h"],
     ["export", "cyclonedx", "-h"], ["completion", "-h"]],
)  # fmt: skip
def test_help_fits_eighty_columns(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    run(arguments)

    shown = capsys.readouterr()
    assert "Usage: verifier" in shown.out + shown.err
    assert all(len(line) <= 80 for line in (shown.out + shown.err).splitlines())


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["fetch"], ["fetch", "--jobs", "0", WIDGET], ["fetch", "--format", "xml", WIDGET], ["verify"],
     ["--policy", "/nowhere.toml", "fetch", WIDGET], ["fetch", "-f", "/nowhere.txt"], ["explain", "999999"]],
)  # fmt: skip
def test_wrong_usage_is_one_message_and_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [(["fetch", "-q"], "-q stands before the command: verifier -q fetch …"),
     (["lock", "--offline"], "--offline stands before the command: verifier --offline lock …"),
     (["lock", "diff", "--cache", "x"], "--cache stands before the command: verifier --cache CACHE lock diff …")],
)  # fmt: skip
def test_a_global_option_after_the_command_is_told_its_place(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr().err
    assert shown.splitlines()[-1] == f"hint: {hint}"
    assert "Did you mean" not in shown


@pytest.mark.parametrize("arguments", [["fetch", "--ofline"], ["--ofline"]])
def test_another_unknown_option_gets_no_such_hint(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert "hint" not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["cache", "list"], ["cache", "stats"], ["doctor"]])
def test_a_ci_finds_no_command_in_what_a_command_prints_as_json(stage: Stage, arguments: list[str]) -> None:
    stage.cache = stage.directory / "##[error]x"
    stage.fetch(WIDGET)

    result = stage.run("--offline", *arguments, "--format", "json")

    assert "##[" not in result.out
    assert "##[error]x" in str(json.loads(result.out))


def test_data_goes_to_stdout_and_problems_to_stderr(stage: Stage) -> None:
    result = stage.run("fetch", "--no-transitive", WIDGET, "org.example:nowhere:1.0")

    assert result.out.splitlines() == [
        "unavailable org.example:nowhere:jar:1.0  not-found",
        "verified    org.example:widget:jar:1.0",
    ]
    assert "unavailable org.example:nowhere:jar:1.0 (not-found)" in result.err
    assert "hint: check the spelling and the version" in result.err
    assert result.status == 3


def test_refused_outranks_unavailable(stage: Stage) -> None:
    stage.lay_over("signature-bad")

    assert stage.run("fetch", "--no-transitive", WIDGET, "org.example:nowhere:1.0").status == 1


def test_reads_lines_from_a_file_and_from_standard_input(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text(f"# what we need\n\n{WIDGET}  # the widget\npkg:maven/com.example/gizmo@2.3\nno coordinate\n")
    result = stage.fetch("-f", str(listed))

    assert [a["status"] for a in result.report["artifacts"]] == ["verified", "refused", "verified"]
    assert result.artifact("no coordinate")["code"] == "coordinate-invalid"

    with listed.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert stage.fetch("-f", "-").report["summary"]["verified"] == 2


@pytest.mark.parametrize("text", ["<html/>", "<project", '{"name": "npm"}', "[1]", "{", "\xff\xfe"])
def test_a_file_that_is_no_list_is_named(stage: Stage, tmp_path: Path, text: str) -> None:
    listed = tmp_path / "list"
    listed.write_bytes(text.encode("latin-1"))

    result = stage.run("fetch", "-f", str(listed))

    assert result.status == 2
    assert str(listed) in result.err


def test_copies_out_flat_and_as_a_repository(stage: Stage, tmp_path: Path) -> None:
    flat = stage.fetch("--output", str(tmp_path / "flat"), WIDGET).artifact()
    tree = stage.fetch("--output", str(tmp_path / "tree"), "--layout", "maven", WIDGET).artifact()

    assert flat["file"] == str(tmp_path / "flat" / "widget-1.0.jar")
    assert tree["file"] == f"{tmp_path}/tree{WIDGET_PATH}"
    assert Path(str(tree["file"])).read_bytes() == (stage.root / WIDGET_PATH[1:]).read_bytes()


def test_nothing_refused_is_copied_out(stage: Stage, tmp_path: Path) -> None:
    stage.lay_over("signature-bad")

    stage.fetch("--output", str(tmp_path / "out"), WIDGET)

    assert not list((tmp_path / "out").rglob("*"))


def test_prints_a_class_path_only_if_all_is_verified(stage: Stage) -> None:
    good = stage.run("fetch", "--classpath", WIDGET, "com.example:gizmo:2.3")
    bad = stage.run("fetch", "--classpath", WIDGET, "org.example:nowhere:1.0")

    assert [Path(entry).name for entry in good.out.strip().split(os.pathsep)] == ["widget-1.0.jar", "gizmo-2.3.jar"]
    assert bad.out == ""


def test_judges_a_tree_and_changes_nothing_in_it(stage: Stage, tmp_path: Path) -> None:
    tree = tmp_path / "m2"
    file = tree / WIDGET_PATH[1:]
    file.parent.mkdir(parents=True)
    file.write_bytes((stage.root / WIDGET_PATH[1:]).read_bytes())
    (file.parent / "_remote.repositories").write_text("#")
    (file.parent / "widget-1.0.jar.lastUpdated").write_text("#")
    before = sorted((p, p.stat().st_mtime_ns) for p in tree.rglob("*"))

    result = stage.run("verify", "--format", "json", str(tree))

    assert (result.status, result.artifact()["status"], result.artifact()["file"]) == (0, "verified", str(file))
    assert result.report["summary"]["skipped_bookkeeping_files"] == 2
    assert sorted((p, p.stat().st_mtime_ns) for p in tree.rglob("*")) == before


def test_a_second_look_at_a_tree_asks_for_nothing(stage: Stage, tmp_path: Path) -> None:
    stage.run("verify", str(stage.root))
    stage.server.counts.clear()

    assert stage.run("verify", str(stage.root)).status == 0
    assert stage.server.counts == {}


def test_a_signature_beside_a_file_proves_itself_offline(stage: Stage) -> None:
    file = stage.root / WIDGET_PATH[1:]

    assert stage.run("--offline", "verify", str(file), "--as", WIDGET).status == 0
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    assert stage.run("--offline", "verify", str(file), "--as", WIDGET).status == 1


def test_a_checksum_beside_a_file_proves_nothing_offline(stage: Stage) -> None:
    """The file was never fetched, its signature is not at hand, and the network may not be asked."""
    file = stage.root / WIDGET_PATH[1:]
    file.with_name(f"{file.name}.asc").unlink()

    result = stage.run("--offline", "verify", "--format", "json", str(file), "--as", WIDGET)

    assert (result.status, result.artifact()["code"]) == (3, "offline")


def test_explains_an_acceptance_and_a_refusal(stage: Stage) -> None:
    accepted = stage.fetch(WIDGET).artifact()
    stage.lay_over("signature-bad")
    stage.fetch("com.example:gizmo:2.3")

    for query in (WIDGET, str(accepted["record"]), str(accepted["url"]), str(accepted["file"])):
        told = stage.run("explain", query)
        assert told.status == 0
        assert "verified org.example:widget:jar:1.0" in told.out
        assert "checksum sha1: agrees" in told.out
    refused = stage.run("explain", "com.example:gizmo:2.3").out
    assert "refused com.example:gizmo:jar:2.3 (signature-bad)" in refused
    assert stage.run("explain", "signature-bad").out.startswith("signature-bad\n")


def test_foreign_text_is_shown_escaped(stage: Stage) -> None:
    stage.serve(f"{WIDGET_PATH}.sha1", b"\x1b]0;owned\x07\x1b[2J")

    result = stage.run("fetch", WIDGET)

    assert "\x1b" not in result.out + result.err
    assert "\\x1b[2J" in result.err


def test_an_interrupt_leaves_nothing_half_written(stage: Stage) -> None:
    stage.serve(WIDGET_PATH, Answer(b"x" * 100_000, announced=10_000_000, hang=True))
    command = [sys.executable, "-m", "verifier", "--policy", str(stage.policy), "--cache", str(stage.cache)]
    process = subprocess.Popen([*command, "fetch", "--no-transitive", WIDGET], stderr=subprocess.PIPE, text=True)
    while not stage.server.counts[WIDGET_PATH]:
        stage.server.stopping.wait(0.02)

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)

    assert process.returncode == 130
    assert err.strip() == "interrupted"
    assert (stage.cached(), stage.quarantined()) == ([], [])


def test_a_cache_that_cannot_be_used_is_one_message(stage: Stage) -> None:
    stage.cache.write_text("a file in its place")

    result = stage.run("fetch", WIDGET)

    assert result.status == 3
    assert str(stage.cache) in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["cache", "path"], ["explain", "signature-bad"]])
def test_a_full_disk_behind_the_output_is_one_message(stage: Stage, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "verifier", "--cache", str(stage.cache), *arguments]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=30)

    assert (ended.returncode, ended.stderr) == (3, "error: No space left on device\n")


@pytest.mark.parametrize("document", ["", "7", "[]", "{}", '{"artifact": {}}', "[" * 100_000, "9" * 5_000])
def test_a_damaged_judgement_is_the_same_error_in_both_forms(stage: Stage, document: str) -> None:
    stage.fetch(WIDGET)
    connection = sqlite3.connect(stage.cache / "record.sqlite")
    with connection:
        connection.execute("UPDATE judgement SET document = ?", (document,))
    connection.close()

    plain, form = stage.run("explain", WIDGET), stage.run("explain", WIDGET, "--format", "json")

    assert (plain.status, "cannot be read" in plain.err) == (3, True)
    assert form == plain


def test_cache_commands(stage: Stage) -> None:
    file = Path(str(stage.fetch(WIDGET).artifact()["file"]))
    stage.fetch("com.example:gizmo:2.3")

    assert stage.run("cache", "path").out.strip() == str(stage.cache / "repository")
    assert "org.example:widget:jar:1.0" in stage.run("cache", "list").out
    assert "files         2" in stage.run("cache", "stats").out
    assert stage.run("cache", "scrub").status == 0
    (stage.cache / "repository" / "stranger.jar").write_text("PK")
    file.chmod(0o644)
    file.write_text("PK")
    scrubbed = stage.run("cache", "scrub")
    assert (scrubbed.status, stage.cached()) == (1, ["example/com/example/gizmo/2.3/gizmo-2.3.jar"])
    assert stage.run("cache", "prune", "--max-size", "1 B").status == 0
    assert stage.cached() == []


def test_the_readmes_policy_can_be_read_and_its_commands_exist() -> None:
    readme = (ROOT / "README.md").read_text()
    (policy,) = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)

    parse_policy(policy, "README.md", default_repository_url="https://repo.example/central")
    for command in re.findall(r"verifier (?:-v )?(fetch|verify|explain|cache|[a-z]+) ", "".join(
        line for line in readme.splitlines(keepends=True) if line.startswith("$ ")
    )):  # fmt: skip
        assert run([command, "--help"]) == 0
