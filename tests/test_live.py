"""Trials on Maven Central itself: `pytest -m live`, run by hand, never in CI."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.live

WELL_KNOWN = [
    "commons-io:commons-io:2.16.1",
    "org.slf4j:slf4j-api:2.0.16",
    "com.google.guava:guava:33.3.1-jre",
    "junit:junit:4.13.2",
    "ch.qos.logback:logback-classic:1.5.12",
    "org.springframework:spring-core:6.1.14",
    "com.fasterxml.jackson.core:jackson-databind:2.18.0",
    "org.apache.commons:commons-lang3:3.17.0",
    "org.apache.logging.log4j:log4j-core:2.24.1",
    "io.netty:netty-common:4.1.115.Final",
    "org.jetbrains.kotlin:kotlin-stdlib:2.0.21",
    "org.scala-lang:scala-library:2.12.8",
]


def _verifier(cache: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    command = [sys.executable, "-m", "verifier", "--cache", str(cache), *arguments, "--format", "json"]
    done = subprocess.run(command, cwd=cache.parent, capture_output=True, check=False)
    return done.returncode, json.loads(done.stdout)["summary"]


def test_well_known_artifacts_are_verified_without_configuration_and_again_offline(tmp_path: Path) -> None:
    status, summary = _verifier(tmp_path / "cache", "fetch", "--no-transitive", *WELL_KNOWN)
    assert (status, summary["verified"]) == (0, len(WELL_KNOWN))

    status, summary = _verifier(tmp_path / "cache", "--offline", "fetch", "--no-transitive", *WELL_KNOWN)
    assert (status, summary["verified"], summary["bytes_downloaded"]) == (0, len(WELL_KNOWN), 0)


def test_what_nobody_signed_but_several_recorded_is_vouched_for_by_its_digest(tmp_path: Path) -> None:
    status, _ = _verifier(tmp_path / "cache", "fetch", "javax.inject:javax.inject:1", "aopalliance:aopalliance:1.0")

    assert status == 0


def test_a_whole_web_application_is_verified_without_configuration(tmp_path: Path) -> None:
    web = "org.springframework.boot:spring-boot-starter-web:3.3.5"

    status, summary = _verifier(tmp_path / "cache", "fetch", web)

    assert (status, summary["refused"], summary["unavailable"]) == (0, 0, 0)
