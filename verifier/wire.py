"""Bend requests and urllib3 to our rules: whose certificates count, how long a request may take.

requests asks its adapter, the adapter finds a pool of urllib3, a pool makes connections; each
of them is ours here, by the methods that are meant to be overridden.  What a status means,
redirects and retries are the upstream's business.
"""

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from verifier import tls
from verifier.errors import (
    ReasonedError,
    ServerError,
    TimedOut,
    Truncated,
    Unauthorized,
    Unreachable,
)
from verifier.flight import FLIGHT
from verifier.names import Names, Place
from verifier.proxies import Proxies

if TYPE_CHECKING:
    from io import BufferedIOBase, BufferedReader

    from urllib3._base_connection import BaseHTTPConnection, BaseHTTPSConnection
    from urllib3.response import BaseHTTPResponse

MAX_HEADER_BYTES = 64 * 1024
MAX_FOREIGN_ORIGINS = 16
PORT = 443

Origin = tuple[str, int]


class MayPass(Exception):
    """A failure worth another try after `wait` seconds; `error` is what it is if it stays."""

    def __init__(self, error: ReasonedError, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait


def origin_of(url: str) -> Origin:
    """Name the host (lower case) and port of an https URL.

    Raises: `ValueError` for a port that is none.
    """
    parts = urlsplit(url)
    return (parts.hostname or "").rstrip("."), parts.port or PORT


def is_cut(error: object) -> bool:
    """Whether TLS ended without saying so; early releases of Python 3.11 have no class of their own for it."""
    return isinstance(error, ssl.SSLEOFError) or (
        isinstance(error, ssl.SSLError) and error.reason == "UNEXPECTED_EOF_WHILE_READING"
    )


class _WatchedSocket(ssl.SSLSocket):
    """A TLS socket that can be ended already while it shakes hands."""

    suppress_ragged_eofs: bool

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002  ssl's own signature
        FLIGHT.get().board(self)
        super().do_handshake(block)


class _BoundedLines:
    """The status line and headers of an answer, at most MAX_HEADER_BYTES of them."""

    def __init__(self, lines: "BufferedIOBase") -> None:
        self._lines = lines
        self._left = MAX_HEADER_BYTES

    def readline(self, limit: int | None = -1, /) -> bytes:
        line = self._lines.readline(limit)
        self._left -= len(line)
        if self._left < 0:
            raise http.client.HTTPException(f"more than {MAX_HEADER_BYTES} bytes of headers")
        return line

    def close(self) -> None:
        self._lines.close()


_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")


class _Response(http.client.HTTPResponse):
    """The standard library's reader, where it is too trusting made strict."""

    def begin(self) -> None:
        # The library bounds a line and their number, not the sum, nor how often 100 may be said.
        lines = self.fp
        self.fp = cast("BufferedReader", _BoundedLines(lines))
        try:
            super().begin()
        finally:
            if self.fp is not None:  # it is after a status line that is none
                self.fp = lines

    def _read_next_chunk_size(self) -> int:
        # The library takes what int() takes: -1 would read to the end of all memory.
        line = self.fp.readline(MAX_HEADER_BYTES)
        if not line:
            raise http.client.IncompleteRead(b"")
        match = _CHUNK_SIZE.fullmatch(line)
        if not match:
            raise http.client.HTTPException(f"a chunk of size {line[:40]!r}")
        return int(match[1], 16)


class _Connection(HTTPSConnection):
    """One connection: addresses judged, one bound for all of connecting, pins compared."""

    response_class = _Response
    peer = ""
    names: Names

    def connect(self) -> None:
        flight = FLIGHT.get()
        host = self._tunnel_host or self.host
        if self.proxy:
            self.peer = host.strip("[]")
            flight.judge(self.peer)
        try:
            super().connect()
        except OSError as error:
            raise flight.verdict(host) or self._connect_error(error, host) from error
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, ValueError) as error:
            raise flight.verdict(host) or Unreachable(f"no connection to {host}: {error}") from error
        context = self.ssl_context
        if not isinstance(context, tls.TrustContext) or not self.is_verified:
            raise AssertionError("a connection without our TLS parameters")
        secure = cast("_WatchedSocket", self.sock)
        # urllib3 has no way to ask for it: a body without a length must not end where a cut ends it.
        secure.suppress_ragged_eofs = False
        # Nothing has been asked yet: a server with another key learns no path and no password.
        tls.check_pins(context.pins, secure.getpeercert(binary_form=True) or b"", host)

    def _new_conn(self) -> socket.socket:
        deadline = time.monotonic() + (self.timeout or 0)
        flight = FLIGHT.get()
        found = self.names.find(self._dns_host, self.port)
        if not self.proxy:
            # A name with one private address among public ones is how rebinding looks: all are judged first.
            for place in found:
                flight.judge(str(place.address[0]))
        problem = OSError("no address")
        for index, place in enumerate(found):
            try:
                # Each address gets its share of what is left, so that a dead one leaves time for the next.
                share = (deadline - time.monotonic()) / (len(found) - index)
                carrier = _open(place, max(share, 0.001))
            except OSError as error:
                problem = error
                continue
            if not self.proxy:
                self.peer = str(place.address[0])
            carrier.settimeout(max(deadline - time.monotonic(), 0.001))
            return carrier
        raise problem

    def _connect_error(self, error: OSError, host: str) -> Exception:
        where = f"the proxy {self.host}" if self.proxy and not self._has_connected_to_proxy else host
        if is_cut(error) or isinstance(error, ssl.SSLZeroReturnError):
            return MayPass(Unreachable(f"{where} broke off the TLS handshake"))
        if isinstance(error, ssl.SSLError):
            return tls.untrusted(error, where)
        if isinstance(error, TimeoutError):
            return MayPass(TimedOut(f"no connection to {where} within {self.timeout:g} s"))
        if isinstance(error, socket.gaierror):
            return MayPass(Unreachable(f"the name {where} cannot be resolved: {error.strerror}"))
        if refusal := _REFUSED_TUNNEL.match(str(error)):
            return _tunnel_error(refusal[1], self.host)
        return MayPass(Unreachable(f"no connection to {where}: {error.strerror or error}"))


_REFUSED_TUNNEL = re.compile(r"Tunnel connection failed: (\d+)")


def _tunnel_error(status: str, proxy: str) -> Exception:
    if status == "407":
        return Unauthorized(f"the proxy {proxy} wants other credentials (407)", hint="check HTTPS_PROXY")
    error = Unreachable(f"the proxy {proxy} refused the connection ({status})", hint="check HTTPS_PROXY and NO_PROXY")
    return MayPass(error) if status.startswith("5") else error


def _open(place: Place, timeout: float) -> socket.socket:
    carrier = socket.socket(place.family, place.kind, place.protocol)
    try:
        carrier.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        carrier.settimeout(timeout)
        FLIGHT.get().board(carrier)
        carrier.connect(place.address)
    except BaseException:
        carrier.close()
        raise
    return carrier


class _Pool(HTTPSConnectionPool):
    """A pool that tells the flight which connection it boards."""

    ConnectionCls = _Connection
    names: Names

    def _new_conn(self) -> "BaseHTTPSConnection":
        connection = super()._new_conn()
        if not isinstance(connection, _Connection):
            raise TypeError(connection)
        connection.names = self.names
        return connection

    def _validate_conn(self, conn: "BaseHTTPConnection") -> None:
        super()._validate_conn(conn)
        if not isinstance(conn, _Connection):
            raise TypeError(conn)
        flight = FLIGHT.get()
        flight.judge(conn.peer)
        flight.board(_carrier(conn.sock))


def _carrier(connection: object) -> socket.socket | None:
    """The socket under TLS, or under TLS within a proxy's TLS."""
    return connection if isinstance(connection, socket.socket) else getattr(connection, "socket", None)


class Adapter(HTTPAdapter):
    """HTTPAdapter with our TLS parameters alone, and one pool an origin.

    `contexts` holds the parameters of the endpoints' origins, `system` makes those of all others.
    """

    def __init__(
        self,
        connections: int,
        contexts: Mapping[Origin, Callable[[], tls.TrustContext]],
        system: Callable[[], tls.TrustContext],
        proxies: Proxies,
    ) -> None:
        self._contexts = contexts
        self._system = system
        self._proxies = proxies
        self._pools: dict[Origin, HTTPConnectionPool] = {}
        self._lock = threading.Lock()
        self._names = Names(time.monotonic)
        super().__init__(pool_connections=len(contexts) + MAX_FOREIGN_ORIGINS, pool_maxsize=connections)
        self.poolmanager.pool_classes_by_scheme = {"https": _Pool}

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,  # noqa: FBT001  requests' own signature
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> HTTPConnectionPool:
        """Find the pool of the request's origin; what requests would say of trust and proxies is not asked."""
        del verify, proxies, cert
        origin = origin_of(request.url or "")
        pool = self._pools.get(origin)
        if pool is None:
            with self._lock:  # all threads start at once, and one pool and one reading of the store suffice
                pool = self._pools.get(origin) or self._make_pool(origin)
                if origin in self._contexts:
                    self._pools[origin] = pool
        return pool

    def _make_pool(self, origin: Origin) -> HTTPConnectionPool:
        host, port = origin
        context = self._contexts.get(origin, self._system)()
        context.sslsocket_class = _WatchedSocket
        manager: urllib3.PoolManager = self.poolmanager
        if proxy := self._proxies.choose(host, port):
            secure = proxy.url.startswith("https:")
            manager = self.proxy_manager_for(proxy.url, proxy_ssl_context=self._system() if secure else None)
            manager.pool_classes_by_scheme = {"https": _Pool}
        pool = manager.connection_from_host(host, port, "https", pool_kwargs={"ssl_context": context})
        if not isinstance(pool, _Pool):
            raise TypeError(pool)
        pool.names = self._names
        return pool

    def proxy_headers(self, proxy: str) -> dict[str, str]:
        """Give the proxy, and nobody else, its credentials."""
        del proxy
        ours = self._proxies.proxy
        return {"Proxy-Authorization": ours.authorization} if ours and ours.authorization else {}

    def close(self) -> None:
        """Close every connection that is kept alive: this adapter holds the pools, so nothing else would."""
        for pool in self._pools.values():
            pool.close()
        super().close()

    def cert_verify(self, conn: object, url: str, verify: object, cert: object) -> None:
        """Load nothing: requests would add certifi's bundle to our context here."""

    def request_url(self, request: requests.PreparedRequest, proxies: object) -> str:
        """Name the path alone: proxies are only ever tunnelled through."""
        del proxies
        return request.path_url

    def build_response(self, req: requests.PreparedRequest, resp: "BaseHTTPResponse") -> requests.Response:
        """Wrap the raw answer; no cookies, and no guess at a text encoding."""
        response = requests.Response()
        response.status_code = resp.status
        response.raw = resp
        response.request = req
        response.url = req.url or ""
        return response


class _NoCookies(requests.cookies.RequestsCookieJar):
    """Keeps nothing: an artifact has no business to know who asked before."""

    def extract_cookies(self, response: object, request: object) -> None:
        pass


class Session(requests.Session):
    """A session over one adapter: https alone, nothing of the environment, no cookies, no redirects."""

    def __init__(self, adapter: Adapter) -> None:
        super().__init__()
        self.trust_env = False
        self.cookies = cast("requests.cookies.RequestsCookieJar", _NoCookies())
        self.adapters.clear()
        self.mount("https://", adapter)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Find none: requests would read a redirect's whole body before it is asked to follow."""
        del resp
        return None


def explain(error: Exception, host: str) -> Exception:  # noqa: PLR0911  one a cause
    """Translate what requests, urllib3, http.client or ssl raised while an answer was read."""
    for cause in _causes(error):
        match cause:
            case ssl.SSLZeroReturnError() | ConnectionError():
                return MayPass(Unreachable(f"the connection to {host} broke: {_words(cause)}"))
            case ssl.SSLError() if is_cut(cause):
                return MayPass(Unreachable(f"the connection to {host} broke: {_words(cause)}"))
            case ssl.SSLError():
                return tls.untrusted(cause, host)
            case TimeoutError():
                return TimedOut(f"{host} said nothing for too long")
            case http.client.IncompleteRead():
                return Truncated(f"the answer of {host} ends before its announced end")
            case http.client.HTTPException():
                return ServerError(f"the answer of {host} is not HTTP that can be read: {_words(cause)}")
            case OSError() if cause.errno is not None:
                return MayPass(Unreachable(f"the connection to {host} broke: {cause.strerror}"))
    return ServerError(f"the answer of {host} is not HTTP that can be read")


def _words(error: BaseException) -> str:
    return str(error)[:200] or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk an exception and what it wraps; urllib3 hides causes in arguments too."""
    waiting, seen = [error], set[int]()
    while waiting:
        cause = waiting.pop(0)
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        inner = (*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__)
        waiting += [each for each in inner if isinstance(each, BaseException)]


FOREIGN = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)
"""What may come out of a session or a body that is read; `explain` translates it."""
