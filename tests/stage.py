"""A whole installation for one test: a repository over loopback TLS, a policy, a cache, and the command line."""

import io
import json
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest
from servers import Authority, FileServer, Script

from verifier.cli.main import run

FIXTURES = Path(__file__).parent.parent / "fixtures"
WIDGET = "org.example:widget:1.0"
WIDGET_PATH = "/org/example/widget/1.0/widget-1.0.jar"


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        document = json.loads(self.out)
        assert isinstance(document, dict)
        return document

    def artifact(self, name: str | None = None) -> dict[str, Any]:
        """Give one artifact of the JSON report: the only one, or the one of that name."""
        artifacts = [a for a in self.report["artifacts"] if name is None or a["coordinate"] == name]
        assert len(artifacts) == 1, self.out
        artifact = artifacts[0]
        assert isinstance(artifact, dict)
        return artifact


class Stage:
    """Serves a copy of the honest fixtures, which a test may change, and runs commands against it."""

    def __init__(self, directory: Path, context_names: tuple[str, ...] = ()) -> None:
        self.directory = directory
        self.root = directory / "served"
        self.cache = directory / "cache"
        shutil.copytree(FIXTURES / "honest", self.root)
        shutil.copytree(FIXTURES / "keys", directory / "keys")
        self.authority = Authority(directory)
        self.server = FileServer(self.authority.context(*context_names), root=self.root)

    def __enter__(self) -> Self:
        self.server.start()
        self.policy = self.write_policy()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    def write_policy(self, *, extra: str = "", url: str | None = None, name: str = "verifier.toml") -> Path:
        """Write the fixtures' policy for this server; `extra` is appended."""
        text = (FIXTURES / "policy.toml").read_text()
        there = f'url = "{url or self.server.url}"\nca-file = "{self.authority.file}"'
        path = self.directory / name
        path.write_text(text.replace('url = "https://repo.example/releases"', there) + extra)
        return path

    def change_policy(self, old: str, new: str) -> None:
        text = self.policy.read_text()
        assert old in text
        self.policy.write_text(text.replace(old, new))

    def lay_over(self, attack: str) -> None:
        """Lay one attack of the fixtures over the honest files; an absent file is taken away."""
        for path in sorted((FIXTURES / "attacks" / attack).rglob("*")):
            if path.is_file():
                target = self.root / path.relative_to(FIXTURES / "attacks" / attack)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, target)

    def serve(self, path: str, script: Script) -> None:
        self.server.files[path] = script

    def run(self, *arguments: str) -> Result:
        """Run one command line in this process."""
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = run(["--policy", str(self.policy), "--cache", str(self.cache), *arguments])
            sys.stdout.flush()
        return Result(status, out.getvalue(), err.getvalue())

    def fetch(self, *arguments: str) -> Result:
        """Fetch the named files alone, which most tests are about."""
        return self.run("fetch", "--no-transitive", "--format", "json", *arguments)

    def cached(self) -> list[str]:
        """List what lies in the tree of verified files."""
        tree = self.cache / "repository"
        return sorted(p.relative_to(tree).as_posix() for p in tree.rglob("*") if p.is_file()) if tree.exists() else []

    def quarantined(self) -> list[Path]:
        return [path for path in (self.cache / "quarantine").rglob("*") if path.is_file() and path.name != "lock"]


@pytest.fixture
def stage(tmp_path: Path) -> Any:  # noqa: ANN401  (a generator that pytest unwraps)
    with Stage(tmp_path) as made:
        yield made
