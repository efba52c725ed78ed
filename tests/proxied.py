"""A proxy in front of a stage: started in a thread or as a process of its own, and raw requests to it."""

import asyncio
import http.client
import io
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from stage import Stage

from verifier.cli.main import Options
from verifier.cli.opening import load_rules, open_verifier
from verifier.fetch import Verifier
from verifier.proxy.app import Proxy, Settings
from verifier.proxy.journal import Journal, LogFormat

Result = TypeVar("Result")
JAR = "/all/org/example/widget/1.0/widget-1.0.jar"
POM = "/all/org/example/widget/1.0/widget-1.0.pom"


@dataclass(frozen=True)
class Got:
    """One answer; header names are in lower case."""

    status: int
    phrase: str
    headers: Mapping[str, str]
    body: bytes


class Proxied:
    """A proxy for a stage, in a thread of this process."""

    def __init__(self, stage: Stage, *, patience: float = 18, refusal_status: int = 409, jobs: int = 8) -> None:
        self.stage = stage
        self.log = io.StringIO()
        self.journal = Journal(LogFormat.JSON, self.log)
        self.now = 0.0
        settings = Settings("127.0.0.1", 0, refusal_status, patience=patience, clock=lambda: self.now)
        self.proxy = Proxy(self._open, settings, self.journal)
        self.offline = False
        self._jobs = jobs
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loop")

    def _open(self) -> Verifier:
        options = Options(self.stage.policy, self.stage.cache, self.offline, 0)
        return open_verifier(options, load_rules(options), self._jobs, will_ask=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.url = self.wait(self.proxy.start())
        self.port = int(self.url.rsplit(":", 1)[1])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wait(self.proxy.stop())
        self.wait(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def get(self, path: str, method: str = "GET", **headers: str) -> Got:
        """Make one request; an underscore in a header's name stands for a hyphen."""
        return ask(self.port, path, method, **headers)

    def raw(self, data: bytes, *, seconds: float = 10) -> bytes:
        """Send bytes and read until the proxy closes, or says nothing more for some seconds."""
        return converse(self.port, data, seconds)


def ask(port: int, path: str, method: str = "GET", **headers: str) -> Got:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Got(answer.status, answer.reason, named, answer.read())
    finally:
        connection.close()


def converse(port: int, data: bytes, seconds: float) -> bytes:
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection, suppress(TimeoutError):
        connection.sendall(data)
        while piece := connection.recv(65536):
            received += piece
    return received


@dataclass
class Running:
    """A proxy as a process of its own."""

    process: "subprocess.Popen[str]"
    port: int
    log: list[str]


@contextmanager
def running(policy: Path, cache: Path, *arguments: str, within: Sequence[str] = ()) -> Iterator[Running]:
    """Start `verifier proxy` on a free port; at the end it is told to stop, and must.

    `within` is a command line that runs the one which is appended to it.
    """
    command = [*within, sys.executable, "-m", "verifier", "--policy", str(policy), "--cache", str(cache), "proxy"]
    process = subprocess.Popen(
        [*command, "--listen", "127.0.0.1:0", *arguments], stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert process.stderr is not None
    log: list[str] = []
    for line in process.stderr:
        log.append(line)
        if match := re.search(r"listening on https?://[^:]+:([0-9]+)/", line):
            break
    else:
        process.wait()
        raise AssertionError("".join(log))
    reader = threading.Thread(target=log.extend, args=(process.stderr,))
    reader.start()
    try:
        yield Running(process, int(match[1]), log)
    finally:
        process.terminate()
        process.wait(30)
        reader.join()
        process.stderr.close()
