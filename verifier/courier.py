"""The transport in a process of its own: what talks to the network shares no interpreter with what judges.

    this process ── requests ──▶ courier process ── https ──▶ repositories
                 ◀─ downloads ──

`Courier` is a `Transport`.  It starts the process at the first request; the process runs one `Upstream` and knows what
it was told and no more: no policy, key or record, and nothing of the environment.  It ends when this one does, however
that ends.  Besides, neither waits for the other's interpreter, and that is most of the speed of a cold fetch.

A message is two lengths of four bytes each, big-endian, a head in JSON of the first length, a body of the second.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import verifier
from verifier.credentials import Credentials
from verifier.errors import PRECEDENCE, CacheError, ConfigError, Fact, ReasonedError, SourceError, Unreachable
from verifier.flight import stopped
from verifier.proxies import Proxies, Proxy
from verifier.transport import Bounds, Download, Endpoint, Request, endpoints_by_origin

_LENGTHS = struct.Struct(">II")
_RECEIVED_BYTES = 256 * 1024
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""Of one message: what is fetched into memory has far smaller bounds, which the process that fetches may not keep."""
_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from verifier.courier import main; main()"
_KINDS = {kind.code: kind for kind in PRECEDENCE}

Head: TypeAlias = Mapping[str, Any]
"""The head of a message, as JSON has it."""


class Courier:
    """A transport that has its `Upstream` in another process.

    `libraries` are the variables by which the system's loader finds shared libraries: the process gets no others.
    `at_once` starts it with everything else, and not at the first request.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        bounds: Bounds,
        *,
        connections: int,
        proxies: Proxies,
        user_agent: str,
        libraries: Mapping[str, str],
        at_once: bool = False,
    ) -> None:
        endpoints_by_origin(endpoints)
        self._endpoints = {endpoint: number for number, endpoint in enumerate(endpoints)}
        self._libraries = libraries
        self._orders: Head = {
            "endpoints": [_write_endpoint(endpoint) for endpoint in endpoints],
            "bounds": asdict(bounds),
            "connections": connections,
            "proxies": asdict(proxies),
            "user_agent": user_agent,
        }
        self._at_once = at_once
        self._lock = threading.Lock()
        self._round: _Round | None = None
        self._is_stopped = False

    def start(self) -> None:
        """Start the process if that is to be done at once: it takes a moment, and many a run asks for nothing."""
        if self._at_once:
            with self._lock:
                self._round = self._begin()

    def stop(self) -> None:
        """End the process, and tell whoever waits for what it was to bring."""
        with self._lock:
            self._is_stopped = True
        if self._round is not None:
            self._round.end()

    def ask(self, request: Request) -> "Future[Download]":
        """Ask for one file; where the process has ended by itself a new one is started.

        Raises: `ConfigError` where no process can be started; through the future, as `Upstream.ask`, and
        `Unreachable` too where the process ended meanwhile.
        """
        if request.endpoint not in self._endpoints:
            raise ValueError(f"{request.endpoint.name} came too late: its ca-file and pins would not count")
        future: Future[Download] = Future()
        with self._lock:
            if self._is_stopped:
                future.cancel()
                future.set_running_or_notify_cancel()  # some who wait see it only then
                return future
            if self._round is None or self._round.is_worn_out():
                self._round = self._begin()
            current = self._round
        current.ask(self._write_request(request), request, future)
        return future

    def _begin(self) -> "_Round":
        return _Round(self._libraries, self._orders)

    def _write_request(self, request: Request) -> Head:
        return {
            "url": request.url,
            "endpoint": self._endpoints[request.endpoint],
            "max_bytes": request.max_bytes,
            "into": _write_path(request.into),
            "follow": request.follow,
        }


class _Round:
    """One run of the other process, from its start to its end."""

    def __init__(self, libraries: Mapping[str, str], orders: Head) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = _start_process(theirs, libraries)
            except OSError as error:
                ours.close()
                problem = f"cannot be started: {error.strerror}"
                hint = "what talks to the network is a process of its own: see what limits or forbids one here"
                raise ConfigError(sys.executable, problem, hint=hint) from error
        self._channel = _Channel(ours)
        self._lock = threading.Lock()
        self._count = 0
        self._waiting: dict[int, tuple[Request, Future[Download]]] = {}
        self._is_over = self._is_ready = self._is_ending = False
        self._send(orders)
        self._reader = threading.Thread(target=self._receive, name="courier", daemon=True)
        try:
            self._reader.start()
        except BaseException:
            self._process.kill()
            self._process.wait()
            self._channel.close()
            raise

    def is_worn_out(self) -> bool:
        """Whether the process has ended and another one may do better, as where this one could not begin it may not."""
        return self._is_over and self._is_ready

    def ask(self, written: Head, request: Request, future: "Future[Download]") -> None:
        """Hand a request over."""
        with self._lock:
            is_over = self._is_over
            self._count += 1
            number = self._count
            self._waiting[number] = request, future
        if is_over:
            future.set_exception(self._gone(request))
            return
        self._send({"ask": number, **written})
        future.add_done_callback(partial(self._give_up, number))

    def end(self) -> None:
        """End the process at once: it has nothing to put in order, and what is half-written lies in our quarantine."""
        self._is_ending = True
        self._process.kill()
        self._reader.join()

    def _send(self, head: Head) -> None:
        with suppress(OSError):  # the process has ended, and `_receive` tells everybody
            self._channel.send(head)

    def _give_up(self, number: int, future: "Future[Download]") -> None:
        if future.cancelled():
            self._send({"cancel": number})

    def _receive(self) -> None:
        try:
            # What is no message, or no answer to anything, means the end of it as well.
            with suppress(OSError, ValueError, LookupError, TypeError):
                for head, body in self._channel.messages():
                    if "ready" in head:
                        self._is_ready = True
                    else:
                        self._take(head, body)
        finally:
            self._process.kill()
            self._process.wait()
            self._channel.close()
            with self._lock:
                self._is_over = True
                left, self._waiting = self._waiting, {}
            for request, future in left.values():
                with suppress(InvalidStateError):
                    future.set_exception(self._gone(request))

    def _take(self, head: Head, body: bytes) -> None:
        request, future = self._waiting[head["answered"]]
        error = _read_error(head["error"]) if "error" in head else None
        download = None if error is not None else _read_download(head, body, request)
        del self._waiting[head["answered"]]
        with suppress(InvalidStateError):  # cancelled in this moment
            if download is None:
                future.set_exception(error)
            else:
                future.set_result(download)
        if future.cancelled() and request.into is not None:
            with suppress(OSError):  # what cannot be removed here goes with the quarantine
                request.into.unlink(missing_ok=True)  # it came nevertheless, and nobody will take it

    def _gone(self, request: Request) -> SourceError:
        if self._is_ending:
            return stopped(urlsplit(request.url).netloc)
        return Unreachable(
            "the process that fetches has ended",
            expected=Fact("an answer", request.url),
            received=Fact(f"status {self._process.returncode}"),
            hint="run it again; if it stays so, look for what ends or forbids processes on this machine",
        )


def _start_process(end: socket.socket, libraries: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start the other process at its end of the sockets.

    Nothing of the user's environment or directories counts in it (-I, and no variables); it looks for modules where
    this process does.  It has a session of its own: Ctrl-C is for this process to act on.
    """
    places = [*filter(None, sys.path), str(Path(verifier.__file__).parents[1])]
    flags = ["-I", "-S", *(["-B"] if sys.dont_write_bytecode else [])]
    return subprocess.Popen(  # noqa: S603  (nothing of it comes from outside)
        [sys.executable, *flags, "-c", _PROGRAM, *places],
        stdin=end.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(libraries),
        start_new_session=True,
    )


class _Channel:
    """One end of the sockets between the two processes; any thread may send, one receives."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._lock = threading.Lock()

    def send(self, head: Head, body: bytes = b"") -> None:
        """Send one message.

        Raises: `OSError` where the other process has ended.
        """
        text = json.dumps(head).encode()
        with self._lock:
            self._end.sendall(_LENGTHS.pack(len(text), len(body)) + text + body)

    def messages(self) -> Iterator[tuple[Head, bytes]]:
        """Give each message as it comes, until the other process ends.

        Raises: `OSError` where it ended in the middle of one, `ValueError` for what is no message.
        """
        received = bytearray()
        while piece := self._end.recv(_RECEIVED_BYTES):
            received += piece
            at = 0
            while len(received) - at >= _LENGTHS.size:
                head, body = _LENGTHS.unpack_from(received, at)
                if head + body > MAX_MESSAGE_BYTES:
                    raise ValueError("a message that is too large")
                start = at + _LENGTHS.size
                if len(received) - start < head + body:
                    break
                at = start + head + body
                yield json.loads(received[start : start + head]), bytes(received[start + head : at])
            del received[:at]

    def close(self) -> None:
        """Close this end."""
        self._end.close()


# The other process


def main() -> None:
    """Run an upstream for the process at the other end of standard input, until that ends."""
    from verifier.upstream import Upstream  # noqa: PLC0415  (all that it needs is of no use to the other process)

    channel = _Channel(socket.socket(fileno=0))
    messages = channel.messages()
    orders, _ = next(messages)
    endpoints = [_read_endpoint(written) for written in orders["endpoints"]]
    upstream = Upstream(
        endpoints,
        Bounds(**orders["bounds"]),
        connections=orders["connections"],
        proxies=_read_proxies(orders["proxies"]),
        user_agent=orders["user_agent"],
    )
    upstream.start()
    channel.send({"ready": True})
    under_way: dict[int, Future[Download]] = {}
    for head, _ in messages:
        if "cancel" in head:
            if given_up := under_way.get(head["cancel"]):
                given_up.cancel()
            continue
        number = head["ask"]
        coming = upstream.ask(
            Request(
                head["url"],
                endpoints[head["endpoint"]],
                head["max_bytes"],
                _read_path(head["into"]),
                follow=head["follow"],
            )
        )
        under_way[number] = coming
        coming.add_done_callback(partial(_answer, channel, under_way, number))
    os._exit(0)  # nobody is left to ask for anything, and no connection is owed a farewell


def _answer(channel: _Channel, under_way: dict[int, "Future[Download]"], number: int, done: "Future[Download]") -> None:
    under_way.pop(number, None)
    try:
        download = done.result()
        head, body = _write_download(download), download.data
    except (Exception, CancelledError) as error:  # noqa: BLE001  whoever asked must hear of it
        head, body = {"error": _write_error(error)}, b""
    channel.send({"answered": number, **head}, body)


# What is said, as JSON


def _write_path(path: Path | None) -> str | None:
    return None if path is None else os.fsencode(path).decode("latin-1")


def _read_path(written: str | None) -> Path | None:
    return None if written is None else Path(os.fsdecode(written.encode("latin-1")))


def _write_endpoint(endpoint: Endpoint) -> Head:
    return {**asdict(endpoint), "ca_file": _write_path(endpoint.ca_file)}


def _read_endpoint(written: Head) -> Endpoint:
    credentials = written["credentials"]
    return Endpoint(
        written["name"],
        written["url"],
        _read_path(written["ca_file"]),
        tuple(written["tls_pins"]),
        None if credentials is None else Credentials(**credentials),
    )


def _read_proxies(written: Head) -> Proxies:
    proxy = written["proxy"]
    return Proxies(None if proxy is None else Proxy(**proxy), tuple(written["direct"]))


def _write_download(download: Download) -> Head:
    return {"final_url": download.final_url, "size": download.size, "headers": dict(download.headers)}


def _read_download(written: Head, data: bytes, request: Request) -> Download:
    return Download(request.url, written["final_url"], request.into, data, written["size"], written["headers"])


def _write_error(error: BaseException) -> Head:
    match error:
        case ReasonedError():
            facts = {"expected": error.expected, "received": error.received}
            written = {name: None if fact is None else asdict(fact) for name, fact in facts.items()}
            return {"code": error.code, "reason": error.reason, "hint": error.hint, **written}
        case ConfigError():
            return {"where": error.where, "problem": error.problem, "hint": error.hint}
        case CacheError():
            return {"path": error.path, "problem": error.problem, "hint": error.hint}
        case _:
            return {"unforeseen": repr(error)}


def _read_error(written: Head) -> Exception:
    match written:
        case {"code": code, "reason": reason, "hint": hint, "expected": expected, "received": received}:
            facts = {"expected": expected, "received": received}
            read = {name: None if fact is None else Fact(**fact) for name, fact in facts.items()}
            return _KINDS[code](reason, hint=hint, **read)
        case {"where": where, "problem": problem, "hint": hint}:
            return ConfigError(where, problem, hint=hint)
        case {"path": path, "problem": problem, "hint": hint}:
            return CacheError(path, problem, hint=hint)
        case _:
            return RuntimeError(f"the process that fetches failed: {written.get('unforeseen')}")
