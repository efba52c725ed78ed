"""What `verifier demo` says of plain Maven is what Maven does: mvn against the same servers.

A project names the attacked artifact as a build extension: mvn then downloads and loads it without
any plugin, so that nothing else has to be served.
"""

import os
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import pytest
from conftest import need

from verifier.coordinate import Coordinate
from verifier.demo.repository import JAR, Files, publish, write_jar, write_pom
from verifier.demo.scenes import SCENES
from verifier.demo.server import Answer, Server
from verifier.demo.stage import Props, Scene, Setting, open_stage
from verifier.layout import file_path

pytestmark = pytest.mark.long

PASSWORD = "changeit"  # noqa: S105  Java's own default
ENDLESS_BYTES = 64 * 1024 * 1024
SETTINGS = "<settings><mirrors><mirror><id>demo</id><url>{}</url><mirrorOf>*</mirrorOf></mirror></mirrors></settings>"
PROJECT = (
    "<project><modelVersion>4.0.0</modelVersion><groupId>a</groupId><artifactId>a</artifactId><version>1</version>"
    "<packaging>pom</packaging><build><extensions><extension><groupId>org.example</groupId>"
    "<artifactId>widget</artifactId><version>{}</version></extension></extensions></build></project>"
)
UTILITIES = Coordinate("org.codehaus.plexus", "plexus-utils", "1.1")
"""What Maven adds to the class path of every extension."""


@dataclass(frozen=True, slots=True)
class Maven:
    """One project, one local repository, and the store with the demo's authority in it."""

    directory: Path
    trust: Path

    @property
    def repository(self) -> Path:
        return self.directory / "repository"

    def start(self, url: str, coordinate: Coordinate, *options: str) -> "subprocess.Popen[str]":
        (self.directory / "settings.xml").write_text(SETTINGS.format(url))
        (self.directory / "pom.xml").write_text(PROJECT.format(coordinate.version))
        store = f"-Djavax.net.ssl.trustStore={self.trust} -Djavax.net.ssl.trustStorePassword={PASSWORD}"
        return subprocess.Popen(
            [need("mvn"), "-B", "-s", "settings.xml", f"-Dmaven.repo.local={self.repository}", *options, "validate"],
            cwd=self.directory,
            env={**os.environ, "MAVEN_OPTS": store},
            stdout=subprocess.PIPE,
            text=True,
        )

    def build(self, url: str, coordinate: Coordinate, *options: str) -> tuple[bool, str]:
        with self.start(url, coordinate, *options) as running:
            out, _ = running.communicate(timeout=60)
        return running.returncode == 0 and "BUILD SUCCESS" in out, out

    def holds(self, content: bytes, coordinate: Coordinate = JAR) -> bool:
        return (self.repository / file_path(coordinate)).read_bytes() == content


class PlainServer(ThreadingHTTPServer):
    """Serves files over plain http."""

    daemon_threads = True

    def __init__(self, files: Files) -> None:
        super().__init__(("127.0.0.1", 0), PlainHandler)
        self.files = files
        self.asked: list[str] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class PlainHandler(BaseHTTPRequestHandler):
    server: PlainServer

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answer = self.server.files.get(self.path, Answer(b"", 404))
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def props() -> Iterator[Props]:
    with open_stage() as made:
        yield made


@pytest.fixture
def maven(props: Props, tmp_path: Path) -> Maven:
    trust = tmp_path / "trust.p12"
    options = ["-importcert", "-noprompt", "-alias", "demo", "-keystore", str(trust), "-storepass", PASSWORD]
    need("java")
    subprocess.run(["keytool", *options, "-file", str(props.authority.file)], check=True, capture_output=True)
    return Maven(tmp_path, trust)


def with_utilities(files: Files) -> Files:
    pom = replace(UTILITIES, extension="pom")
    jar = write_jar("1.1", "utilities\n")
    return {**files, **publish(UTILITIES, jar, None), **publish(pom, write_pom(pom), None)}


def wanted(setting: Setting) -> Coordinate:
    return replace(setting.coordinate, extension="jar")


def scenes(*does: str) -> list[Scene]:
    found = [scene for scene in SCENES if scene.maven.does in does]
    assert found
    return found


def titles(scene: Scene) -> str:
    return scene.title


BUILDS = scenes(
    "builds",
    "builds: reads no signature",
    "builds: never looks inside",
    "builds: never asks for it",
    "takes it for the JAR",
    "takes it and builds",
    "warns and builds",
)
REFUSES = scenes("refuses too", "refuses; over http, as in 2014, it builds")
FOLLOWS = scenes("follows it and builds")
REUSES = scenes("builds with it: hashes only what it downloads")
ENDLESS = scenes("fills the disk")


def test_every_scene_is_tried() -> None:
    tried = [*BUILDS, *REFUSES, *FOLLOWS, *REUSES, *ENDLESS]

    assert sorted(map(titles, tried)) == sorted(map(titles, SCENES))


@pytest.mark.parametrize("scene", BUILDS, ids=titles)
def test_maven_builds(scene: Scene, props: Props, maven: Maven) -> None:
    setting = scene.prepare(props)
    jar = wanted(setting)

    with Server(with_utilities(setting.files), props.identity) as server:
        built, out = maven.build(server.url, jar)

    assert built
    assert maven.holds(setting.files[f"/{file_path(jar)}"].body, jar)
    assert ("Checksum validation failed" in out) == scene.maven.does.startswith("warns")


@pytest.mark.parametrize("scene", REFUSES, ids=titles)
def test_maven_refuses(scene: Scene, props: Props, maven: Maven) -> None:
    setting = scene.prepare(props)

    with Server(with_utilities(setting.files), setting.identity or props.identity) as server:
        built, out = maven.build(server.url, wanted(setting))

    assert not built
    assert "Could not transfer artifact org.example:widget" in out


def test_maven_builds_what_a_man_in_the_middle_of_plain_http_wrote(props: Props, maven: Maven) -> None:
    scene = next(scene for scene in REFUSES if "over http" in scene.maven.does)
    setting = scene.prepare(props)

    with PlainServer(with_utilities(setting.files)) as server:
        built, _ = maven.build(f"http://127.0.0.1:{server.server_port}", JAR)

    assert built
    assert maven.holds(setting.files[f"/{file_path(JAR)}"].body)


@pytest.mark.parametrize("scene", FOLLOWS, ids=titles)
def test_maven_follows_from_https_to_http(scene: Scene, props: Props, maven: Maven) -> None:
    path = f"/{file_path(JAR)}"
    answer = scene.prepare(props).files[path]

    with PlainServer(props.files) as plain:
        elsewhere = answer.location.replace(":80/", f":{plain.server_port}/")
        files = {**props.files, path: replace(answer, location=elsewhere)}
        with Server(with_utilities(files), props.identity) as server:
            built, _ = maven.build(server.url, JAR)

    assert built
    assert path in plain.asked


@pytest.mark.parametrize("scene", REUSES, ids=titles)
def test_maven_builds_with_a_file_that_was_changed(scene: Scene, props: Props, maven: Maven) -> None:
    setting = scene.prepare(props)
    options = ["--offline"] if setting.offline else []
    changed = setting.spoilt or b""

    with Server(with_utilities(setting.files), props.identity) as server:
        first, _ = maven.build(server.url, JAR)
        (maven.repository / file_path(JAR)).write_bytes(changed)
        second, _ = maven.build(server.url, JAR, *options)

    assert first
    assert second
    assert maven.holds(changed)


@pytest.mark.parametrize("scene", ENDLESS, ids=titles)
def test_maven_takes_an_answer_without_end(scene: Scene, props: Props, maven: Maven) -> None:
    setting = scene.prepare(props)

    with (
        Server(with_utilities(setting.files), props.identity) as server,
        maven.start(server.url, JAR) as running,
    ):
        while running.poll() is None and size_of_parts(maven.repository) < ENDLESS_BYTES:
            threading.Event().wait(0.05)
        ended = running.poll()
        running.kill()

    assert ended is None
    assert size_of_parts(maven.repository) >= ENDLESS_BYTES


def size_of_parts(repository: Path) -> int:
    return sum(path.stat().st_size for path in repository.rglob("*.part"))
