"""The corridor: what it asks for, what it keeps, and how today's rules meet yesterday's files."""

import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest
from servers import Answer, Count, FileServer
from stage import FIXTURES, WIDGET, WIDGET_PATH, Stage, stage

from verifier.cache import Cache, Changed, Hit
from verifier.cli.main import Options
from verifier.cli.opening import load_rules, open_verifier
from verifier.coordinate import parse_coordinate
from verifier.layout import Place

__all__ = ["stage"]


def test_asks_for_file_signature_and_sha1_and_nothing_else(stage: Stage) -> None:
    stage.fetch(WIDGET)

    assert dict(stage.server.counts) == {WIDGET_PATH: 1, f"{WIDGET_PATH}.asc": 1, f"{WIDGET_PATH}.sha1": 1}


def test_a_second_fetch_asks_for_nothing(stage: Stage) -> None:
    first = stage.fetch(WIDGET).artifact()
    stage.server.counts.clear()

    second = stage.fetch(WIDGET).artifact()

    assert stage.server.counts == {}
    assert (second["from_cache"], second["record"]) == (True, first["record"])
    assert second["digests"] == first["digests"]


def test_offline_gives_what_is_cached_and_says_what_is_not(stage: Stage) -> None:
    stage.fetch(WIDGET)

    cached = stage.run("--offline", "fetch", "--no-transitive", "--format", "json", WIDGET)
    absent = stage.run("--offline", "fetch", "--no-transitive", "--format", "json", "com.example:gizmo:2.3")

    assert (cached.status, cached.artifact()["status"]) == (0, "verified")
    assert (absent.status, absent.artifact()["code"]) == (3, "offline")


def test_a_stricter_policy_is_felt_without_downloading(stage: Stage) -> None:
    stage.fetch("org.example.antique:lamp:0.1")
    stage.change_policy('checksum = "sha1"', 'checksum = "sha1"\nlegacy-before = false')
    stage.server.counts.clear()

    again = stage.fetch("org.example.antique:lamp:0.1").artifact()

    assert (again["status"], again["code"]) == ("refused", "signature-weak")
    assert stage.server.counts == {}


def test_a_signer_no_longer_trusted_is_felt_without_downloading(stage: Stage) -> None:
    stage.fetch("com.example:gizmo:2.3")
    stage.change_policy('match = "com.example.*"', 'match = "com.example.elsewhere"')
    stage.server.counts.clear()

    again = stage.fetch("com.example:gizmo:2.3").artifact()

    assert again["code"] == "key-untrusted"
    assert stage.server.counts == {}


def test_a_new_revocation_is_felt_without_downloading(stage: Stage) -> None:
    """The revoked author's key, first seen without its revocation."""
    stage.lay_over("key-revoked")
    revoked = stage.directory / "keys" / "revoked.public.asc"
    with_revocation = revoked.read_bytes()
    home = stage.directory / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-tty"]
    secret = FIXTURES / "keys" / "revoked.SECRET.asc"
    subprocess.run([*gpg, "--import", str(secret)], check=True, capture_output=True)
    revoked.write_bytes(subprocess.run([*gpg, "--armor", "--export"], check=True, capture_output=True).stdout)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    first = stage.fetch(WIDGET).artifact()
    revoked.write_bytes(with_revocation)
    stage.server.counts.clear()

    again = stage.fetch(WIDGET).artifact()

    assert first["status"] == "verified", first
    assert (again["status"], again["code"]) == ("refused", "key-revoked")
    assert stage.server.counts == {}


def test_a_policy_that_asks_for_more_evidence_asks_for_it_alone(stage: Stage) -> None:
    stage.fetch("com.example:gizmo:2.3")
    stage.change_policy('checksum = "sha1"', 'checksum = "sha256"')
    stage.server.counts.clear()
    path = "/com/example/gizmo/2.3/gizmo-2.3.jar"

    again = stage.fetch("com.example:gizmo:2.3").artifact()

    assert path not in stage.server.counts
    assert f"{path}.sha256" in stage.server.counts
    assert again["from_cache"]


def test_what_is_known_to_be_absent_is_not_asked_for_again(stage: Stage) -> None:
    stage.lay_over("signature-missing")
    stage.fetch("org.example:unsigned:1.0")
    stage.server.counts.clear()

    stage.fetch("org.example:unsigned:1.0")

    assert not any(path.endswith(".asc") for path in stage.server.counts)


def test_the_same_bytes_from_two_repositories_are_no_replay(stage: Stage) -> None:
    assert stage.fetch(WIDGET).status == 0
    stage.change_policy('id = "example"', 'id = "mirror"')

    again = stage.fetch(WIDGET).artifact()

    assert (again["status"], again["repository"]) == ("verified", "mirror")


def test_fetches_many_and_keeps_threads_and_descriptors_flat(stage: Stage) -> None:
    """5,000 fetches through one owner, half of them of files that are not there; the server is another process."""
    program = [sys.executable, str(Path(__file__).with_name("servers.py")), str(stage.root)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url, bundle = (server.stdout.readline().strip() for _ in range(2))
        stage.policy.write_text(
            stage.policy.read_text().replace(stage.server.url, url).replace(str(stage.authority.file), bundle)
        )
        options = Options(stage.policy, stage.cache, offline=False, verbosity=0)
        names = [parse_coordinate(WIDGET), parse_coordinate("org.example:nowhere:1.0")]
        threads, idle = threading.active_count(), Count()
        with open_verifier(options, load_rules(options), 8) as verifier:
            first = list(verifier.each([partial(verifier.fetch, name) for name in names * 1250]))
            before, resident = Count(), _resident()

            second = list(verifier.each([partial(verifier.fetch, name) for name in names * 1250]))

            after, grown = Count(), _resident() - resident
        server.communicate("", timeout=20)
    assert len(first + second) == 5000
    assert after.threads == before.threads
    # How many of the 24 connections are open at a moment depends on the load; a leak would show by the thousand.
    assert max(before.descriptors, after.descriptors) <= idle.descriptors + 24 + 16
    assert grown < 32 * 1024 * 1024
    assert threading.active_count() == threads


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_two_processes_share_a_cache(stage: Stage) -> None:
    command = [sys.executable, "-m", "verifier", "--policy", str(stage.policy), "--cache", str(stage.cache), "fetch"]
    command.append("--no-transitive")
    names = [WIDGET, "com.example:gizmo:2.3", "org.example.crew:rope:3.0", "org.example:widget:pom:1.0"]

    running = [subprocess.Popen([*command, *names], stdout=subprocess.DEVNULL) for _ in range(4)]

    assert [process.wait(60) for process in running] == [0, 0, 0, 0]
    assert len(stage.cached()) == len(names)


@pytest.mark.parametrize("kind", ["sha1 upper case", "sha1 with name", "sha1 with bom and crlf", "sha1 tagged"])
def test_reads_checksums_in_the_forms_of_the_wild(stage: Stage, kind: str) -> None:
    plain = (stage.root / f"{WIDGET_PATH[1:]}.sha1").read_text().split()[0]
    forms = {
        "sha1 upper case": plain.upper().encode(),
        "sha1 with name": f"{plain}  /build/widget-1.0.jar\n".encode(),
        "sha1 with bom and crlf": f"\ufeff{plain}\r\n".encode(),
        "sha1 tagged": f"SHA1(widget-1.0.jar)= {plain}\n".encode(),
    }
    stage.serve(f"{WIDGET_PATH}.sha1", forms[kind])

    assert stage.fetch(WIDGET).artifact()["status"] == "verified"


def test_a_checksum_in_the_answers_own_headers_counts_and_must_agree(stage: Stage) -> None:
    body = (stage.root / WIDGET_PATH[1:]).read_bytes()
    stage.serve(WIDGET_PATH, Answer(body, headers=(("X-Checksum-Md5", "0" * 32),)))

    artifact = stage.fetch(WIDGET).artifact()

    assert artifact["code"] == "checksum-mismatch"
    assert {"md5", "sha1"} == {checksum["algorithm"] for checksum in artifact["checksums"]}


def test_where_no_signature_vouches_every_kind_of_checksum_is_asked_for(stage: Stage) -> None:
    stage.fetch("com.example.open:door:1.0")

    suffixes = {path.rpartition(".")[2] for path in stage.server.counts}
    assert suffixes == {"jar", "md5", "sha1", "sha256", "sha512"}


def test_a_repository_without_the_signature_says_nothing_of_the_next(stage: Stage) -> None:
    with FileServer(stage.authority.context()) as first:
        front = f'[[repository]]\nid = "front"\nurl = "{first.url}"\nca-file = "{stage.authority.file}"\n\n'
        stage.policy.write_text(front + stage.policy.read_text())
        file = stage.directory / "widget.jar"
        file.write_bytes((stage.root / WIDGET_PATH[1:]).read_bytes())

        result = stage.run("verify", "--format", "json", str(file), "--as", WIDGET)

    assert result.artifact()["status"] == "verified", result.out


def test_a_look_at_a_copy_leaves_what_was_fetched_as_it_is(stage: Stage) -> None:
    stage.fetch(WIDGET)
    stage.run("verify", str(stage.root))
    stage.server.counts.clear()

    again = stage.fetch(WIDGET).artifact()

    assert (again["from_cache"], stage.server.counts) == (True, {})


def test_a_repository_of_the_same_id_elsewhere_is_another_one(stage: Stage) -> None:
    name = "com.example.open:door:1.0"
    assert stage.fetch(name).status == 0
    with FileServer(stage.authority.context(), root=stage.root) as other:
        stage.change_policy(stage.server.url, other.url)

        again = stage.fetch(name).artifact()

    assert (again["status"], again["from_cache"]) == ("verified", False)


def test_a_file_that_is_taken_out_while_it_is_judged_is_fetched_anew(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process prunes between the look at the cache and the judgement."""
    file = Path(str(stage.fetch(WIDGET).artifact()["file"]))
    monkeypatch.setenv("XDG_STATE_HOME", str(stage.directory / "another-machine"))
    find = Cache.find

    def find_and_lose(self: Cache, place: Place) -> Hit | Changed | None:
        found = find(self, place)
        file.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Cache, "find", find_and_lose)

    again = stage.fetch(WIDGET).artifact()

    assert (again["status"], again["from_cache"]) == ("verified", False)


def test_stopping_ends_the_questions_to_key_servers_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[object] = []

    def stop(self: object) -> None:
        stopped.append(self)

    monkeypatch.setattr("verifier.keyserver.KeyServers.stop", stop)
    options = Options(stage.policy, stage.cache, offline=False, verbosity=0)

    with open_verifier(options, load_rules(options), 1):
        assert stopped == []

    assert len(stopped) == 1
