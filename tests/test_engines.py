"""The second engine in the corridor: who judged, what it takes away, and what it leaves behind."""

import subprocess
from pathlib import Path

import pytest
from conftest import need
from stage import WIDGET, WIDGET_PATH, Stage, stage

__all__ = ["stage"]


@pytest.fixture(autouse=True)
def _gpg() -> None:
    need("gpg")


def _with_engine(stage: Stage, engine: str) -> None:
    stage.change_policy('checksum = "sha1"', f'checksum = "sha1"\nengine = "{engine}"')


@pytest.mark.parametrize(
    ("engine", "judges"), [("native", ["native"]), ("gnupg", ["gnupg"]), ("both", ["native", "gnupg"])]
)
def test_the_report_names_who_judged(stage: Stage, engine: str, judges: list[str]) -> None:
    _with_engine(stage, engine)

    artifact = stage.fetch("--no-transitive", WIDGET).artifact()

    assert artifact["status"] == "verified", artifact
    assert artifact["signatures"][0]["engines"] == judges


@pytest.mark.parametrize("engine", ["gnupg", "both"])
@pytest.mark.parametrize(
    ("attack", "name"),
    [
        ("signature-bad", WIDGET),
        ("signature-expired", WIDGET),
        ("signature-future", WIDGET),
        ("key-revoked", WIDGET),
        ("key-expired", WIDGET),
        ("key-untrusted", WIDGET),
        ("signature-weak", "com.example:gizmo:2.4"),
    ],
)
def test_the_second_engine_refuses_what_the_first_refuses(stage: Stage, engine: str, attack: str, name: str) -> None:
    _with_engine(stage, engine)
    stage.lay_over(attack)

    assert stage.fetch("--no-transitive", name).artifact()["code"] == attack


@pytest.mark.parametrize("engine", ["gnupg", "both"])
def test_every_honest_signature_is_good_for_it_too(stage: Stage, engine: str) -> None:
    _with_engine(stage, engine)

    result = stage.run("verify", "--format", "json", str(stage.root))

    assert result.status == 0, result.err


def test_a_cached_file_needs_no_second_process(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    _with_engine(stage, "both")
    stage.fetch("--no-transitive", WIDGET)
    monkeypatch.setattr("verifier.gnupg_engine.GnupgEngine.judge", None)

    again = stage.fetch("--no-transitive", WIDGET).artifact()

    assert again["signatures"][0]["engines"] == ["native", "gnupg"]


def test_facts_about_a_key_are_not_enough_for_gpg(stage: Stage) -> None:
    """The key is at hand as a bare key alone, which gpg does not import."""
    key = stage.directory / "keys" / "author.public.asc"
    home = stage.directory / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-tty"]
    subprocess.run([*gpg, "--import", str(key)], check=True, capture_output=True)
    options = ["--export-options", "export-minimal", "--export-filter", "drop-subkey=expired -t", "--export"]
    whole = subprocess.run([*gpg, *options], check=True, capture_output=True).stdout
    primary_only = 2 + whole[1] if whole[0] & 0x40 else 2 + int.from_bytes(whole[1:2], "big")
    key.write_bytes(whole[:primary_only])
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)

    _with_engine(stage, "both")
    both = stage.fetch("--no-transitive", WIDGET).artifact()
    stage.change_policy('engine = "both"', 'engine = "gnupg"')
    alone = stage.fetch("--no-transitive", WIDGET).artifact()

    assert (both["status"], both["signatures"][0]["engines"]) == ("verified", ["native"])
    assert alone["code"] == "key-unknown"


def test_without_gpg_a_policy_that_asks_for_it_is_one_message(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    _with_engine(stage, "both")
    monkeypatch.setenv("PATH", str(stage.directory))

    result = stage.run("fetch", "--no-transitive", WIDGET)

    assert result.status == 2
    assert "gpg" in result.err
    assert "Traceback" not in result.err


def test_nothing_is_left_behind(stage: Stage) -> None:
    _with_engine(stage, "gnupg")

    stage.run("verify", str(stage.root))

    assert list((stage.cache / "quarantine").iterdir()) == []
    assert str(stage.cache) not in subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
    assert not (Path.home() / ".gnupg").exists()
    assert WIDGET_PATH
