"""What a build from fetched files needs: a repository over loopback TLS, everything of a project laid out, and mvn."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from conftest import need
from servers import Authority, FileServer

from verifier.cli.main import Options
from verifier.cli.opening import load_rules, open_verifier
from verifier.export import Layout, copy_out
from verifier.maven.lifecycle import DEFAULT_MAVEN_VERSION
from verifier.maven.profile import Context
from verifier.outcome import Outcome
from verifier.project import ProjectResolution, resolve_project
from verifier.resolve import Library

SCOPES = frozenset({"compile", "runtime", "provided", "test", "system"})
UNSIGNED = '[require]\nsignature = "none"\n'


@dataclass(frozen=True)
class Collected:
    """A project's resolution, and the outcome of every file that its build will use."""

    found: ProjectResolution
    outcomes: tuple[Outcome, ...]

    @property
    def listed(self) -> list[str]:
        assert self.found.resolution.resolved is not None, self.found.resolution.cause
        return [str(each.coordinate) for each in self.found.resolution.resolved]

    @property
    def plugins(self) -> list[str]:
        return [str(each.file) for each in self.found.plugins]


def collect(
    policy: Path,
    cache: Path,
    pom: Path,
    context: Context | None = None,
    *,
    plugins: bool = True,
    scopes: frozenset[str] = SCOPES,
    maven_version: str = DEFAULT_MAVEN_VERSION,
    fetch: bool = True,
) -> Collected:
    """Resolve a project, and fetch all that its build will use."""
    options = Options(policy, cache, offline=False, verbosity=0)
    with open_verifier(options, load_rules(options), 8) as verifier:
        found = resolve_project(
            Library(verifier), pom, context or Context(), plugins=plugins, maven_version=maven_version, scopes=scopes
        )
        files = [each.file for each in (*found.resolution.explored, *found.plugins) if not each.system_path]
        fetched = verifier.each([partial(verifier.fetch, file) for file in dict.fromkeys(files)]) if fetch else ()
        return Collected(found, (*found.resolution.outcomes, *fetched))


def lay_out(collected: Collected, directory: Path) -> None:
    """Lay everything out as Maven's local repository."""
    problems = {outcome.name: outcome.cause for outcome in collected.outcomes if outcome.cause is not None}
    assert problems == {}
    copy_out(collected.outcomes, directory, Layout.MAVEN)


def installed_maven() -> str:
    """Give the version of the mvn that is installed here."""
    return version_of(Path(need("mvn")))


def version_of(mvn: Path) -> str:
    """Give the version of a mvn."""
    shown = subprocess.run([mvn, "-v"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"Apache Maven ([\w.-]+)", shown)
    assert found, shown
    return found[1]


def unpack_maven(version: str, directory: Path) -> Path:
    """Fetch a release of Maven, verified by the built-in policy, unpack it, and give its mvn."""
    named = f"org.apache.maven:apache-maven:tar.gz:bin:{version}"
    verifier = [sys.executable, "-m", "verifier", "--cache", str(directory / "cache")]
    subprocess.run(
        [*verifier, "fetch", "--no-transitive", "--output", str(directory), named], cwd=directory, check=True
    )
    with tarfile.open(directory / f"apache-maven-{version}-bin.tar.gz") as archive:
        archive.extractall(directory, filter="data")
    return directory / f"apache-maven-{version}" / "bin" / "mvn"


def build_offline(project: Path, repository: Path, target: Path, mvn: Path | None = None) -> str:
    """Run `mvn -o clean install` on a copy of a project, without any network where this user may cut it off."""
    shutil.copytree(project, target)
    command = [str(mvn or need("mvn")), "-B", "-o", f"-Dmaven.repo.local={repository}", "clean", "install"]
    if (
        os.geteuid() == 0
        and subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        command = ["unshare", "-n", *command]
    done = subprocess.run(command, cwd=target, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-5000:]
    return done.stdout


class Ground:
    """A repository over loopback TLS, named as Maven names its own, and a policy that asks for no signatures."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "served"
        self.cache = directory / "cache"
        self.project = directory / "project"
        self.root.mkdir()
        self._authority = Authority(directory)
        self.server = FileServer(self._authority.context(), root=self.root)
        self.policy = directory / "verifier.toml"

    def __enter__(self) -> Self:
        self.server.start()
        repository = f'[[repository]]\nid = "central"\nurl = "{self.server.url}"\nca-file = "{self._authority.file}"\n'
        self.policy.write_text(UNSIGNED + repository)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    def publish(self, files: Mapping[str, bytes]) -> None:
        """Serve files, each with its checksum."""
        for path, content in files.items():
            target = self.root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.with_name(f"{target.name}.sha1").write_text(hashlib.sha1(content, usedforsecurity=False).hexdigest())

    def write(self, files: Mapping[str, str]) -> Path:
        """Write the project's own files, and give the path of its POM."""
        for path, text in files.items():
            target = self.project / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return self.project / "pom.xml"

    def asked(self) -> set[str]:
        """Give the paths that were asked for."""
        return {seen.path.removeprefix("/") for seen in self.server.seen}
