"""A bare machine as pipelines have it: another user without rights, no terminal, no gpg, an empty home, nothing else.

The steps of `action.yml` and `templates/verify.yml` are taken out of the files and run here.  What an
install step makes stands ready: the tests ask no network.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from stage import WIDGET, Stage

ROOT = Path(__file__).parent.parent
NOBODY = 65534
# Reading is allowed everywhere, since the interpreter may lie in root's home; writing is what must not be needed.
_CAPABILITY = "-all,+dac_read_search"
_WITHOUT_RIGHTS = (
    shutil.which("setpriv") or "setpriv",
    *(f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *(f"--{which}={_CAPABILITY}" for which in ("inh-caps", "ambient-caps", "bounding-set")),
)
_TOOLS = ("bash", "cat", "mkdir", "mktemp", "rm", "sh", "touch")


@dataclass(frozen=True)
class Step:
    """How a step ended."""

    status: int
    out: str
    err: str
    outputs: Mapping[str, str]


class Bare:
    """A checkout that cannot be written, with a stage's policy and a lock file, and a machine to run steps on."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.checkout = stage.directory / "checkout"
        self.temporary = stage.directory / "temporary"
        self._tools = stage.directory / "tools"
        self._make_checkout()
        self._own(self.temporary)
        self._own(self.temporary / "home")
        self._tools.mkdir()
        for tool in _TOOLS:
            (self._tools / tool).symlink_to(shutil.which(tool) or "/nowhere")
        command = self.temporary / "verifier" / "bin" / "verifier"
        command.parent.mkdir(parents=True)
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -I -m verifier "$@"\n')
        command.chmod(0o755)
        self.before = self.checked_out()

    def _make_checkout(self) -> None:
        self.checkout.mkdir()
        shutil.copy(self.stage.policy, self.checkout)
        shutil.copytree(self.stage.directory / "keys", self.checkout / "keys")
        made = self.stage.run("lock", "--lock", str(self.checkout / "verifier.lock"), WIDGET)
        assert made.status == 0, made.err
        shutil.rmtree(self.stage.cache)
        for path in (self.checkout, *self.checkout.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)

    @staticmethod
    def _own(directory: Path) -> None:
        directory.mkdir()
        if os.geteuid() == 0:
            os.chown(directory, NOBODY, NOBODY)

    def checked_out(self) -> dict[str, bytes]:
        """Give everything in the checkout."""
        return {str(path): path.read_bytes() if path.is_file() else b"" for path in self.checkout.rglob("*")}

    def run(self, *command: str, **variables: str | None) -> Step:
        """Run a command there; a variable that is None is not set."""
        output = self.temporary / "output"
        output.write_text("")
        output.chmod(0o666)
        environment = {
            "PATH": f"{self._tools}",
            "HOME": str(self.temporary / "home"),
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(output),
            **variables,
        }
        rights = _WITHOUT_RIGHTS if os.geteuid() == 0 else ()
        ran = subprocess.run(
            [*rights, shutil.which(command[0]) or command[0], *command[1:]],
            cwd=self.checkout, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env={name: value for name, value in environment.items() if value is not None},
            check=False, timeout=60, start_new_session=True,
        )  # fmt: skip
        told = dict(line.partition("=")[::2] for line in output.read_text().splitlines())
        return Step(ran.returncode, ran.stdout, ran.stderr, told)

    def script(self, script: str, **variables: str | None) -> Step:
        """Run a script as GitHub's and GitLab's runners do."""
        return self.run("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script, **variables)

    def act(self, **inputs: str) -> Step:
        """Run the step of the action that verifies, with these inputs, and the others as they are by default."""
        given = {name: str(said["default"]) for name, said in action()["inputs"].items()} | inputs
        (step,) = [step for step in action()["runs"]["steps"] if step["id"] == "verify"]
        variables = {name: filled(text, given) for name, text in step["env"].items()}
        return self.script(step["run"], **variables)

    def job(self, name: str) -> Step:
        """Run a job of the GitLab template."""
        inputs, jobs = gitlab()
        given = {one: str(said.get("default", "an image")) for one, said in inputs.items()}
        job = jobs[".verifier"] | jobs[name]
        project = str(self.temporary / "project")
        variables = {
            one: filled(text, given).replace("$CI_PROJECT_DIR", project) for one, text in job["variables"].items()
        }
        path = f"{self.temporary / 'verifier' / 'bin'}:{self._tools}"
        return self.script("\n".join((*job["before_script"], *job["script"])), PATH=path, RUNNER_TEMP=None, **variables)


def filled(text: str, given: Mapping[str, str]) -> str:
    """Put inputs into a value, as both services do before anything runs."""
    return re.sub(r"\$(?:\{\{|\[\[) inputs\.([a-z-]+) (?:\}\}|\]\])", lambda found: given[found[1]], text)


def action() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "action.yml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def gitlab() -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the inputs and the jobs of the GitLab template."""
    head, jobs = yaml.safe_load_all((ROOT / "templates" / "verify.yml").read_text())
    return head["spec"]["inputs"], jobs
