"""What stands in other people's pipelines: the GitHub action, the GitLab template, pre-commit's hooks, the image."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from pipelines import ROOT, Bare, action, gitlab
from servers import Answer
from stage import WIDGET, WIDGET_PATH, Stage, stage

from verifier.cli.main import run

__all__ = ["stage"]
CONTAINERFILE = (ROOT / "Containerfile").read_text()


@pytest.fixture
def bare() -> Iterator[Bare]:
    """A bare machine, in a directory that every user may look into."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        with Stage(directory) as stage:
            made = Bare(stage)
            yield made
            assert made.checked_out() == made.before
            assert not (made.temporary / "pwned").exists()


# The action


def test_the_action_passes_on_that_all_is_verified_and_leaves_reports(bare: Bare) -> None:
    step = bare.act()

    assert (step.status, step.outputs["status"]) == (0, "0"), step.err
    assert json.loads(Path(step.outputs["sarif"]).read_text())["version"] == "2.1.0"
    assert len(ET.parse(step.outputs["junit"]).findall(".//testcase")) == 3  # noqa: S314  (our own report)
    assert "verified" in Path(step.outputs["markdown"]).read_text()


def test_the_action_fails_with_a_refusal_and_leaves_reports_all_the_same(bare: Bare) -> None:
    evil = bytearray((bare.stage.root / WIDGET_PATH[1:]).read_bytes())
    evil[-1] ^= 1
    bare.stage.serve(WIDGET_PATH, bytes(evil))

    step = bare.act()

    assert (step.status, step.outputs["status"]) == (1, "1"), step.err
    assert "pin-mismatch" in Path(step.outputs["sarif"]).read_text()
    assert len(ET.parse(step.outputs["junit"]).findall(".//failure")) == 1  # noqa: S314  (our own report)


def test_the_action_fails_with_an_outage_and_with_wrong_usage(bare: Bare) -> None:
    bare.stage.serve(WIDGET_PATH, Answer(b"", 503))
    outage, usage = bare.act(), bare.act(arguments="fetch --nonsense")

    assert (outage.status, outage.outputs["status"]) == (3, "3"), outage.err
    assert (usage.status, usage.outputs["status"]) == (2, "2"), usage.err
    assert "sarif" in outage.outputs
    assert "sarif" not in usage.outputs  # nor that of the run before


HOSTILE = [
    '"; touch $RUNNER_TEMP/pwned; "',
    "$(touch $RUNNER_TEMP/pwned)",
    "`touch $RUNNER_TEMP/pwned`",
    "true\ntouch $RUNNER_TEMP/pwned",
]


@pytest.mark.parametrize("name", ["arguments", "lock", "policy", "cache", "reports"])
def test_no_input_of_the_action_becomes_a_command(bare: Bare, name: str) -> None:
    for text in HOSTILE:
        step = bare.act(**{name: f"{bare.temporary}/x{text}" if name in {"cache", "reports"} else text})

        assert step.status in ({0, 2, 3} if name in {"cache", "reports"} else {2}), step.err
        assert "Traceback" not in step.err


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hostile_is_so_where_a_script_reads_it(bare: Bare, text: str) -> None:
    bare.script(f'echo "{text}"' if text[0] == '"' else text)

    (bare.temporary / "pwned").unlink()


def test_an_input_of_the_action_makes_no_output_of_its_own(bare: Bare) -> None:
    step = bare.act(arguments="fetch --nonsense", reports=f"{bare.temporary}/x\nstatus=0\ny")

    assert (step.status, step.outputs) == (2, {})


def test_no_input_stands_in_a_script_of_the_action(bare: Bare) -> None:
    steps = action()["runs"]["steps"]

    assert all(set(step) <= {"id", "shell", "env", "working-directory", "run"} for step in steps)
    assert not any("${{" in step["run"] for step in steps)
    used = set(re.findall(r"inputs\.([a-z-]+)", json.dumps(steps)))
    assert used == set(action()["inputs"])
    told = set(re.findall(r"steps\.verify\.outputs\.([a-z-]+)", json.dumps(action()["outputs"])))
    assert told == set(action()["outputs"]) == set(bare.act().outputs)


def test_global_options_before_the_command_stay_there(bare: Bare) -> None:
    step = bare.act(arguments="-q --offline fetch --locked")

    assert (step.status, "sarif" in step.outputs) == (3, True), step.err
    assert "(offline)" in step.err


def test_a_lock_diff_runs_and_an_option_stands_after_a_command_of_two_words(bare: Bare) -> None:
    diff = bare.act(arguments="lock diff verifier.lock verifier.lock", lock="verifier.lock")
    export = bare.act(arguments="export cyclonedx --locked", lock="verifier.lock")

    assert (diff.status, diff.out, "sarif" in diff.outputs) == (0, "nothing changed\n", False), diff.err
    assert (export.status, '"bomFormat"' in export.out) == (0, True), export.err


def test_a_kept_cache_is_used_and_judged_again_and_the_key_is_never_beside_it(bare: Bare) -> None:
    cache = bare.temporary / "kept"
    assert bare.act(cache=str(cache)).status == 0
    bare.stage.server.counts.clear()

    assert bare.act(cache=str(cache)).status == 0

    assert bare.stage.server.counts == {}
    assert not list(bare.temporary.rglob("seal.key"))
    assert not list(bare.temporary.glob("verifier-state.*"))


def test_a_kept_cache_that_was_changed_with_its_record_is_fetched_anew(bare: Bare) -> None:
    cache = bare.temporary / "kept"
    bare.act(cache=str(cache))
    file = cache / "repository" / "example" / WIDGET_PATH[1:]
    honest = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(b"PK")

    step = bare.act(cache=str(cache))

    assert (step.status, file.read_bytes()) == (0, honest), step.err
    assert "was refused" in step.err


# What a bare machine lacks


@pytest.mark.parametrize(
    "variables",
    [{"HOME": None}, {"HOME": "/nonexistent"}, {"HOME": "/proc"}, {"HOME": None, "LANG": "C", "LC_ALL": "C"}],
    ids=["no home", "a home that is not there", "a home that cannot be written", "no home and no language"],
)
def test_without_a_place_for_the_key_all_is_judged_and_it_is_said(bare: Bare, variables: dict[str, str | None]) -> None:
    command = str(bare.temporary / "verifier" / "bin" / "verifier")
    cache = str(bare.temporary / "cache")

    for _ in range(2):
        ran = bare.run(command, "--cache", cache, "fetch", "--locked", RUNNER_TEMP=None, **variables)

        assert ran.status == 0, ran.err
        assert "note: nothing is sealed" in ran.err


def test_a_home_that_nobody_has_is_not_made_by_one_who_could(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")

    assert stage.fetch(WIDGET).status == 0
    assert not Path("/nonexistent").exists()


@pytest.mark.parametrize("home", [None, "/nonexistent"])
def test_without_a_place_for_the_cache_it_is_said_what_to_do(bare: Bare, home: str | None) -> None:
    command = str(bare.temporary / "verifier" / "bin" / "verifier")

    ran = bare.run(command, "fetch", "--locked", HOME=home)

    assert (ran.status, ran.out) == (2, "")
    assert "hint: name a directory with --cache" in ran.err


# GitLab


def test_the_gitlab_jobs_pass_and_leave_their_reports(bare: Bare) -> None:
    fetched, checked = bare.job("verifier"), bare.job("verifier-lock")

    assert (fetched.status, checked.status) == (0, 0), fetched.err + checked.err
    written = bare.temporary / "project"
    reports = gitlab()[1]["verifier"]["artifacts"]["reports"]
    assert all((written / name).is_file() for name in reports.values())
    assert "verifier.lock is current" in checked.err


def test_the_gitlab_jobs_fail_with_a_refusal_and_with_a_lock_that_is_not_current(bare: Bare) -> None:
    bare.stage.lay_over("signature-bad")
    lock = bare.checkout / "verifier.lock"
    lock.chmod(0o644)
    lock.write_text(lock.read_text().replace(f"# input: {WIDGET}", "# input: com.example:gizmo:2.3"))
    bare.before = bare.checked_out()

    checked = bare.job("verifier-lock")

    assert checked.status == 1, checked.err
    assert "signature-bad" in checked.err


def test_no_input_stands_in_a_script_of_the_gitlab_template() -> None:
    inputs, jobs = gitlab()

    scripts = [line for job in jobs.values() for line in (*job.get("before_script", ()), *job.get("script", ()))]
    assert not any("$[[" in line for line in scripts)
    assert set(re.findall(r"inputs\.([a-z-]+)", json.dumps(jobs))) == set(inputs)


# pre-commit


def test_pre_commits_hooks_name_commands_that_are_there() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())

    assert [hook["id"] for hook in hooks] == ["verifier-lock-check", "verifier-policy-check"]
    for hook in hooks:
        program, *arguments = hook["entry"].split()
        assert (program, run([*arguments, "--help"])) == ("verifier", 0)
        assert (hook["language"], hook["pass_filenames"]) == ("python", False)


@pytest.mark.parametrize(
    ("path", "hooks"),
    [
        ("pom.xml", {"verifier-lock-check"}),
        ("core/pom.xml", {"verifier-lock-check"}),
        ("verifier.lock", {"verifier-lock-check"}),
        ("verifier.toml", {"verifier-lock-check", "verifier-policy-check"}),
        ("verifier.keys", {"verifier-policy-check"}),
        ("my-pom.xml", set()),
        ("pom.xml.bak", set()),
    ],
)
def test_pre_commits_hooks_look_at_these_files(path: str, hooks: set[str]) -> None:
    all_of_them = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())

    assert {hook["id"] for hook in all_of_them if re.search(hook["files"], path)} == hooks


# The environment that the action and the image make


def locked(name: str) -> dict[str, frozenset[str]]:
    """Read a lock file of Python packages: what is pinned, with the digests."""
    entries = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text())
    found = (re.match(r"([a-z0-9-]+)(?:\[[a-z,-]+\])?(==[^ ]+)", entry) for entry in entries)
    return {
        f"{match[1]}{match[2]}": frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", entry))
        for match, entry in zip(found, entries, strict=True)
        if match is not None
    }


def test_what_is_installed_is_what_is_tested() -> None:
    runtime, tested = locked("requirements-runtime.lock"), locked("requirements.lock")

    assert len(runtime) > 20
    assert {name: tested.get(name) for name in runtime} == runtime
    assert all(runtime.values())


def test_an_interpreter_that_is_too_old_is_one_message(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)

    ran = subprocess.run(
        [ROOT / "ci" / "install", tmp_path / "made"], env={"PATH": os.defpath, "PYTHON": str(old)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (ran.returncode, ran.stderr) == (
        3, "error: verifier needs Python 3.11 or later: name one in PYTHON\n",
    )  # fmt: skip
    assert not (tmp_path / "made").exists()


def test_the_image_runs_as_a_user_without_rights_and_takes_what_is_there() -> None:
    words = [line.split() for line in CONTAINERFILE.replace("\\\n", " ").splitlines() if line and line[0] != "#"]
    copied = [line[1:-1] for line in words if line[0] == "COPY" and not line[1].startswith("--from")]

    assert [line[1] for line in words if line[0] == "USER"] == ["65532:65532"]
    assert [line for line in words if line[0] == "FROM"][-1] == ["FROM", "${BASE}"]
    assert all((ROOT / source).exists() for sources in copied for source in sources)
    assert "ENTRYPOINT" in {line[0] for line in words}


@pytest.mark.live
def test_an_environment_made_of_what_the_image_copies_runs_alone(tmp_path: Path) -> None:
    """Run the steps of the Containerfile as far as they go without an engine; installs from the package index."""
    source, made, here = tmp_path / "source", tmp_path / "made", tmp_path / "here"
    for line in CONTAINERFILE.splitlines():
        if line.startswith("COPY") and "--from" not in line:
            _, what, to = line.split()
            target = tmp_path / to.lstrip("/") / (Path(what).name if to.endswith("/") else "")
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (ROOT / what).is_dir() else shutil.copy)(ROOT / what, target)
    for path in (source, *source.rglob("*")):
        path.chmod(0o555 if path.is_dir() or path.parent.name == "ci" else 0o444)
    bare = {"PATH": os.defpath, "PYTHON": sys.executable, "HOME": str(tmp_path)}
    subprocess.run([source / "ci" / "install", made], env=bare, check=True)
    subprocess.run([made / "bin" / "python", "-I", "-m", "pip", "uninstall", "-q", "-y", "pip"], env=bare, check=True)
    here.mkdir()
    (here / "click.py").write_text("raise SystemExit('taken in')")

    ran = subprocess.run(
        [made / "bin" / "verifier", "--version"], cwd=here, env={"PYTHONPATH": str(here)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip

    assert (ran.returncode, ran.stdout[:9]) == (0, "verifier "), ran.stderr
