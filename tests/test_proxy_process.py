"""The proxy as a process: it starts quickly, stops in order, reads its policy again, and stays small."""

import hashlib
import http.client
import json
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest
from proxied import JAR, POM, Got, Running, ask, running
from servers import Answer
from stage import WIDGET_PATH, Stage, stage
from test_proxy import publish

__all__ = ["stage"]

MIB = 1024 * 1024
BIG = "/com/example/open/big/1/big-1.bin"
PIECE = bytes(range(256)) * 4096


def start(stage: Stage, *arguments: str) -> AbstractContextManager[Running]:
    return running(stage.policy, stage.cache, *arguments)


def logged(proxy: Running, text: str) -> None:
    """Wait until the log says something."""
    end = time.monotonic() + 60
    while not any(text in line for line in list(proxy.log)):
        assert time.monotonic() < end, "".join(proxy.log)
        time.sleep(0.01)


def resident(proxy: Running) -> int:
    """Give the most memory that the process ever had, in bytes."""
    status = Path(f"/proc/{proxy.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def figures(proxy: Running) -> dict[str, float]:
    lines = ask(proxy.port, "/-/metrics").body.decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


def test_starts_serves_and_stops_in_order(stage: Stage) -> None:
    with start(stage) as proxy:
        ticks = sum(map(int, Path(f"/proc/{proxy.process.pid}/stat").read_text().split()[13:15]))
        assert ask(proxy.port, "/-/health").status == 200
        assert ask(proxy.port, "/-/ready").status == 200
        assert ask(proxy.port, JAR).status == 200

    # Of processor time: how long it takes depends on what else the machine does.
    assert ticks / os.sysconf("SC_CLK_TCK") < 1
    assert proxy.process.returncode == 0
    assert stage.quarantined() == []
    assert "Traceback" not in "".join(proxy.log)


def test_an_open_answer_is_finished_before_it_stops(stage: Stage) -> None:
    body = (stage.root / WIDGET_PATH[1:]).read_bytes()
    gate = threading.Event()
    stage.serve(WIDGET_PATH, Answer(body, gate=gate))
    with start(stage) as proxy, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, proxy.port, JAR)
        while not stage.server.counts[WIDGET_PATH]:
            time.sleep(0.01)
        proxy.process.send_signal(signal.SIGTERM)
        logged(proxy, "stopping")
        gate.set()
        got = asked.result()
        proxy.process.wait(60)

        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", proxy.port))

    assert (got.status, got.body) == (200, body)
    assert proxy.process.returncode == 0


def test_a_hangup_signal_reads_the_policy_again(stage: Stage) -> None:
    with start(stage, "--log-format", "json") as proxy:
        assert ask(proxy.port, JAR).status == 200
        honest = stage.policy.read_text()
        stage.policy.write_text(honest + "\nnonsense = 1\n")
        proxy.process.send_signal(signal.SIGHUP)
        logged(proxy, "the old one stays")
        assert ask(proxy.port, POM).status == 200

        stage.policy.write_text(honest.replace("35DE40D828CB4B95E6B22E37A81251152B4B1B0A", "A" * 40))
        proxy.process.send_signal(signal.SIGHUP)
        logged(proxy, "taken out of the cache: org.example:widget:jar:1.0")
        got = ask(proxy.port, JAR)

    assert got.status == 409
    assert stage.cached() == []
    for line in proxy.log:
        assert json.loads(line)["event"] in {"proxy", "request", "verdict"}


@pytest.mark.parametrize("listen", ["8480", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", ":1", "x y:1"])
def test_an_address_that_is_none_is_wrong_usage(stage: Stage, listen: str) -> None:
    assert stage.run("proxy", "--listen", listen).status == 2


def test_an_address_in_use_and_a_wrong_certificate_are_wrong_usage(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = stage.run("proxy", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")

    assert result.status == 2
    assert "cannot listen" in result.err
    assert stage.run("proxy", "--tls-cert", str(stage.policy)).status == 2
    assert stage.run("proxy", "--tls-key", str(stage.policy)).status == 2


def test_text_of_a_client_cannot_forge_a_log_line(stage: Stage) -> None:
    with start(stage) as proxy:
        for agent in ("a\x1b[2J", "b\u0085c"):
            connection = http.client.HTTPConnection("127.0.0.1", proxy.port)
            connection.putrequest("GET", JAR)
            connection.putheader("User-Agent", agent)
            connection.endheaders()
            connection.getresponse().read()
            connection.close()
        ask(proxy.port, POM)
        logged(proxy, POM)

    text = "".join(proxy.log)
    assert "\x1b" not in text
    assert "\x85" not in text
    assert "Traceback" not in text
    assert all(line[:2] == "20" for line in proxy.log)


def test_what_is_cached_is_pruned_and_scrubbed_while_it_runs(stage: Stage) -> None:
    with start(stage) as proxy:
        assert ask(proxy.port, JAR).status == 200
        assert stage.run("cache", "prune", "--max-size", "1 KiB").status == 0
        assert stage.run("cache", "scrub").status == 0
        assert ask(proxy.port, JAR).status == 200
        (path,) = (stage.cache / "repository").rglob("*.jar")
        path.chmod(0o644)
        path.write_bytes(b"changed")
        assert stage.run("cache", "scrub").status == 1
        assert ask(proxy.port, JAR).status == 200


def get_or_part(port: int, path: str) -> Got | bytes:
    """Give an answer, or what of a body came before the connection ended."""
    try:
        return ask(port, path)
    except http.client.IncompleteRead as cut:
        return cut.partial


@pytest.mark.parametrize("changed", [False, True])
def test_no_answer_is_broken_or_unverified_while_the_cache_is_looked_after(stage: Stage, *, changed: bool) -> None:
    publish(stage, BIG, os.urandom(3_000_000))
    paths = [JAR, POM, f"{JAR}.sha1", f"/all{BIG}"]
    done = threading.Event()

    def build(port: int) -> list[Got | bytes]:
        found: list[Got | bytes] = []
        while not done.is_set() or not found:
            found += [get_or_part(port, path) for path in paths]
        return found

    with start(stage) as proxy, ThreadPoolExecutor(4) as pool:
        honest = {ask(proxy.port, path).body for path in paths}
        builds = [pool.submit(build, proxy.port) for _ in range(4)]
        try:
            for _ in range(5):
                assert stage.run("cache", "prune", "--max-size", "1 B").status == 0
                if changed:
                    change_all(stage.cache / "repository")
                assert stage.run("cache", "scrub").status in {0, int(changed)}
        finally:
            done.set()
        answers = [got for one in builds for got in one.result()]

    whole = [got for got in answers if isinstance(got, Got)]
    parts = [got for got in answers if isinstance(got, bytes)]
    assert {got.status for got in whole} == {200}, "".join(line for line in proxy.log if " request " not in line)
    assert {got.body for got in whole} == honest
    assert changed or not parts
    assert all(any(body.startswith(part) for body in honest) for part in parts)


def change_all(tree: Path) -> None:
    for path in tree.rglob("*.bin"):
        with suppress(FileNotFoundError):
            path.chmod(0o644)
            with path.open("r+b") as file:
                file.seek(2_000_000)
                file.write(b"changed")


def test_a_large_artifact_passes_in_little_memory(stage: Stage) -> None:
    count = 300
    digest = hashlib.sha1(usedforsecurity=False)
    for _ in range(count):
        digest.update(PIECE)
    answer = Answer(PIECE, repeat=count, headers=(("Content-Length", str(count * MIB)),), announced=-1)
    stage.serve(BIG, answer)
    stage.serve(f"{BIG}.sha1", digest.hexdigest().encode())
    with start(stage) as proxy:
        for _ in range(2):
            connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=60)
            connection.request("GET", f"/all{BIG}", headers={"User-Agent": "Gradle/8.5"})
            response = connection.getresponse()
            received = hashlib.sha1(usedforsecurity=False)
            while piece := response.read(MIB):
                received.update(piece)
            connection.close()
            assert received.hexdigest() == digest.hexdigest()
        most = resident(proxy)

    assert most < 150 * MIB


@pytest.mark.parametrize("requests", [2_000, pytest.param(20_000, marks=pytest.mark.long)], ids=["2,000", "20,000"])
def test_thousands_of_requests_leave_threads_descriptors_and_memory_flat(stage: Stage, requests: int) -> None:
    paths = [JAR, f"{JAR}.sha1", f"{JAR}.md5", f"{JAR}.asc", POM, JAR.replace("1.0", "7"), "/x", "/all/../x"]

    def visit(proxy: Running, count: int, at: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
        for number in range(count):
            method = "HEAD" if number % 5 == 0 else "GET"
            connection.request(method, paths[(number + at) % len(paths)])
            connection.getresponse().read()
            if number % 20 == 0:
                connection.close()
        connection.close()

    with start(stage, "--log-format", "json") as proxy, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: visit(proxy, 60, at), range(8)))
        before, most_before = figures(proxy), resident(proxy)
        list(pool.map(lambda at: visit(proxy, requests // 8, at), range(8)))
        end = time.monotonic() + 60
        while True:
            after = figures(proxy)
            flat = after["process_open_fds"] <= before["process_open_fds"] + 8
            if flat or time.monotonic() > end:
                break
            time.sleep(0.05)
        most_after = resident(proxy)

    assert flat
    assert after["verifier_threads"] <= before["verifier_threads"] + 8
    assert most_after < most_before + 20 * MIB
    assert most_after < 150 * MIB
