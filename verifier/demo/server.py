"""A small HTTPS server on loopback: it answers what it is told to, lies included."""

import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from types import TracebackType
from typing import Self

ADDRESS = "127.0.0.1"
_PATIENCE_SECONDS = 5
_PIECE = b"\0" * 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What one path answers; with `cut` the connection ends when half of what was announced is sent."""

    body: bytes = b""
    status: int = 200
    location: str = ""
    cut: bool = False
    endless: bool = False


Request = socket.socket | tuple[bytes, socket.socket]
"""What the library calls a request: here always a connection."""

_NOT_FOUND = Answer(b"no such file\n", 404)


class Server:
    """Serves `answers` (path to answer) over TLS with the certificate in the file `identity`.

    Use it as a context manager; at its end every connection is closed and every thread is gone.
    """

    def __init__(self, answers: Mapping[str, Answer], identity: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity)
        self._listener = _Listener(answers, context)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), name="demo-server")

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"https://{ADDRESS}:{self._listener.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.closing.set()
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()


class _Listener(ThreadingHTTPServer):
    """Accepts connections, each on a thread of its own; closing waits for all of them."""

    daemon_threads = False

    def __init__(self, answers: Mapping[str, Answer], context: ssl.SSLContext) -> None:
        self.answers = answers
        self.closing = threading.Event()
        self._context = context
        super().__init__((ADDRESS, 0), _Handler)

    def server_bind(self) -> None:
        # The library's own would look its name up, which may wait for a name server.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    def finish_request(self, request: Request, client_address: object) -> None:
        # Here and not where connections are accepted: a slow handshake keeps nobody else waiting.
        if not isinstance(request, socket.socket):
            raise TypeError(request)
        request.settimeout(_PATIENCE_SECONDS)
        with self._context.wrap_socket(request, server_side=True) as secure:
            _Handler(secure, client_address, self)
            # Ended in order, the announced length alone tells that something is missing.
            secure.unwrap()

    def handle_error(self, request: Request, client_address: object) -> None:
        """Say nothing: that clients break off is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    """Answers one request; HTTP/1.0, so that no connection outlives its answer."""

    server: _Listener

    def do_GET(self) -> None:
        """Answer as told."""
        answer = self.server.answers.get(self.path, _NOT_FOUND)
        self.send_response(answer.status)
        if answer.location:
            self.send_header("Location", answer.location)
        if not answer.endless:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if answer.endless:
            while not self.server.closing.is_set():
                self.wfile.write(_PIECE)
        self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)

    def log_message(self, *_: object) -> None:
        """Keep standard error for the verdicts."""
