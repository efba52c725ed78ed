"""Bend requests and urllib3 to our rules: whose certificates count, how long a request may take.

A session of requests asks its adapter, the adapter finds a pool of urllib3, the pool makes connections and keeps them
alive; each of them is ours here.  What goes over a connection is ours too: one request as bytes, one `Answer`.  What a
status means, redirects and retries are the upstream's business.
"""

import http.client
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import cast

import requests
import urllib3
from requests.adapters import BaseAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from verifier import tls
from verifier.answer import Answer, MayPass
from verifier.errors import ServerError, TimedOut, Unauthorized, Unreachable
from verifier.flight import FLIGHT
from verifier.names import Names, Place
from verifier.proxies import Proxies, Proxy
from verifier.transport import PORT, Origin, origin_of

MAX_FOREIGN_ORIGINS = 16


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


class _Connection(HTTPSConnection):
    """One connection: addresses judged, one bound for all of connecting, pins compared."""

    peer = ""
    names: Names

    def exchange(self, head: bytes, stall: float, release: Callable[[bool], None]) -> Answer:
        """Send a request that has no body, and read the head of its answer."""
        self.sock.settimeout(stall)
        self.sock.sendall(head)
        return Answer(self.sock, self.host, release)

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
    """A pool whose connections speak as we do."""

    ConnectionCls = _Connection
    names: Names

    def exchange(self, head: bytes, connect: float, stall: float) -> Answer:
        """Send a request over a connection that is kept alive, or a new one; tell the flight which.

        The connection comes back once the answer has been read to its end; it is closed where that cannot be.
        """
        flight = FLIGHT.get()
        connection = self._get_conn()
        if not isinstance(connection, _Connection):
            raise TypeError(connection)
        try:
            if connection.is_closed:
                connection.names = self.names
                connection.timeout = connect
                if self.proxy is None:
                    connection.connect()
                else:
                    self._prepare_proxy(connection)
            flight.judge(connection.peer)
            flight.board(_carrier(connection.sock))
            return connection.exchange(head, stall, partial(self._release, connection))
        except BaseException:
            connection.close()
            raise

    def _release(self, connection: _Connection, is_reusable: bool) -> None:  # noqa: FBT001  told by the answer alone
        # What came unasked and waits to be decrypted would be taken for the next answer.
        if is_reusable and not getattr(connection.sock, "pending", int)():
            self._put_conn(connection)
        else:
            connection.close()


def _carrier(connection: object) -> socket.socket | None:
    """The socket under TLS, or under TLS within a proxy's TLS."""
    return connection if isinstance(connection, socket.socket) else getattr(connection, "socket", None)


class Adapter(BaseAdapter):
    """The way of a session to the wire: our TLS parameters alone, and one pool an origin.

    `contexts` holds the parameters of the endpoints' origins, `system` makes those of all others.
    """

    def __init__(
        self,
        connections: int,
        contexts: Mapping[Origin, Callable[[], tls.TrustContext]],
        system: Callable[[], tls.TrustContext],
        proxies: Proxies,
    ) -> None:
        super().__init__()
        self._contexts = contexts
        self._system = system
        self._proxies = proxies
        self._pools: dict[Origin, _Pool] = {}
        self._lock = threading.Lock()
        self._names = Names(time.monotonic)
        self._connections = connections
        self._managers: dict[str, urllib3.PoolManager] = {}

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002
        timeout: object = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002
        cert: object = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Ask, and give the answer as soon as its head is here; what requests would say of trust is not asked.

        Shape: `timeout` is seconds to connect, and seconds without any progress; `raw` of what comes is an `Answer`.
        """
        del stream, verify, cert, proxies
        if not isinstance(timeout, tuple):
            raise TypeError(timeout)
        url = request.url or ""
        origin = origin_of(url)
        response = requests.Response()
        response.raw = answer = self._pool_of(origin).exchange(_head(request, origin), *timeout)
        response.status_code = answer.status
        response.request = request
        response.url = url
        return response

    def _pool_of(self, origin: Origin) -> _Pool:
        pool = self._pools.get(origin)
        if pool is None:
            with self._lock:  # all threads start at once, and one pool and one reading of the store suffice
                pool = self._pools.get(origin) or self._make_pool(origin)
                if origin in self._contexts:
                    self._pools[origin] = pool
        return pool

    def _make_pool(self, origin: Origin) -> _Pool:
        host, port = origin
        context = self._contexts.get(origin, self._system)()
        context.sslsocket_class = _WatchedSocket
        proxy = self._proxies.choose(host, port)
        manager = self._managers.get(url := proxy.url if proxy else "")
        if manager is None:
            manager = self._managers[url] = self._make_manager(proxy)
        pool = manager.connection_from_host(host, port, "https", pool_kwargs={"ssl_context": context})
        if not isinstance(pool, _Pool):
            raise TypeError(pool)
        pool.names = self._names
        return pool

    def _make_manager(self, proxy: Proxy | None) -> urllib3.PoolManager:
        pools = len(self._contexts) + MAX_FOREIGN_ORIGINS
        if proxy is None:
            manager = urllib3.PoolManager(pools, maxsize=self._connections)
        else:
            manager = urllib3.ProxyManager(
                proxy.url,
                pools,
                # The proxy, and nobody else, is given its credentials.
                proxy_headers={"Proxy-Authorization": proxy.authorization} if proxy.authorization else None,
                proxy_ssl_context=self._system() if proxy.url.startswith("https:") else None,
                maxsize=self._connections,
            )
        manager.pool_classes_by_scheme = {"https": _Pool}
        return manager

    def close(self) -> None:
        """Close every connection that is kept alive: this adapter holds the pools, so nothing else would."""
        for pool in self._pools.values():
            pool.close()
        for manager in self._managers.values():
            manager.clear()


def _head(request: requests.PreparedRequest, origin: Origin) -> bytes:
    host, port = origin
    name = f"[{host}]" if ":" in host else host
    lines = [
        f"GET {request.path_url} HTTP/1.1",
        f"Host: {name if port == PORT else f'{name}:{port}'}",
        *(f"{key}: {value}" for key, value in request.headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


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


def explain(error: Exception, host: str) -> Exception:
    """Translate what the socket, its TLS or urllib3 raised while something was asked or an answer was read."""
    match error:
        case ssl.SSLZeroReturnError() | ConnectionError():
            return MayPass(Unreachable(f"the connection to {host} broke: {_words(error)}"))
        case ssl.SSLError() if is_cut(error):
            return MayPass(Unreachable(f"the connection to {host} broke: {_words(error)}"))
        case ssl.SSLError():
            return tls.untrusted(error, host)
        case TimeoutError():
            return TimedOut(f"{host} said nothing for too long")
        case OSError():
            return MayPass(Unreachable(f"the connection to {host} broke: {error.strerror or _words(error)}"))
        case _:
            return ServerError(f"{host} cannot be asked: {_words(error)}")


def _words(error: BaseException) -> str:
    return str(error)[:200] or type(error).__name__


FOREIGN = (OSError, urllib3.exceptions.HTTPError)
"""What may come out of a session or a body that is read; `explain` translates it."""
