"""A project that is locked, fetched by its lock alone into an empty cache, and built offline by mvn."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import UNSIGNED, Ground, build_offline
from test_project_builds import PROJECTS, compiled, metadata, mvn, named, project, published, release, repository

from verifier.cli.main import run
from verifier.maven.lifecycle import MavenRelease

__all__ = ["mvn", "release"]


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    with Ground(tmp_path) as made:
        yield made


def verifier(policy: Path, cache: Path, *arguments: str) -> int:
    return run(["--policy", str(policy), "--cache", str(cache), "-q", *arguments])


def lock_and_fetch(policy: Path, place: Path, pom: Path, maven_version: str) -> None:
    """Lock a project, and lay out what its lock names, fetched into an empty cache."""
    lock = str(place / "verifier.lock")
    scopes = [word for scope in ("compile", "runtime", "test", "provided") for word in ("--scope", scope)]
    options = ("--plugins", "--maven-version", maven_version, *scopes)
    assert verifier(policy, place / "cache", "lock", "--lock", lock, "-f", str(pom), *options) == 0
    fetch = ("fetch", "--locked", "--lock", lock, "--layout", "maven", "--output", str(place / "local"))
    assert verifier(policy, place / "cold", *fetch) == 0
    assert verifier(policy, place / "cache", "--offline", "lock", "--lock", lock, "--check") == 0


def test_a_locked_project_builds_offline_though_newer_versions_came_out_since(
    ground: Ground, mvn: Path, release: MavenRelease, tmp_path: Path
) -> None:
    ground.publish(repository(compiled(tmp_path / "classes"), release))
    # Nothing manages the version of right: its range is chosen from, and so is the plugin's version.
    pom = ground.write(project(named("org.example:words", "1")))
    lock_and_fetch(ground.policy, tmp_path, pom, release.version)
    locked = (tmp_path / "verifier.lock").read_bytes()
    shutil.rmtree(tmp_path / "cold")
    shutil.rmtree(tmp_path / "local")
    ground.publish(published("org.example:tiny-maven-plugin", "3", "<packaging>maven-plugin</packaging>"))
    ground.publish(metadata("org.example:tiny-maven-plugin", "1", "2", "3"))
    ground.publish(published("org.example:right", "2.5"))
    ground.publish(metadata("org.example:right", "1", "2", "2.5"))
    ground.server.seen.clear()

    fetch = ("fetch", "--locked", "--lock", str(tmp_path / "verifier.lock"), "--layout", "maven")
    assert verifier(ground.policy, tmp_path / "cold", *fetch, "--output", str(tmp_path / "local")) == 0
    build_offline(ground.project, tmp_path / "local", tmp_path / "build", mvn)

    assert b"org.example:tiny-maven-plugin:jar:2 " in locked
    assert b"org.example:right:jar:2 " in locked
    assert not [path for path in ground.asked() if "maven-metadata" in path]
    assert len((tmp_path / "build/lib/target/notes").read_text().split()) > 0
    assert (tmp_path / "local/org/example/tiny-maven-plugin/maven-metadata-local.xml").exists()


def test_a_project_that_wants_what_is_not_locked_is_unpinned(
    ground: Ground, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ground.publish(published("org.example:left", "1") | published("org.example:right", "1"))
    text = (
        "<project><modelVersion>4.0.0</modelVersion><groupId>org.example</groupId><artifactId>one</artifactId>"
        "<version>1</version><dependencies><dependency><groupId>org.example</groupId><artifactId>left</artifactId>"
        "<version>1</version></dependency></dependencies></project>"
    )
    pom = ground.write({"pom.xml": text})
    lock = str(tmp_path / "verifier.lock")
    assert verifier(ground.policy, tmp_path / "cache", "lock", "--lock", lock, "-f", str(pom)) == 0
    assert verifier(ground.policy, tmp_path / "cold", "fetch", "--locked", "--lock", lock, "-f", str(pom)) == 0
    ground.write({"pom.xml": text.replace("left", "right")})

    status = verifier(ground.policy, tmp_path / "cold", "fetch", "--locked", "--lock", lock, "-f", str(pom))

    assert status == 1
    assert "org.example:right:pom:1 (unpinned)" in capsys.readouterr().err
    assert verifier(ground.policy, tmp_path / "cache", "lock", "--lock", lock, "--check") == 1


@pytest.mark.live
@pytest.mark.parametrize("name", ["library", "modules", "web"])
def test_a_real_project_is_locked_and_built_offline_from_its_lock(
    name: str, mvn: Path, release: MavenRelease, tmp_path: Path
) -> None:
    policy = tmp_path / "verifier.toml"
    # Signatures are another matter: here the question is whether every file is there.
    policy.write_text(UNSIGNED)

    lock_and_fetch(policy, tmp_path, PROJECTS / name / "pom.xml", release.version)
    shown = build_offline(PROJECTS / name, tmp_path / "local", tmp_path / "build", mvn)

    assert "BUILD SUCCESS" in shown
    assert "Tests run: " in shown
