"""Real build tools behind one form: how each is had, the small project it builds, and what its console shows.

Debian brings mvn, gradle, ivy, leiningen and bazel; the others are fetched by mvn, as a build would
fetch them, into one directory that later runs find again: `VERIFIER_TEST_TOOLS`, or pytest's own cache.
What is not at hand is skipped, and says so.

Every project names a second repository, or would ask one by default: the printed configuration has to
leave it out.
"""

import contextlib
import hashlib
import os
import pwd
import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path

import pytest
from conftest import need
from proxied import Proxied
from sealed import URL, Run, run_sealed
from stage import Stage
from test_proxy_maven import PLUGIN, PROJECT, QUICK, UTILITIES, jar, plugin, pom

from verifier.clients import Tool, configure
from verifier.coordinate import Coordinate
from verifier.layout import file_path

ELSEWHERE = "https://elsewhere.example/maven"
"""The second repository; no such host can be reached."""
OPEN_POLICY = '\n[[rule]]\nmatch = "org.codehaus.plexus"\nsignature = "none"\n'
SBT_POLICY = """
[[rule]]
match = "org.example.*"
signature = "trusted"

[[rule]]
match = "com.example.*"
signature = "trusted"
"""


class Shown(Enum):
    """What of a refusal a build tool shows to whoever reads its console."""

    REASON = "code and coordinate"
    URL = "the URL, and perhaps the status"


class Tools:
    """The directory of fetched tools."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def fetch(self, *arguments: str) -> None:
        """Fetch by mvn, with the settings of whoever runs the tests."""
        home = pwd.getpwuid(os.getuid()).pw_dir
        self._run([need("mvn"), "-q", "-B", f"-Duser.home={home}", *arguments], self.directory, HOME=home)

    def copy(self, artifact: str) -> None:
        self.fetch("dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={self.directory}")

    def _run(self, command: list[str], directory: Path, **environment: str) -> None:
        done = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(f"cannot be fetched here: {' '.join(command)}: {done.stdout[-300:]}")

    def maven(self, version: str) -> str:
        """Give the path of a Maven of its own."""
        home = self.directory / f"apache-maven-{version}"
        if not home.exists():
            self.copy(f"org.apache.maven:apache-maven:{version}:tar.gz:bin")
            subprocess.run(["tar", "xzf", f"{home}-bin.tar.gz"], check=True, cwd=self.directory)
        return str(home / "bin" / "mvn")

    def coursier(self) -> str:
        """Give the class path of coursier."""
        libraries = self.directory / "coursier-2.1.24"
        if not libraries.exists():
            dependency = (
                "<dependency><groupId>io.get-coursier</groupId><artifactId>coursier-cli_2.13</artifactId>"
                "<version>2.1.24</version></dependency>"
            )
            bare = re.sub("<build>.*</build>", "", PROJECT, flags=re.DOTALL)
            (self.directory / "pom.xml").write_text(bare.replace("DEPENDENCIES", dependency))
            self.fetch("dependency:copy-dependencies", f"-DoutputDirectory={libraries}")
        return f"{libraries}/*"

    def sbt(self) -> tuple[Path, Path]:
        """Give sbt's launcher, and a Maven tree of all that it fetches for itself at its first start."""
        launcher, filled = self.directory / "sbt-launch-1.10.5.jar", self.directory / "sbt"
        if not launcher.exists():
            self.copy("org.scala-sbt:sbt-launch:1.10.5")
        if not filled.exists():
            making = self.directory / "sbt.new"
            shutil.rmtree(making, ignore_errors=True)
            central = "[repositories]\n  maven-central\n"
            _write(making, {"project/build.properties": "sbt.version=1.10.5\n", "repositories": central})
            options = [*_sbt_options(making), "-Dsbt.override.build.repos=true", "-Dsbt.repository.config=repositories"]
            self._run(
                [need("java"), *options, "-jar", str(launcher), "update"], making, COURSIER_CACHE=f"{making}/cache"
            )
            making.rename(filled)
        (host,) = (filled / "cache" / "https").iterdir()
        (base,) = host.iterdir()
        return launcher, base


@dataclass
class Place:
    """Where one test builds: a project, its home, a repository and the proxy before it."""

    directory: Path
    stage: Stage
    proxied: Proxied
    tools: Tools
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        return self.directory / "project"

    def configured(self, tool: Tool) -> tuple[str, ...]:
        """Write what `verifier setup` prints into the project; gives its commands for the shell."""
        self.project.mkdir(exist_ok=True)
        with contextlib.chdir(self.project):
            assert self.stage.run("setup", tool.value, "--url", URL, "--write", "--yes").status == 0
        notes = configure(tool, URL, []).notes
        return tuple(note for note in notes if note.startswith("export "))

    def run(self, command: list[str], **environment: str) -> Run:
        home = self.directory / "home"
        home.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("COURSIER_", "MAVEN_"))}
        return run_sealed(
            command, self.proxied.port, self.project, {**kept, "HOME": str(home), **self.environment, **environment}
        )


class BuildTool(ABC):
    """One build tool; `store` is where in the project it keeps what it downloaded."""

    name: str
    shown = Shown.REASON
    store = "local"
    quick = True
    tls = False

    def publish(self, place: Place) -> None:  # noqa: B027  (most tools need nothing)
        """Publish what the tool itself needs from the repository, and what it needs of the machine."""

    def policy(self, text: str) -> str:
        """Give the policy under which the tool's own files are had beside the honest ones."""
        return text + OPEN_POLICY

    @abstractmethod
    def build(self, place: Place, coordinate: Coordinate) -> Run:
        """Resolve a dependency in a fresh project, with the printed configuration."""

    def kept(self, place: Place) -> dict[str, bytes]:
        """Give every file in the store, by its path."""
        store = place.project / self.store
        return {str(one.relative_to(store)): one.read_bytes() for one in store.rglob("*") if one.is_file()}


class Maven(BuildTool):
    def __init__(self, version: str = "") -> None:
        self.version = version
        self.name = f"mvn-{version or 'debian'}"

    def publish(self, place: Place) -> None:
        place.environment["MAVEN_OPTS"] = QUICK
        compiled = place.tools.directory / "list-maven-plugin"
        compiled.mkdir(exist_ok=True)
        for one, content, packaging in (
            (PLUGIN, plugin(compiled), "maven-plugin"),
            (UTILITIES, jar({"utilities": b""}), "jar"),
        ):
            publish(place.stage, one, content)
            publish(place.stage, Coordinate(one.group, one.artifact, one.version, "pom"), pom(one, packaging))

    def build(self, place: Place, coordinate: Coordinate) -> Run:
        mvn = place.tools.maven(self.version) if self.version else need("mvn")
        dependency = (
            f"<dependency><groupId>{coordinate.group}</groupId><artifactId>{coordinate.artifact}</artifactId>"
            f"<version>{coordinate.version}</version></dependency>"
        )
        named = f"<id>second</id><url>{ELSEWHERE}</url>"
        second = (
            f"<repositories><repository>{named}</repository></repositories>"
            f"<pluginRepositories><pluginRepository>{named}</pluginRepository></pluginRepositories>"
        )
        text = PROJECT.replace("DEPENDENCIES", dependency).replace("<build>", f"{second}<build>")
        _write(place.project, {"pom.xml": text})
        place.configured(Tool.MAVEN)
        return place.run([mvn, "-B", "-Dmaven.repo.local=local", "validate"])


class Gradle(BuildTool):
    name = "gradle-4.4.1"
    store = "local/caches/modules-2/files-2.1"

    def build(self, place: Place, coordinate: Coordinate) -> Run:
        script = (
            f"repositories {{ mavenCentral(); maven {{ url '{ELSEWHERE}' }} }}\nconfigurations {{ x }}\n"
            f"dependencies {{ x '{coordinate.group}:{coordinate.artifact}:{coordinate.version}' }}\n"
            "task resolve { doLast { configurations.x.files.each { println 'resolved ' + it.name } } }\n"
        )
        _write(place.project, {"build.gradle": script, "settings.gradle": ""})
        place.configured(Tool.GRADLE)
        command = [need("gradle"), "--no-daemon", "-g", "local", "-I", "gradle/verifier.init.gradle", "resolve"]
        return place.run(command)


class Coursier(BuildTool):
    name = "coursier-2.1.24"
    shown = Shown.URL

    def build(self, place: Place, coordinate: Coordinate) -> Run:
        return self.fetch(place, "local", coordinate, place.configured(Tool.COURSIER))

    def fetch(self, place: Place, store: str, coordinate: Coordinate, exports: Sequence[str] = ()) -> Run:
        """Fetch after commands for the shell."""
        self.write_command(place, "cs")
        lines = [*exports, f"exec ./cs fetch -r {ELSEWHERE} {self.named(coordinate)}"]
        return place.run(["sh", "-c", "\n".join(lines)], COURSIER_CACHE=str(place.project / store))

    def write_command(self, place: Place, name: str) -> None:
        """Write what coursier's own installer would put on the path."""
        java = f"{need('java')} {QUICK} -cp '{place.tools.coursier()}' coursier.cli.Coursier"
        _write(place.project, {name: f'#!/bin/sh\nexec {java} "$@"\n'})
        (place.project / name).chmod(0o755)

    def named(self, coordinate: Coordinate) -> str:
        return f"{coordinate.group}:{coordinate.artifact}:{coordinate.version}"


class Sbt(BuildTool):
    name = "sbt-1.10.5"
    shown = Shown.URL
    quick = False

    def policy(self, text: str) -> str:
        return text.replace('signature = "trusted"', 'signature = "none"') + SBT_POLICY

    def publish(self, place: Place) -> None:
        _, tree = place.tools.sbt()
        for one in tree.rglob("*"):
            if one.suffix in {".jar", ".pom"} and not one.name.startswith("."):
                link = place.stage.root / one.relative_to(tree)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(one)
                checksum = hashlib.sha1(one.read_bytes(), usedforsecurity=False).hexdigest()
                link.with_name(f"{one.name}.sha1").write_text(checksum)

    def build(self, place: Place, coordinate: Coordinate) -> Run:
        launcher, _ = place.tools.sbt()
        dependency = f'"{coordinate.group}" % "{coordinate.artifact}" % "{coordinate.version}"'
        lines = [
            "autoScalaLibrary := false",
            "crossPaths := false",
            f'resolvers += "second" at "{ELSEWHERE}"',
            f"libraryDependencies += {dependency}",
        ]
        _write(place.project, {"build.sbt": "\n".join(lines), "project/build.properties": "sbt.version=1.10.5\n"})
        place.configured(Tool.SBT)
        options = (place.project / ".sbtopts").read_text().split()
        command = [need("java"), *_sbt_options(place.directory), *options, "-jar", str(launcher), "update"]
        return place.run(command, COURSIER_CACHE=str(place.project / "local"))


class Ivy(BuildTool):
    name = "ivy-2.5"
    LIBRARIES = tuple(Path("/usr/share/java") / f"{name}.jar" for name in ("ivy", "commons-cli"))

    def publish(self, place: Place) -> None:
        if not all(library.exists() for library in self.LIBRARIES):
            pytest.skip("ivy is not installed (Debian: ivy)")

    def build(self, place: Place, coordinate: Coordinate) -> Run:
        place.configured(Tool.IVY)
        return self.resolve(place, coordinate)

    def resolve(self, place: Place, coordinate: Coordinate) -> Run:
        classes = ":".join(map(str, self.LIBRARIES))
        return place.run(
            [need("java"), *QUICK.split(), "-cp", classes, "org.apache.ivy.Main", "-settings", "ivysettings.xml",
             "-cache", "local", "-verbose", "-dependency", coordinate.group, coordinate.artifact, coordinate.version]
        )  # fmt: skip

    def write_ant_project(self, place: Place, coordinate: Coordinate) -> None:
        """Write a project that Ant builds, with its configuration."""
        dependency = f'<dependency org="{coordinate.group}" name="{coordinate.artifact}" rev="{coordinate.version}"/>'
        module = f'<info organisation="a" module="a"/><dependencies>{dependency}</dependencies>'
        _write(
            place.project,
            {
                "ivy.xml": f'<ivy-module version="2.0">{module}</ivy-module>',
                "build.xml": '<project xmlns:ivy="antlib:org.apache.ivy.ant"><target name="resolve"><ivy:resolve/>'
                '<ivy:cachepath pathid="it"/></target></project>',
            },
        )
        place.configured(Tool.IVY)


class Leiningen(BuildTool):
    """Takes no mirror over plain HTTP; of a POM that is refused it shows the coordinate alone."""

    name = "leiningen-2.10"
    shown = Shown.URL
    tls = True

    def publish(self, place: Place) -> None:
        trusted = place.directory / "trusted"
        command = [need("keytool"), "-importcert", "-noprompt", "-file", str(place.stage.authority.file)]
        command += ["-keystore", str(trusted), "-storepass", "changeit"]
        subprocess.run(command, check=True, capture_output=True)
        place.environment["LEIN_JVM_OPTS"] = (
            f"-Djavax.net.ssl.trustStore={trusted} -Djavax.net.ssl.trustStorePassword=changeit"
        )
        place.environment["LEIN_HOME"] = str(place.directory / "home" / "lein")

    def build(self, place: Place, coordinate: Coordinate) -> Run:
        clojure = (
            f'(defproject a "1" :dependencies [[{coordinate.group}/{coordinate.artifact} "{coordinate.version}"]]\n'
            f' :repositories [["second" {{:url "{ELSEWHERE}"}}]] :local-repo "local"\n'
            f' :mirrors {{#".+" {{:name "verifier" :url "{URL.replace("http:", "https:")}/all/"}}}})\n'
        )
        _write(place.project, {"project.clj": clojure})
        return place.run([need("lein"), "with-profile", "-base,-system,-user,-provided,-dev", "deps"])


class Bazel(BuildTool):
    """Bazel's own downloader, with a digest in the project that would let the attacked file through."""

    name = "bazel-4.2.3"
    store = "out"

    def build(self, place: Place, coordinate: Coordinate) -> Run:
        path = file_path(coordinate)
        served = place.stage.root / path
        digest = hashlib.sha256(served.read_bytes() if served.exists() else b"").hexdigest()
        workspace = (
            'load("@bazel_tools//tools/build_defs/repo:http.bzl", "http_file")\n'
            f'http_file(name = "it", urls = ["{place.stage.server.url}/{path}"], sha256 = "{digest}")\n'
        )
        _write(place.project, {"WORKSPACE": workspace, "BUILD": ""})
        place.configured(Tool.BAZEL)
        return place.run([need("bazel"), "--batch", "--output_user_root=out", "fetch", "@it//file"])

    def kept(self, place: Place) -> dict[str, bytes]:
        found = place.project.glob("out/cache/repos/v1/content_addressable/**/file")
        return {str(one): one.read_bytes() for one in found}


TOOLS = (Maven(), Maven("3.9.9"), Maven("4.0.0-rc-4"), Gradle(), Coursier(), Sbt(), Ivy(), Leiningen(), Bazel())


def publish(stage: Stage, coordinate: Coordinate, content: bytes) -> None:
    path = f"/{file_path(coordinate)}"
    stage.serve(path, content)
    stage.serve(f"{path}.sha1", hashlib.sha1(content, usedforsecurity=False).hexdigest().encode())


@contextlib.contextmanager
def place_for(tool: BuildTool, directory: Path, tools: Tools) -> Iterator[Place]:
    """Make a place with an empty cache, and an empty store for the tool."""
    with Stage(directory) as stage:
        stage.policy.write_text(tool.policy(stage.policy.read_text()))
        proxied = Proxied(stage)
        if tool.tls:
            proxied.proxy._settings = replace(proxied.proxy._settings, tls=stage.authority.context())
        with proxied:
            place = Place(directory, stage, proxied, tools)
            tool.publish(place)
            yield place


def _sbt_options(directory: Path) -> list[str]:
    """Keep sbt to a directory, and its console to lines."""
    own = {"user.home": "home", "sbt.boot.directory": "boot", "sbt.global.base": "global", "sbt.ivy.home": "ivy"}
    return [
        *(f"-D{name}={directory / value}" for name, value in own.items()),
        "-Dsbt.server.autostart=false",
        "-Dsbt.supershell=false",
        "-Dsbt.color=false",
    ]


def _write(directory: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
