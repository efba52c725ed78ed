"""Raw bytes at the proxy: path tricks, smuggled requests, floods, slow and idle clients; no other answer changes."""

import hashlib
import http.client
import os
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from proxied import JAR, POM, Proxied, ask
from servers import Count
from stage import WIDGET_PATH, Stage, stage
from test_proxy import publish

from verifier.cache import Opened
from verifier.proxy import app, send
from verifier.proxy.app import Settings
from verifier.proxy.send import MAX_HASHINGS

__all__ = ["stage"]

HOST = b"Host: proxy\r\n"
GET = f"GET {JAR} HTTP/1.1\r\n".encode()
CLOSE = b"Connection: close\r\n"


@pytest.fixture
def proxied(stage: Stage) -> Iterator[Proxied]:
    with Proxied(stage) as made:
        made.get(JAR)
        yield made


def statuses(answers: bytes) -> list[int]:
    """Give the status of each answer; bodies here hold no status line."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", answers)]


@pytest.mark.parametrize(
    "path",
    [
        b"/all/../../etc/passwd",
        b"/all/..%2f..%2fetc/passwd",
        b"/all/%2e%2e/%2e%2e/record.sqlite",
        b"/example/../../record.sqlite",
        b"/all\\..\\..\\record.sqlite",
        b"//all/org/example/widget/1.0/widget-1.0.jar",
        b"/all/org/example/widget/1.0/widget-1.0.jar%00.pom",
        b"/all/org/example/widget/1.0/widget-1.0.jar/..",
        b"/all/org/example/widget/1.0/.;/widget-1.0.jar",
        b"/all/org/example/widget/1.0/widget-1.0.jar?x",
        b"/all/" + b"%" * 500,
        b"http://127.0.0.1/all/org/example/widget/1.0/widget-1.0.jar",
        b"*",
    ],
)
def test_a_path_trick_is_a_bad_request(proxied: Proxied, path: bytes) -> None:
    answers = proxied.raw(b"GET " + path + b" HTTP/1.1\r\n" + HOST + CLOSE + b"\r\n")

    assert statuses(answers) == [400]
    assert b"PK" not in answers


@pytest.mark.parametrize(
    "head",
    [
        HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n",
        HOST + b"Content-Length: 5, 5\r\n",
        HOST + b"Content-Length: +5\r\n",
        HOST + b"Content-Length: -1\r\n",
        HOST + b"Transfer-Encoding: chunked\r\n",
        HOST + b"Transfer-Encoding: xchunked\r\n",
        HOST + b"Transfer-Encoding : chunked\r\n",
        HOST + b"Transfer-Encoding: chunked, identity\r\n",
        HOST + b"Transfer-Encoding:\x0bchunked\r\n",
        HOST + b" folded: yes\r\n",
        HOST + b"Bad Name: x\r\n",
        HOST + b"Nul: a\x00b\r\n",
        HOST + b"Host: other\r\n",
        b"",
    ],
)
def test_a_smuggled_request_is_never_answered_as_one(proxied: Proxied, head: bytes) -> None:
    inner = f"GET {POM} HTTP/1.1\r\nHost: x\r\n\r\n".encode()

    answers = proxied.raw(GET + head + b"\r\n0\r\n\r\n" + inner)

    assert statuses(answers) == [400]
    assert b"<project" not in answers
    assert b"PK" not in answers


def test_pipelined_requests_are_answered_in_order(proxied: Proxied) -> None:
    data = GET + HOST + b"\r\n" + f"HEAD {POM} HTTP/1.1\r\n".encode() + HOST + b"\r\n" + GET + HOST + CLOSE + b"\r\n"

    answers = proxied.raw(data)

    assert statuses(answers) == [200, 200, 200]
    assert b"<project" not in answers


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket", b"TLS/1.0"])
def test_an_offer_to_speak_another_protocol_is_not_taken(proxied: Proxied, upgrade: bytes) -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\nUpgrade: " + upgrade
    with socket.create_connection(("127.0.0.1", proxied.port), timeout=10) as connection:
        connection.sendall(GET + HOST + offer + b"\r\n\r\n")
        first = http.client.HTTPResponse(connection)
        first.begin()
        first.read()
        connection.sendall(f"GET {POM} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
        second = http.client.HTTPResponse(connection)
        second.begin()

    assert (first.status, second.status) == (200, 200)


@pytest.mark.parametrize(
    "data",
    [
        GET + HOST + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        GET + HOST + b"".join(b"X-%d: y\r\n" % n for n in range(5_000)) + b"\r\n",
        b"GET /all/" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"GET\r\n\r\n",
        b"\r\n" * 10_000,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /all/ HTTP/9.9\r\n" + HOST + b"\r\n",
        b"\x00" * 1000,
    ],
)
def test_a_flood_ends_with_its_connection(proxied: Proxied, data: bytes) -> None:
    try:
        answers = proxied.raw(data, seconds=1)
    except ConnectionError:
        answers = b""

    assert set(statuses(answers)) <= {400, 404, 505}
    assert proxied.get(JAR).status == 200


def test_a_body_with_a_get_is_refused_and_its_connection_ends(proxied: Proxied) -> None:
    answers = proxied.raw(GET + HOST + b"Content-Length: 5\r\n\r\nhello" + GET + HOST + b"\r\n")

    assert statuses(answers) == [400]


def test_an_upload_is_refused_without_being_read(proxied: Proxied) -> None:
    data = f"PUT {JAR} HTTP/1.1\r\n".encode() + HOST + b"Expect: 100-continue\r\nContent-Length: 1000000000\r\n\r\n"

    answers = proxied.raw(data)

    assert statuses(answers) == [405]


def test_an_old_client_gets_its_file_and_the_end(proxied: Proxied) -> None:
    answers = proxied.raw(f"GET {JAR} HTTP/1.0\r\n\r\n".encode())

    assert statuses(answers) == [200]
    assert b"chunked" not in answers.lower()


def test_two_hundred_idle_and_half_open_connections_keep_nobody_waiting(proxied: Proxied) -> None:
    idle = [socket.create_connection(("127.0.0.1", proxied.port)) for _ in range(200)]
    for number, connection in enumerate(idle):
        connection.sendall(GET[: number % 20])

    assert proxied.get(JAR).status == 200

    for connection in idle:
        connection.close()


def test_a_client_that_never_finishes_its_request_is_let_go(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "KEEPALIVE_SECONDS", 0.2)
    with Proxied(stage) as proxied:
        assert proxied.raw(GET[:10]) == b""


def test_clients_that_hang_up_early_leave_nothing_open(stage: Stage) -> None:
    body = os.urandom(20_000_000)
    stage.serve("/com/example/open/big/1/big-1.bin", body)
    with Proxied(stage) as proxied:
        path = "/all/com/example/open/big/1/big-1.bin"
        checksum = hashlib.sha1(body, usedforsecurity=False).hexdigest().encode()
        stage.serve("/com/example/open/big/1/big-1.bin.sha1", checksum)
        assert proxied.get(path).status == 200
        before = Count()
        for number in range(40):
            with socket.create_connection(("127.0.0.1", proxied.port)) as connection:
                suffix = ".md5" if number % 4 == 1 else ""
                connection.sendall(f"GET {path}{suffix} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                if number % 2:
                    proxied.now += 100  # the next one is judged and hashed anew
                else:
                    connection.recv(1000)
        assert proxied.get(path).body == body
        end = time.monotonic() + 60
        while (after := Count()).descriptors > before.descriptors + 1 and time.monotonic() < end:
            proxied.get("/-/health")

    assert after.descriptors <= before.descriptors + 1
    assert after.threads <= before.threads + 8


def test_a_file_that_is_touched_while_it_is_sent_never_arrives_whole(stage: Stage) -> None:
    body = os.urandom(60_000_000)
    where = "/com/example/open/big/1/big-1.bin"
    stage.serve(where, body)
    stage.serve(f"{where}.sha1", hashlib.sha1(body, usedforsecurity=False).hexdigest().encode())
    with Proxied(stage) as proxied:
        assert proxied.get(f"/all{where}", "HEAD").status == 200
        path = stage.cache / "repository" / "example" / where[1:]
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", proxied.port))
            connection.sendall(f"GET /all{where} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            received = len(connection.recv(4096))
            path.chmod(0o644)
            with path.open("r+b") as file:
                file.seek(50_000_000)
                file.write(b"changed")
            try:
                while piece := connection.recv(1_000_000):
                    received += len(piece)
            except ConnectionError:
                pass

    assert received < len(body)


def test_a_file_that_is_changed_before_anything_was_sent_is_fetched_anew(
    proxied: Proxied, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = proxied.stage.cache / "repository" / "example" / WIDGET_PATH[1:]
    honest = path.read_bytes()
    read = send._read_at_hand

    def change_and_read(opened: Opened, start: int, count: int) -> bytes | bytearray | None:
        monkeypatch.undo()
        path.chmod(0o644)
        path.write_bytes(b"x" * len(honest))
        return read(opened, start, count)

    monkeypatch.setattr(send, "_read_at_hand", change_and_read)
    got = proxied.get(JAR)

    assert (got.status, got.body) == (200, honest)
    assert proxied.stage.server.counts[WIDGET_PATH] == 2


@dataclass(frozen=True)
class Sending:
    """A large file on its way: what came of it so far, and where it lies in the cache."""

    connection: socket.socket
    path: Path
    body: bytes

    def take(self, count: int) -> bytes:
        """Receive at least so much more, or what there is until the end."""
        received = b""
        with suppress(ConnectionError):
            while len(received) < count and (piece := self.connection.recv(min(count, 65536))):
                received += piece
        return received


@pytest.fixture
def sending(stage: Stage) -> Iterator[Sending]:
    body = os.urandom(20_000_000)  # more than the sockets' buffers hold
    where = "/com/example/open/big/1/big-1.bin"
    publish(stage, where, body)
    with Proxied(stage) as proxied:
        assert proxied.get(f"/all{where}", "HEAD").status == 200
        with socket.socket() as connection:
            connection.settimeout(60)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            connection.connect(("127.0.0.1", proxied.port))
            connection.sendall(f"GET /all{where} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            yield Sending(connection, stage.cache / "repository" / "example" / where[1:], body)


def test_a_file_that_is_taken_out_while_it_is_sent_arrives_whole(sending: Sending) -> None:
    received = sending.take(4096)
    sending.path.unlink()

    received += sending.take(len(sending.body) * 2)

    assert received.partition(b"\r\n\r\n")[2] == sending.body


def test_a_file_that_is_touched_without_end_is_not_hashed_without_end(sending: Sending) -> None:
    received = b""
    for _ in range(MAX_HASHINGS + 2):
        received += sending.take(2_000_000)
        os.utime(sending.path)

    received += sending.take(len(sending.body) * 2)

    assert len(received) < len(sending.body)
    assert sending.body.startswith(received.partition(b"\r\n\r\n")[2])


def test_bytes_that_are_changed_while_the_end_is_sent_never_leave(stage: Stage) -> None:
    body = os.urandom(7_000_000)  # more than the sockets' buffers hold, so that the change comes before the end
    where = "/com/example/open/big/1/big-1.bin"
    stage.serve(where, body)
    stage.serve(f"{where}.sha1", hashlib.sha1(body, usedforsecurity=False).hexdigest().encode())
    with Proxied(stage) as proxied:
        assert proxied.get(f"/all{where}", "HEAD").status == 200
        path = stage.cache / "repository" / "example" / where[1:]
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", proxied.port))
            connection.sendall(f"GET /all{where} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            received = b""
            while len(received) < 4096:  # the headers, and the first of the body
                received += connection.recv(4096)
            path.chmod(0o644)
            with path.open("r+b") as file:
                file.seek(-100_000, os.SEEK_END)
                file.write(b"E" * 50_000)
            with suppress(ConnectionError):
                while piece := connection.recv(1_000_000):
                    received += piece

    assert body.startswith(received.partition(b"\r\n\r\n")[2])


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_files_are_served_over_tls_too(stage: Stage, size: int) -> None:
    body = os.urandom(size)
    where = "/com/example/open/big/1/big-1.bin"
    stage.serve(where, body)
    stage.serve(f"{where}.sha1", hashlib.sha1(body, usedforsecurity=False).hexdigest().encode())
    proxied = Proxied(stage)
    settings = proxied.proxy._settings
    proxied.proxy._settings = Settings(settings.host, 0, 409, stage.authority.context())
    trusting = ssl.create_default_context(cafile=str(stage.authority.file))
    with proxied:
        assert proxied.url.startswith("https://")
        with (
            socket.create_connection(("127.0.0.1", proxied.port)) as plain,
            trusting.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            secure.sendall(f"GET /all{where} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            received = b""
            while piece := secure.recv(65536):
                received += piece

    assert received.endswith(body)


def test_a_hit_is_not_asked_of_upstream(proxied: Proxied) -> None:
    proxied.stage.server.counts.clear()

    assert {ask(proxied.port, JAR).status for _ in range(20)} == {200}
    assert proxied.stage.server.counts[WIDGET_PATH] == 0
