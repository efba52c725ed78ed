"""Connections of clients have a bound: idle ones make room, the oldest first; one that is being answered never does."""

import asyncio
import http.client
import os
import resource
import socket
import threading
from collections.abc import Iterator

import pytest
from proxied import JAR, Proxied
from published import archive, put
from servers import Answer
from stage import WIDGET_PATH, Stage, stage

from verifier.proxy import connections

__all__ = ["stage"]

MOST = 4
LARGE = "com/example/open/large/1/large-1.jar"
LINE = f"GET {JAR} HTTP/1.1\r\nHost: x\r\n".encode()


@pytest.fixture
def proxied(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxied]:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", MOST)
    with Proxied(stage, patience=60) as made:
        yield made


def connect(proxied: Proxied) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxied.port), timeout=10)


def answer(connection: socket.socket) -> http.client.HTTPResponse:
    response = http.client.HTTPResponse(connection)
    response.begin()
    return response


def asked(connection: socket.socket) -> int:
    """Ask on a connection that stays open."""
    connection.sendall(LINE + b"\r\n")
    response = answer(connection)
    response.read()
    return response.status


def ended(connection: socket.socket) -> bool:
    with connection:
        try:
            return connection.recv(1) == b""
        except ConnectionResetError:  # what was sent on it was not read any more
            return True


async def all_busy(proxied: Proxied) -> None:
    while len(proxied.proxy._listening()._busy) < MOST:  # noqa: ASYNC110  (nobody in there tells)
        await asyncio.sleep(0)


def test_one_connection_too_many_ends_the_oldest_that_is_idle(proxied: Proxied) -> None:
    idle = [connect(proxied) for _ in range(MOST)]
    assert [asked(connection) for connection in idle] == [200] * MOST

    with connect(proxied) as newest:
        assert asked(newest) == 200
        assert ended(idle[0])
        assert [asked(connection) for connection in idle[1:]] == [200] * (MOST - 1)

    for connection in idle:
        connection.close()


def test_a_request_that_never_ends_counts_as_idle(proxied: Proxied) -> None:
    idle = [connect(proxied) for _ in range(MOST)]
    for connection in idle:
        connection.sendall(LINE)

    with connect(proxied) as newest:
        assert asked(newest) == 200
        assert ended(idle[0])

    for connection in idle:
        connection.close()


def test_who_never_reads_what_was_asked_for_holds_no_connection_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", MOST)
    monkeypatch.setattr(connections, "CLOSE_SECONDS", 0.2)
    put(stage, LARGE, os.urandom(200_000) + archive("large"))  # an archive is read from its end
    deaf = [socket.socket() for _ in range(MOST)]
    with Proxied(stage) as proxied:
        for connection in deaf:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", proxied.port))
            connection.sendall(f"GET /all/{LARGE} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 100)
        proxied.wait(all_stuck(proxied))

        idle = [connect(proxied) for _ in range(MOST)]
        assert [asked(connection) for connection in idle] == [200] * MOST
        proxied.wait(within_the_bound(proxied))

        assert [asked(connection) for connection in idle] == [200] * MOST
        for connection in (*deaf, *idle):
            connection.close()


async def all_stuck(proxied: Proxied) -> None:
    """Wait until every connection has more to send than its client takes."""
    server = proxied.proxy._listening()

    def stuck() -> int:
        return sum(one.get_write_buffer_size() > 0 for one in server._connections.values())

    while stuck() < MOST or server._busy:  # noqa: ASYNC110  (nobody in there tells)
        await asyncio.sleep(0.01)


async def within_the_bound(proxied: Proxied) -> None:
    while len(proxied.proxy._listening().connections) > MOST:  # noqa: ASYNC110  (nobody in there tells)
        await asyncio.sleep(0.01)


def test_where_all_are_being_answered_the_next_is_told_to_ask_again(proxied: Proxied) -> None:
    go = threading.Event()
    content = (proxied.stage.root / WIDGET_PATH[1:]).read_bytes()

    def slowly(_: object) -> Answer:
        go.wait(30)
        return Answer(content)

    proxied.stage.serve(WIDGET_PATH, slowly)
    busy = [connect(proxied) for _ in range(MOST)]
    for connection in busy:
        connection.sendall(LINE + b"\r\n")
    proxied.wait(all_busy(proxied))

    with connect(proxied) as newest:
        newest.sendall(LINE + b"\r\n")
        told = answer(newest)
        assert (told.status, told.headers["Retry-After"], told.headers["Connection"]) == (503, "5", "close")
        assert b"busy" in told.read()
        assert ended(newest)

    go.set()
    for connection in busy:
        response = answer(connection)
        assert (response.status, response.read()) == (200, content)
        connection.close()


@pytest.mark.parametrize(("soft", "most"), [(1_024, 448), (20_000, 1_024), (64, 16), (resource.RLIM_INFINITY, 1_024)])
def test_the_bound_is_what_the_descriptors_suffice_for(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, soft: int, most: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))

    with Proxied(stage) as proxied:
        assert proxied.proxy._listening().most == most
