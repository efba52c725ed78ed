"""One fetch for many askers, what is remembered and for how long, and what there is no room for."""

import hashlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from keyservers import KeyServerHost
from proxied import JAR, POM, Got, Proxied
from servers import Answer
from stage import WIDGET_PATH, Stage, stage

from verifier.fetch import Verifier
from verifier.proxy import app, flights
from verifier.proxy.flights import CHANGING_SECONDS, SETTLED_SECONDS, TROUBLE_SECONDS

__all__ = ["stage"]

GRADLE = "Gradle/8.5 (Linux;6.1;amd64) (Eclipse Adoptium;17)"


def held(stage: Stage) -> threading.Event:
    """Let the repository hold the widget back until this is set."""
    gate = threading.Event()
    stage.serve(WIDGET_PATH, Answer((stage.root / WIDGET_PATH[1:]).read_bytes(), gate=gate))
    return gate


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something that another thread brings about."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        threading.Event().wait(0.01)


def test_a_hundred_clients_cause_one_fetch(stage: Stage) -> None:
    gate = held(stage)
    with Proxied(stage) as proxied, ThreadPoolExecutor(100) as pool:
        paths = [JAR, f"{JAR}.sha1", f"{JAR}.asc"] * 33 + [JAR]
        asked = [pool.submit(proxied.get, path, User_Agent=GRADLE) for path in paths]
        until(lambda: proxied.proxy._connections() == len(paths))
        gate.set()
        got = [one.result() for one in asked]

    assert {one.status for one in got} == {200}
    assert stage.server.counts[WIDGET_PATH] == 1
    assert stage.server.counts[f"{WIDGET_PATH}.asc"] == 1


def test_a_fetch_goes_on_when_the_client_hangs_up(stage: Stage) -> None:
    gate = held(stage)
    with Proxied(stage) as proxied:
        with socket.create_connection(("127.0.0.1", proxied.port)) as connection:
            connection.sendall(f"GET {JAR} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            until(lambda: stage.server.counts[WIDGET_PATH])
        until(lambda: proxied.proxy._connections() == 0)
        gate.set()
        until(stage.cached)
        got = proxied.get(JAR)

    assert got.status == 200
    assert stage.server.counts[WIDGET_PATH] == 1


def test_a_slow_fetch_is_found_ready_at_the_retry(stage: Stage) -> None:
    gate = held(stage)
    with Proxied(stage, patience=0.1) as proxied:
        first = proxied.get(JAR)
        gate.set()
        until(lambda: proxied.get(JAR).status == 200)

    assert (first.status, first.headers["retry-after"]) == (503, "5")
    assert json.loads(first.body)["code"] == "still-fetching"
    assert stage.server.counts[WIDGET_PATH] == 1


@pytest.mark.parametrize("agent", [GRADLE, "bazel/7.4.0", "Bazel/release 4.2.3", "Apache-Maven/3.8.7 (Java 17)"])
def test_those_who_ask_again_by_themselves_are_left_to_wait(stage: Stage, agent: str) -> None:
    gate = held(stage)
    with Proxied(stage, patience=0.05) as proxied, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(proxied.get, JAR, User_Agent=agent)
        until(lambda: stage.server.counts[WIDGET_PATH])
        assert proxied.get(JAR, User_Agent="Coursier/2.0").status == 503  # so that much time has passed
        gate.set()

        assert waiting.result().status == 200


@pytest.mark.parametrize("agent", ["Apache-Maven/3.9.9 (Java 17; Linux 6.1)", "Apache-Maven/3.10.0", "Coursier/2.0"])
def test_those_who_heed_a_503_get_one(stage: Stage, agent: str) -> None:
    held(stage)
    with Proxied(stage, patience=0.05) as proxied:
        assert proxied.get(JAR, User_Agent=agent).status == 503


def counted(proxied: Proxied, path: str, later: float) -> tuple[Got, int]:
    """Ask twice, some seconds apart; give the second answer and how often upstream was asked in all."""
    proxied.get(path)
    proxied.now += later
    got = proxied.get(path)
    return got, proxied.stage.server.counts[path.removeprefix("/all")]


@pytest.mark.parametrize(("later", "times"), [(SETTLED_SECONDS - 1, 1), (SETTLED_SECONDS + 1, 2)])
def test_a_refusal_and_an_absence_are_remembered_for_a_while(stage: Stage, later: float, times: int) -> None:
    stage.lay_over("signature-bad")
    with Proxied(stage) as proxied:
        refused, asked = counted(proxied, JAR, later)
        absent, asked_for_absent = counted(proxied, JAR.replace("1.0", "7"), later)

    assert (refused.status, asked) == (409, times)
    assert (absent.status, asked_for_absent) == (404, times)


@pytest.mark.parametrize(("later", "times"), [(TROUBLE_SECONDS - 1, 1), (TROUBLE_SECONDS + 1, 2)])
def test_trouble_is_forgotten_soon(stage: Stage, later: float, times: int) -> None:
    stage.serve(WIDGET_PATH, Answer(b"", 403))
    with Proxied(stage) as proxied:
        got, asked = counted(proxied, JAR, later)

    assert (got.status, asked) == (502, times)


@pytest.mark.parametrize(("later", "times"), [(CHANGING_SECONDS - 1, 1), (CHANGING_SECONDS + 1, 2)])
def test_metadata_is_asked_for_again_after_a_moment(stage: Stage, later: float, times: int) -> None:
    document = b"<metadata><versioning/></metadata>"
    stage.serve("/org/example/widget/maven-metadata.xml", document)
    checksum = hashlib.sha1(document, usedforsecurity=False).hexdigest().encode()
    stage.serve("/org/example/widget/maven-metadata.xml.sha1", checksum)
    with Proxied(stage) as proxied:
        got, asked = counted(proxied, "/all/org/example/widget/maven-metadata.xml", later)

    assert (got.status, asked) == (200, times)


def test_a_refusal_is_asked_again_under_another_policy(stage: Stage) -> None:
    stage.lay_over("key-untrusted")
    with Proxied(stage) as proxied:
        assert proxied.get(JAR).status == 409
        proxied.wait(proxied.proxy.reload())
        assert proxied.get(JAR).status == 409

    assert stage.server.counts[WIDGET_PATH] == 2


def test_a_key_server_that_failed_is_asked_again_after_a_while(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "ASK_KEYS_AGAIN_SECONDS", 0.05)
    key = (stage.directory / "keys" / "author.public.asc").read_bytes()
    with KeyServerHost(stage.authority.context(), told=Answer(b"oops", 500)) as host:
        stage.change_policy('"keys/author.public.asc", ', "")
        stage.change_policy("servers = []", f'servers = ["{host.hkp}"]\nca-file = "{stage.authority.file}"')
        with Proxied(stage) as proxied:
            down = proxied.get(JAR)
            host.told = Answer(key, headers=(("Content-Type", "application/pgp-keys"),))

            def comes() -> bool:
                proxied.now += TROUBLE_SECONDS + 1
                return proxied.get(JAR).status == 200

            until(comes)

    assert (down.status, json.loads(down.body)["code"]) == (504, "unreachable")


def test_keys_that_are_being_read_keep_no_client_waiting(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "ASK_KEYS_AGAIN_SECONDS", 0)
    asked, answered = threading.Event(), threading.Event()
    meanwhile: list[bool] = []

    def read_keys(_: Verifier) -> None:
        asked.set()
        meanwhile.append(answered.wait(5))

    monkeypatch.setattr(Verifier, "ask_keys_again", read_keys)
    with Proxied(stage) as proxied:
        assert asked.wait(10)
        assert proxied.get("/-/health").status == 200
        answered.set()

    assert meanwhile[0]


def test_what_is_over_the_bound_is_told_to_come_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "MAX_FLIGHTS", 1)
    gate = held(stage)
    with Proxied(stage) as proxied, ThreadPoolExecutor(2) as pool:
        first = pool.submit(proxied.get, JAR)
        until(lambda: stage.server.counts[WIDGET_PATH])
        other = proxied.get(POM)
        join = pool.submit(proxied.get, f"{JAR}.sha1")
        gate.set()
        joined = join.result()
        assert first.result().status == 200
        again = proxied.get(POM)

    assert (other.status, json.loads(other.body)["code"], other.headers["retry-after"]) == (503, "busy", "5")
    assert (joined.status, again.status) == (200, 200)


def test_what_is_remembered_is_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "MAX_REMEMBERED", 3)
    with Proxied(stage) as proxied:
        for version in range(10):
            proxied.get(JAR.replace("1.0", f"7.{version}"))
        live = proxied.proxy._live()

        assert len(live._remembered) == 3


def test_what_is_remembered_carries_no_more_than_its_bound(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    signature = len((stage.root / f"{WIDGET_PATH[1:]}.asc").read_bytes())
    monkeypatch.setattr(flights, "MAX_CARRIED_BYTES", signature + 10)
    with Proxied(stage) as proxied:
        live = proxied.proxy._live()
        for path in (JAR, JAR.replace("1.0", "7"), POM, JAR):
            proxied.get(path)

        assert [str(asked.subject) for asked in live._remembered] == ["org.example:widget:jar:1.0"]
        assert live._carried == signature


def test_a_repository_that_hangs_keeps_nobody_from_what_is_cached(stage: Stage) -> None:
    with Proxied(stage, jobs=1, patience=0.1) as proxied:
        until(lambda: proxied.get(JAR).status == 200)
        stage.serve(POM.removeprefix("/all"), Answer(hang=True, raw=b"HTTP/1.1 200 OK\r\n"))
        proxied.now += SETTLED_SECONDS + 1

        assert proxied.get(POM).status == 503
        assert proxied.get(JAR, User_Agent=GRADLE).status == 200


def test_stopping_ends_a_fetch_that_hangs_and_keeps_nothing_of_it(stage: Stage) -> None:
    stage.serve(WIDGET_PATH, Answer(hang=True, raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nPK"))
    with Proxied(stage, patience=0.1) as proxied:
        assert proxied.get(JAR).status == 503

    assert stage.cached() == []
    assert stage.quarantined() == []


def test_an_answer_under_way_is_finished_under_the_policy_it_was_asked_under(stage: Stage) -> None:
    gate = held(stage)
    with Proxied(stage) as proxied, ThreadPoolExecutor(1) as pool:
        first = pool.submit(proxied.get, JAR)
        until(lambda: stage.server.counts[WIDGET_PATH])
        stage.change_policy("35DE40D828CB4B95E6B22E37A81251152B4B1B0A", "A" * 40)
        proxied.wait(proxied.proxy.reload())
        gate.set()

        assert first.result().status == 200
        assert proxied.get(JAR).status == 409


def test_a_connection_is_kept_for_many_requests(stage: Stage) -> None:
    with Proxied(stage) as proxied:
        connection = http.client.HTTPConnection("127.0.0.1", proxied.port)
        sizes = set()
        for _ in range(5):
            connection.request("GET", JAR)
            sizes.add(len(connection.getresponse().read()))
            port = connection.sock.getsockname()[1]
        assert connection.sock.getsockname()[1] == port
        connection.close()

    assert len(sizes) == 1
