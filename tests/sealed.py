"""A place without any network but one port: what runs in it reaches the proxy, and every host it asks for is noted.

The port is there on the loopback interface of a network namespace, where `verifier setup` says that
the proxy is; behind it stands the proxy of a test.  Names are asked of a server that notes and
denies them: a build that could look elsewhere, and does, is seen to.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

PORT = 8480
URL = f"http://127.0.0.1:{PORT}"
"""Where the proxy is by default, and so in there."""
_NAMES_PORT = 53
_SET_FLAGS, _UP = 0x8914, 1
_NO_SUCH_NAME = b"\x81\x83"


@dataclass(frozen=True)
class Run:
    """How a program ended, what it printed, and the hosts beside the proxy that it asked for."""

    passed: bool
    console: str
    asked: frozenset[str]


def run_sealed(
    command: Sequence[str], proxy_port: int, directory: Path, environment: Mapping[str, str], *, seconds: float = 300
) -> Run:
    """Run a program where nothing can be reached but the proxy; without such a place the test is skipped."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        inside = [sys.executable, __file__, str(theirs.fileno()), *command]
        process = subprocess.Popen(
            [*_unshare(), *inside],
            cwd=directory,
            env=dict(environment),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        theirs.close()
        with process:
            _, descriptors, _, _ = socket.recv_fds(ours, 1, 2)
            assert len(descriptors) == 2, process.communicate()[0]
            with _Outside(descriptors, proxy_port) as outside:
                try:
                    console, _ = process.communicate(timeout=seconds)
                except subprocess.TimeoutExpired:
                    process.kill()
                    raise
    return Run(process.returncode == 0, console, frozenset(outside.asked))


def _unshare() -> list[str]:
    command = ["unshare", "--net", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*command, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no network namespace can be made here: run this as root, or allow user namespaces")
    return command


class _Outside:
    """Carries connections from in there to the proxy, and denies names, until left."""

    def __init__(self, descriptors: Sequence[int], proxy_port: int) -> None:
        self.asked: set[str] = set()
        self._proxy_port = proxy_port
        self._listener, self._names = (socket.socket(fileno=each) for each in descriptors)
        self._threads = [threading.Thread(target=work) for work in (self._accept, self._deny)]
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in (self._listener, self._names, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, self._names, *self._open):
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):  # it was left
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._proxy_port))
                self._open += [near, far]
                pumps = [threading.Thread(target=_pump, args=pair) for pair in ((near, far), (far, near))]
                self._threads += pumps
                for pump in pumps:
                    pump.start()

    def _deny(self) -> None:
        while True:
            query, client = self._names.recvfrom(4096)
            if not query:
                return
            self.asked.add(_name(query))
            self._names.sendto(query[:2] + _NO_SUCH_NAME + query[4:6] + bytes(6) + query[12:], client)


def _name(query: bytes) -> str:
    """Read the name that is asked for (RFC 1035, section 4.1)."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    return ".".join(labels)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _enter(channel: int, command: list[str]) -> None:
    """Make the loopback of this namespace, hand its two sockets out, and become the program."""
    with tempfile.NamedTemporaryFile("w") as resolver, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        resolver.write("nameserver 127.0.0.1\n")
        resolver.flush()
        subprocess.run(["mount", "--bind", resolver.name, "/etc/resolv.conf"], check=True)
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh22x", b"lo", _UP))
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("127.0.0.1", _NAMES_PORT))
    listener = socket.create_server(("127.0.0.1", PORT), backlog=256)
    with socket.socket(fileno=channel) as outside:
        socket.send_fds(outside, [b"."], [listener.fileno(), names.fileno()])
    os.execvp(command[0], command)  # noqa: S606  (this is what the place is for)


if __name__ == "__main__":
    _enter(int(sys.argv[1]), sys.argv[2:])
