"""The place without a network: a program reaches the proxy there, and whatever else it asks for is noted."""

import os
import sys
from pathlib import Path

import pytest
from proxied import JAR, Proxied
from sealed import URL, run_sealed
from stage import Stage, stage

__all__ = ["stage"]


@pytest.mark.parametrize(
    ("url", "asked", "passed"),
    [
        (f"{URL}{JAR}", frozenset(), True),
        ("https://elsewhere.example/a.jar", frozenset({"elsewhere.example"}), False),
        ("http://192.0.2.1/a.jar", frozenset(), False),
    ],
)
def test_only_the_proxy_is_there_and_a_host_that_is_asked_for_is_noted(
    stage: Stage, tmp_path: Path, url: str, asked: frozenset[str], *, passed: bool
) -> None:
    reading = f"import urllib.request; print(len(urllib.request.urlopen({url!r}).read()))"
    with Proxied(stage) as proxied:
        run = run_sealed([sys.executable, "-c", reading], proxied.port, tmp_path, os.environ)
        size = len(proxied.get(JAR).body)

    assert (run.passed, run.asked) == (passed, asked)
    assert (run.console == f"{size}\n") is passed
