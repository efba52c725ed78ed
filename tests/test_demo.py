"""The show of attacks: run as a user would, and played with expectations that are wrong."""

import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from verifier.cli.demo import show
from verifier.cli.main import Options
from verifier.demo.repository import JAR, POM
from verifier.demo.scenes import SCENES
from verifier.demo.stage import Props, Setting, open_stage, play

PLAIN = Options(None, None, offline=False, verbosity=0)
CODES = {
    "tls-untrusted", "signature-bad", "insecure-transport", "signature-missing", "key-untrusted", "signature-expired",
    "key-expired", "key-revoked", "signature-weak", "signature-replayed", "content-mismatch", "checksum-mismatch",
    "truncated", "too-large", "server-error",
}  # fmt: skip


@pytest.fixture(scope="module")
def props() -> Iterator[Props]:
    with open_stage() as made:
        yield made


def environment(place: Path) -> dict[str, str]:
    """Directories of their own, and a proxy that would refuse whoever asked it."""
    home, temporary = place / "home", place / "tmp"
    home.mkdir()
    temporary.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "VIRTUAL_ENV") if name in os.environ}
    proxy = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    return {**kept, **proxy, "HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "verifier", *arguments]


def left(place: Path) -> list[Path]:
    return [path for folder in ("home", "tmp") for path in (place / folder).rglob("*")]


def test_the_show_passes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    env = environment(tmp_path)
    (tmp_path / "home").chmod(0o500)

    done = subprocess.run(command("demo"), env=env, cwd=tmp_path / "home", capture_output=True, text=True, check=False)

    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[-1].startswith(f"all {len(SCENES)} verdicts are the expected ones")
    assert [line[:2] for line in lines if line[:2].strip().isdigit()] == [f"{n:>2}" for n in range(len(SCENES))]
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.stdout
    assert left(tmp_path) == []


def test_json_holds_every_scene_with_its_verdict(tmp_path: Path) -> None:
    arguments = command("demo", "--format", "json")

    done = subprocess.run(arguments, env=environment(tmp_path), capture_output=True, text=True, check=False)

    report = json.loads(done.stdout)
    scenes = report["scenes"]
    assert done.returncode == 0
    assert report["summary"]["as_expected"] == report["summary"]["scenes"] == len(SCENES) == len(scenes)
    assert [scene["attack"] for scene in scenes] == [scene.title for scene in SCENES]
    assert [scene["code"] for scene in scenes] == [scene.expected for scene in SCENES]
    assert {scene["status"] for scene in scenes} == {"verified", "refused", "unavailable"}
    assert {scene.expected for scene in SCENES[1:]} - {None} == CODES


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=str)
def test_an_interrupted_show_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        command("demo"), env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        while not list((tmp_path / "tmp").glob("*/*/cache")) and running.poll() is None:
            threading.Event().wait(0.01)
        running.send_signal(number)
        out, err = running.communicate(timeout=20)

    assert (running.returncode, out, err.strip()) == (130, "", "interrupted")
    assert left(tmp_path) == []


def test_without_a_place_for_its_files_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))

    with pytest.raises(Exception, match=r"nowhere.*No such file") as caught:
        show(SCENES[:1], PLAIN, "text")

    assert "TMPDIR" in getattr(caught.value, "hint", "")


@pytest.mark.parametrize("wrong", [None, "signature-missing"])
def test_a_verdict_that_is_not_expected_fails_the_show(wrong: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    scenes = (SCENES[0], replace(SCENES[2], expected=wrong))

    status = show(scenes, PLAIN, "text")

    out = capsys.readouterr().out
    assert status == 1
    assert f"WRONG: expected {wrong or 'verified'}" in out
    assert out.splitlines()[-1].startswith("1 of 2 verdicts are not the expected ones")


def test_a_refusal_of_the_honest_repository_fails_the_show(capsys: pytest.CaptureFixture[str]) -> None:
    status = show((replace(SCENES[0], prepare=SCENES[8].prepare),), PLAIN, "json")

    report = json.loads(capsys.readouterr().out)
    assert (status, report["summary"]["as_expected"]) == (1, 0)
    assert report["scenes"][0]["code"] == "signature-missing"


def test_a_poisoned_cache_that_is_not_noticed_fails_the_show(props: Props) -> None:
    scene = next(scene for scene in SCENES if scene.first is not None)

    unnoticed = play(replace(scene, prepare=lambda props: Setting(props.files)), props)

    assert unnoticed.outcome.cause is None
    assert not unnoticed.is_expected


@pytest.mark.parametrize("coordinate", [JAR, POM], ids=str)
def test_the_honest_files_are_verified(props: Props, coordinate: object) -> None:
    scene = replace(SCENES[0], prepare=lambda props: Setting(props.files, JAR if coordinate == JAR else POM))

    played = play(scene, props)

    assert played.is_expected
    assert played.outcome.findings is not None
    assert played.outcome.findings.signer == props.signer.fingerprint


def test_no_thread_outlives_its_scene(props: Props) -> None:
    before = set(threading.enumerate())

    for scene in SCENES[:3]:
        play(scene, props)

    gc.collect()
    assert set(threading.enumerate()) == before
