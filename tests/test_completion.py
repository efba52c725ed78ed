"""Completion in real shells; and that the variable which asks for it changes nothing else."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import need
from stage import WIDGET, Stage, stage

from verifier.cli.main import _COMMANDS, COMPLETE_VARIABLE, run

__all__ = ["stage"]
HEAVY = {"requests", "aiohttp", "cryptography", "verifier.fetch", "verifier.cli.fetch"}


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH with the command `verifier` first on it."""
    command = tmp_path / "bin" / "verifier"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m verifier "$@"\n')
    command.chmod(0o755)
    return f"{command.parent}:{os.environ['PATH']}"


def say(path: str, *command: str) -> list[str]:
    ran = subprocess.run(
        command, env={"PATH": path, "HOME": os.environ["HOME"]}, capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout.splitlines()


def complete_in_bash(path: str, *words: str) -> list[str]:
    script = (
        'eval "$(verifier completion bash)"; COMP_WORDS=(verifier "$@"); COMP_CWORD=$#;'
        ' compopt() { :; }; _verifier_completion verifier; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return say(path, need("bash"), "--norc", "-c", script, "bash", *words)


def test_bash_completes_commands_options_and_values(path: str) -> None:
    assert complete_in_bash(path, "fe") == ["fetch"]
    assert complete_in_bash(path, "--off") == ["--offline"]
    assert complete_in_bash(path, "fetch", "--layout", "m") == ["maven"]
    assert complete_in_bash(path, "setup", "b") == ["bazel"]


def test_bash_knows_whom_to_ask(path: str) -> None:
    script = 'eval "$(verifier completion bash)"; complete -p verifier'

    assert say(path, need("bash"), "--norc", "-c", script) == ["complete -o nosort -F _verifier_completion verifier"]


def test_fish_completes_a_command(path: str) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    script = 'verifier completion fish | source; complete -C "verifier fe"'

    assert [line.split("\t")[0] for line in say(path, "fish", "--no-config", "-c", script)] == ["fetch"]


def test_zsh_takes_the_script_and_gets_its_answers(path: str) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    script = (
        'autoload -U compinit; compinit -u -D; eval "$(verifier completion zsh)"; print -r -- $_comps[verifier];'
        f' COMP_WORDS="verifier fe" COMP_CWORD=1 {COMPLETE_VARIABLE}=zsh_complete verifier'
    )

    assert say(path, "zsh", "-f", "-c", script)[:3] == ["_verifier_completion", "plain", "fetch"]


def test_commands_are_completed_without_loading_one(path: str) -> None:
    program = (
        "import atexit, sys; from verifier.cli.main import main;"
        " atexit.register(lambda: sys.stderr.write(' '.join(sys.modules))); sys.argv = ['verifier']; main()"
    )
    asked = {COMPLETE_VARIABLE: "bash_complete", "COMP_WORDS": "verifier ", "COMP_CWORD": "1", "PATH": path}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=asked, capture_output=True, text=True, check=True, timeout=60
    )

    assert [line.removeprefix("plain,") for line in ran.stdout.splitlines()] == list(_COMMANDS)
    assert HEAVY.isdisjoint(ran.stderr.split())


@pytest.mark.parametrize("instruction", ["bash_source", "bash_complete", "zsh_source", "nonsense"])
def test_the_variable_that_asks_for_completions_keeps_no_command_from_its_work(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, instruction: str
) -> None:
    """Status 0 for a file that nobody looked at would pass for verified."""
    stage.lay_over("signature-bad")
    monkeypatch.setenv(COMPLETE_VARIABLE, instruction)
    monkeypatch.setenv("COMP_WORDS", "verifier fetch")
    monkeypatch.setenv("COMP_CWORD", "1")

    result = stage.run("fetch", "--no-transitive", "com.example:gizmo:2.3", WIDGET)

    assert result.status == 1
    assert "com.example:gizmo:jar:2.3  signature-bad" in result.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_printed_for_each_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    assert f"{COMPLETE_VARIABLE}={shell}_complete" in capsys.readouterr().out


def test_another_shell_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", "cmd"]) == 2
    assert "'bash', 'zsh', 'fish'" in capsys.readouterr().err
