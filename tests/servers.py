"""Loopback servers for tests and benchmarks: TLS files with scripted answers, and two kinds of proxy.

Sockets, threads and certificates are real; certificates are made while the tests run.  As a
program it serves a directory: `python tests/servers.py DIRECTORY --latency 0.02`.
"""

import argparse
import base64
import contextlib
import datetime as dt
import socket
import ssl
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

MAX_HEAD_BYTES = 64 * 1024
REASONS = {200: "OK", 301: "Moved Permanently", 302: "Found", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a path answers.  `raw` replaces everything; `announced` lies about the length."""

    body: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    gate: threading.Event | None = None  # answer when it is set
    announced: int | None = None  # Content-Length to claim; -1 for no Content-Length at all
    chunked: bool = False
    raw: bytes | None = None
    repeat: int = 1  # how often the body (or `raw`) is sent; 0 means without end
    pause: float = 0.0  # seconds between repetitions
    hang: bool = False  # after what was sent, say nothing more and keep the connection open
    cut: bool = False  # end the TCP connection without TLS's own end
    reset: bool = False  # end it with RST
    close: bool = False  # end it in order
    bare: bool = False  # no reason phrase and no Content-Length: for 204 and the like


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that arrived; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


Script = bytes | Path | Answer | list[Answer] | Callable[[Seen], Answer]
NOT_FOUND = Answer(b"no such file\n", 404)


class Authority:
    """A certificate authority made for one test run; `file` is its bundle."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        self.ca = trustme.CA()
        self.file = directory / f"{name}.pem"
        self.ca.cert_pem.write_to_path(str(self.file))

    def context(
        self,
        *names: str,
        not_before: dt.datetime | None = None,
        not_after: dt.datetime | None = None,
    ) -> ssl.SSLContext:
        """Make a server's context with a certificate for `names` (localhost and 127.0.0.1 by default)."""
        leaf = self.ca.issue_cert(*(names or ("localhost", "127.0.0.1")), not_before=not_before, not_after=not_after)
        context = server_context()
        leaf.configure_cert(context)
        return context

    def odd_context(self, directory: Path, *, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
        """Make a context whose certificate has `key`, which trustme would not make."""
        issuer = x509.load_pem_x509_certificate(self.ca.cert_pem.bytes())
        signer = serialization.load_pem_private_key(self.ca.private_key_pem.bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        return load_context(directory, _certificate(issuer.subject, key, signer), key)


def self_signed_context(directory: Path) -> ssl.SSLContext:
    """Make a context whose certificate is signed by its own key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    return load_context(directory, _certificate(name, key, key), key)


def _certificate(
    issuer: x509.Name, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(signer, hashes.SHA256())
    )


def load_context(
    directory: Path, certificate: x509.Certificate, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
) -> ssl.SSLContext:
    """Make a server's context of a certificate and its key; weak ones are allowed here."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = directory / "odd.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + pem)
    context = server_context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(path)
    return context


def server_context() -> ssl.SSLContext:
    """Make a context that speaks HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    return context


class Listener:
    """Accepts connections on loopback, each on a thread of its own, until stopped."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address = address
        self.stopping = threading.Event()
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def start(self) -> Self:
        self._socket = socket.create_server((self.address, 0), backlog=256)
        self.port = self._socket.getsockname()[1]
        self._spawn(self._accept)
        return self

    def stop(self) -> None:
        self.stopping.set()
        for each in (self._socket, *list(self._open)):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(each, socket.SHUT_RDWR)
        self._socket.close()
        for thread in list(self._threads):
            thread.join(5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def serve(self, connection: socket.socket) -> None:
        """Talk on one connection; subclasses say how."""
        raise NotImplementedError

    def track(self, connection: socket.socket) -> socket.socket:
        """Close `connection` when the listener stops."""
        self._open.add(connection)
        return connection

    def drop(self, connection: socket.socket) -> None:
        """Close `connection` now."""
        self._open.discard(connection)
        connection.close()

    def _spawn(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.track(connection)
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            self._spawn(lambda connection=connection: self._run(connection))  # type: ignore[misc]  # a default binds it

    def _run(self, connection: socket.socket) -> None:
        try:
            self.serve(connection)
        except (OSError, ValueError):
            pass  # the client went away, or refused us: what the tests look for is on its side
        finally:
            self.drop(connection)


class FileServer(Listener):
    """Serves `files` (path to script) over TLS, or in clear where there is no context.

    >>> server = FileServer(None, {"/a": b"hello"})
    """

    def __init__(
        self,
        context: ssl.SSLContext | None,
        files: Mapping[str, Script] | None = None,
        *,
        root: Path | None = None,
        latency: float = 0.0,
        name: str = "localhost",
        address: str = "127.0.0.1",
    ) -> None:
        super().__init__(address)
        self.context = context
        self.files: dict[str, Script] = dict(files or {})
        self.root = root
        self.latency = latency
        self.name = name
        self.counts: Counter[str] = Counter()
        self.seen: list[Seen] = []
        self.handshakes = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        scheme = "http" if self.context is None else "https"
        return f"{scheme}://{self.name}:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        if self.context is None:
            self._talk(connection)
            return
        secure = self.track(self.context.wrap_socket(connection, server_side=True))
        self._open.discard(connection)
        self.handshakes += 1
        try:
            self._talk(secure)
        finally:
            self.drop(secure)

    def _talk(self, connection: socket.socket) -> None:
        pending = b""
        while not self.stopping.is_set():
            while b"\r\n\r\n" not in pending:
                data = connection.recv(16384)
                if not data or len(pending) > MAX_HEAD_BYTES:
                    return
                if data[:1] == b"\x16" and not isinstance(connection, ssl.SSLSocket):
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")  # a TLS hello where none is expected
                    return
                pending += data
            head, pending = pending.split(b"\r\n\r\n", 1)
            if not self._answer(connection, _parse(head)):
                return

    def _answer(self, connection: socket.socket, seen: Seen) -> bool:
        with self._lock:
            self.counts[seen.path] += 1
            self.seen.append(seen)
            answer = self._find(seen)
        if wait := self.latency + answer.delay:
            self.stopping.wait(wait)
        while answer.gate is not None and not self.stopping.is_set() and not answer.gate.wait(0.1):
            pass
        head = b"" if answer.raw is not None else _head(answer)
        body = answer.body if answer.raw is None else answer.raw
        if answer.chunked and answer.raw is None:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        if answer.repeat == 1:
            connection.sendall(head + (b"" if seen.method == "HEAD" else body))
        else:
            self._repeat(connection, head, body, answer)
        if answer.hang:
            self.stopping.wait(60)
        return self._end(connection, answer)

    def _repeat(self, connection: socket.socket, head: bytes, body: bytes, answer: Answer) -> None:
        connection.sendall(head)
        sent = 0
        while not self.stopping.is_set() and (answer.repeat == 0 or sent < answer.repeat):
            connection.sendall(body)
            sent += 1
            if answer.pause:
                self.stopping.wait(answer.pause)

    def _end(self, connection: socket.socket, answer: Answer) -> bool:
        """End the connection as the answer says; whether it lives on."""
        if answer.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        elif answer.close or (answer.announced == -1 and not answer.chunked and not answer.cut):
            if isinstance(connection, ssl.SSLSocket):
                connection.settimeout(2)
                connection.unwrap()
        elif not answer.cut and answer.raw is None:
            return True
        return False

    def _find(self, seen: Seen) -> Answer:
        script = self.files.get(seen.path)
        if script is None and self.root is not None:
            script = self.root / seen.path.lstrip("/")
        if isinstance(script, list):
            answer = script[0]
            if len(script) > 1:
                del script[0]
            return answer
        if isinstance(script, Answer):
            return script
        if isinstance(script, bytes):
            return Answer(script)
        if isinstance(script, Path):
            return Answer(script.read_bytes()) if script.is_file() else NOT_FOUND
        return NOT_FOUND if script is None else script(seen)


def redirect(location: str, status: int = 302) -> Answer:
    """Send the client on to `location`."""
    return Answer(b"elsewhere\n", status, (("Location", location),))


def _parse(head: bytes) -> Seen:
    request, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = request.split(" ")
    pairs = (line.split(":", 1) for line in lines)
    return Seen(method, path, {name.strip().lower(): value.strip() for name, value in pairs})


def _head(answer: Answer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Some Reason')}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if answer.chunked:
        lines.append("Transfer-Encoding: chunked")
    elif answer.announced != -1 and not answer.bare:
        lines.append(f"Content-Length: {len(answer.body) if answer.announced is None else answer.announced}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One CONNECT that a proxy was asked for."""

    target: str
    headers: Mapping[str, str]


class ConnectProxy(Listener):
    """Tunnels CONNECT to loopback, whatever host is named; `refusal` is a status line to answer instead."""

    def __init__(
        self,
        *,
        context: ssl.SSLContext | None = None,
        authorization: tuple[str, str] | None = None,
        refusal: bytes | None = None,
    ) -> None:
        super().__init__()
        self.context = context
        self.authorization = authorization
        self.refusal = refusal
        self.tunnels: list[Tunnel] = []

    @property
    def url(self) -> str:
        return f"{'http' if self.context is None else 'https'}://localhost:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        if self.context is not None:
            secure = self.track(self.context.wrap_socket(connection, server_side=True))
            self._open.discard(connection)
            connection = secure
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(4096)
            if not data:
                return
            head += data
        seen = _parse(head.split(b"\r\n\r\n", 1)[0])
        self.tunnels.append(Tunnel(seen.path, seen.headers))
        refusal = self.refusal
        if self.authorization and seen.headers.get("proxy-authorization") != basic(*self.authorization):
            refusal = b"HTTP/1.1 407 Proxy Authentication Required"
        if refusal is not None:
            connection.sendall(refusal + b"\r\nContent-Length: 0\r\n\r\n")
            return
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.tunnel(connection, int(seen.path.rsplit(":", 1)[1]))

    def tunnel(self, connection: socket.socket, port: int) -> None:
        """Carry bytes both ways."""
        far = self.track(socket.create_connection(("127.0.0.1", port)))
        try:
            self._spawn(lambda: _pump(far, connection))
            _pump(connection, far)
        finally:
            self.drop(far)
            self.drop(connection)


class BreakingProxy(ConnectProxy):
    """Answers CONNECT and then plays the server itself, with its own certificate."""

    def __init__(self, impostor: FileServer) -> None:
        super().__init__()
        self.impostor = impostor

    def tunnel(self, connection: socket.socket, port: int) -> None:
        del port
        self.impostor.serve(connection)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError, ValueError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def basic(username: str, password: str) -> str:
    """Write a Basic authorization as it arrives at a server."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@dataclass
class Count:
    """Threads and file descriptors in use now."""

    threads: int = field(default_factory=threading.active_count)
    descriptors: int = field(default_factory=lambda: len(list(Path("/proc/self/fd").iterdir())))


@contextlib.contextmanager
def served(root: Path, latency: float) -> Iterator[tuple[str, Path]]:
    """Serve a directory; gives the base URL and the bundle that its certificate chains to."""
    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(Path(directory))
        with FileServer(authority.context(), root=root, latency=latency) as server:
            yield server.url, authority.file


def main() -> None:
    """Serve a directory until standard input ends; print the URL and the bundle, a line each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=Path)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    options = parser.parse_args()
    with served(options.directory, options.latency) as (url, bundle):
        print(url, bundle, sep="\n", flush=True)  # noqa: T201  the caller reads it
        with contextlib.suppress(KeyboardInterrupt):
            sys.stdin.read()


if __name__ == "__main__":
    main()
