"""Fetch files over TLS: the one place where bytes come in from repositories.

Every rule of transport holds here, at every hop: https alone, redirects walked by us,
credentials for their own origin alone, a bound on everything.  A download has merely arrived;
whether it may be used is the judge's business.
"""

import base64
import queue
import random
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from verifier import body, tls
from verifier.answer import Answer, MayPass
from verifier.credentials import Credentials
from verifier.errors import (
    Fact,
    NotFound,
    RateLimited,
    RedirectRefused,
    ServerError,
    TimedOut,
    Unauthorized,
)
from verifier.flight import Flight, Watch, is_public, stopped
from verifier.proxies import Proxies
from verifier.transport import Bounds, Download, Endpoint, Request, checked, endpoints_by_origin, origin_of
from verifier.wire import FOREIGN, Adapter, Session, explain

MAX_REDIRECTS = 5
TRIES = 3
FIRST_WAIT_SECONDS = 0.2
STOP_SECONDS = 1.0

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class World:
    """What time, chance and the address plan are; tests bring their own."""

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    random: Callable[[], float] = random.random
    sleep: Callable[[threading.Event, float], object] = threading.Event.wait
    is_public: Callable[[str], bool] = is_public


class Upstream:
    """The transport over requests: HTTP/1.1, one connection a thread.

    `store` is the file of certificate authorities, the operating system's where it is None.
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        bounds: Bounds,
        *,
        connections: int,
        proxies: Proxies,
        user_agent: str,
        store: Path | None = None,
        world: World | None = None,
    ) -> None:
        self._world = world or World()
        self._endpoints = frozenset(endpoints)
        self._user_agent = user_agent
        self._timeout = (bounds.connect, bounds.stall)
        named = cache(lambda: store or tls.system_store())
        system = cache(lambda: tls.client_context(named()))
        contexts = {
            origin: _lazily(endpoint, system, named) for origin, endpoint in endpoints_by_origin(endpoints).items()
        }
        self._session = Session(Adapter(connections, contexts, system, proxies))
        self._watch = Watch(bounds.total, self._world.clock)
        self._queue: queue.SimpleQueue[tuple[Request, Future[Download]] | None] = queue.SimpleQueue()
        self._under_way: dict[int, tuple[Request, Future[Download]]] = {}
        self._workers = [
            threading.Thread(target=self._work, name=f"verifier-upstream-{number}", daemon=True)
            for number in range(connections)
        ]

    def start(self) -> None:
        """Start the threads; nothing is asked yet."""
        self._watch.start()
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        """Cancel what waits, end what is under way, close every connection.

        A thread that the operating system holds in a name lookup is left behind; it is a daemon and
        ends by itself.  Who waits for what it was to bring is told now.
        """
        deadline = time.monotonic() + STOP_SECONDS
        self._watch.stopped.set()
        while True:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is not None:
                item[1].cancel()
        self._watch.stop()
        for _ in self._workers:
            self._queue.put(None)
        for worker in self._workers:
            if worker.ident is not None:  # a start that was interrupted leaves some of them not begun
                worker.join(max(deadline - time.monotonic(), 0))
        for request, future in list(self._under_way.values()):
            with suppress(InvalidStateError):  # it came in this moment
                future.set_exception(stopped(_host(request.url)))
        self._session.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def ask(self, request: Request) -> "Future[Download]":
        """Ask for one file.

        Raises: through the future, `InsecureTransport`, `TlsUntrusted`, `TlsPinMismatch`,
        `RedirectRefused`, `TooLarge`, `Truncated`; every `SourceError` but `Offline`; `CacheError` when
        the file cannot be written; `ConfigError` when the certificate authorities cannot be read.
        """
        if request.endpoint not in self._endpoints:
            raise ValueError(f"{request.endpoint.name} came too late: its ca-file and pins would not count")
        future: Future[Download] = Future()
        self._queue.put((request, future))
        if self._watch.stopped.is_set():
            future.cancel()  # asked after: there may be nobody left to take it
        return future

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            request, future = item
            if future.set_running_or_notify_cancel():
                self._under_way[threading.get_ident()] = item
                with suppress(InvalidStateError):  # `stop` did not wait, and told already
                    self._settle(request, future)
                del self._under_way[threading.get_ident()]
            # What the loop still names while it waits would keep a body alive.
            del item, request, future

    def _settle(self, request: Request, future: Future[Download]) -> None:
        try:
            download = self._download(request)
        except BaseException as error:  # noqa: BLE001  whoever waits for the future must hear of it
            future.set_exception(error)
        else:
            future.set_result(download)

    def _download(self, request: Request) -> Download:
        with self._watch.flight(self._world.is_public) as flight:
            for attempt in range(TRIES):
                try:
                    return self._walk(request, flight)
                except MayPass as passing:
                    wait = self._wait(passing, attempt)
                    too_late = self._world.clock() + wait >= flight.deadline
                    if attempt == TRIES - 1 or too_late or flight.ended:
                        raise flight.verdict(_host(request.url)) or passing.error from passing
                flight.from_public = False
                self._world.sleep(self._watch.stopped, wait)
        raise AssertionError("every try ends")

    def _wait(self, passing: MayPass, attempt: int) -> float:
        backoff = FIRST_WAIT_SECONDS * 2.0**attempt * (0.5 + self._world.random())
        return max(passing.wait or 0.0, backoff)

    def _walk(self, request: Request, flight: Flight) -> Download:
        """Follow redirects to the file.

        1. Ask only over https, with credentials only at the endpoint's own origin.
        2. Take a redirect's address, whole or relative.
        3. Refuse a circle, too many steps, and a step from public to private.
        """
        url, visited = checked(request.url, _host(request.endpoint.url)), set[str]()
        while True:
            answer = self._send(url, request.endpoint, flight)  # 1
            if answer.status not in _REDIRECTS:
                return self._take(answer, url, request, flight)
            visited.add(url)
            location = answer.headers.get("location")
            body.drain(answer)
            if not request.follow:
                raise RedirectRefused(
                    "a redirect where none is followed",
                    expected=Fact("an answer", url),
                    received=Fact(f"a redirect to {location!a}"),
                )
            url = _follow(url, location)  # 2
            if url in visited or len(visited) > MAX_REDIRECTS:  # 3
                reason = "the redirects go round in a circle" if url in visited else "there are too many redirects"
                raise RedirectRefused(reason, expected=Fact(f"at most {MAX_REDIRECTS}"), received=Fact(url))
            flight.from_public = flight.peer_public

    def _send(self, url: str, endpoint: Endpoint, flight: Flight) -> Answer:
        request = requests.PreparedRequest()
        request.method = "GET"
        request.url = url
        request.headers = self._headers(endpoint, url)
        request.hooks = {"response": []}
        try:
            response = self._session.send(
                request, stream=True, timeout=self._timeout, allow_redirects=False, proxies={}
            )
        except FOREIGN as error:
            raise flight.verdict(_host(url)) or explain(error, _host(url)) from error
        except ServerError:
            if ended := flight.verdict(_host(url)):
                raise ended from None
            raise
        answer: Answer = response.raw  # type: ignore[assignment]  # the session has our adapter alone
        return answer

    def _headers(self, endpoint: Endpoint, url: str) -> "CaseInsensitiveDict[str]":
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": self._user_agent}
        if endpoint.credentials and origin_of(url) == origin_of(endpoint.url):
            headers["Authorization"] = _basic(endpoint.credentials)
        return CaseInsensitiveDict(headers)

    def _take(self, answer: Answer, url: str, request: Request, flight: Flight) -> Download:
        host = _host(url)
        if answer.status != HTTPStatus.OK:
            body.drain(answer)
            raise self._refused(answer, url)
        try:
            data, size = body.receive(answer, host, max_bytes=request.max_bytes, into=request.into, flight=flight)
        except BaseException:
            answer.close()
            raise
        return Download(request.url, url, request.into, data, size, answer.headers)

    def _refused(self, answer: Answer, url: str) -> Exception:
        status = answer.status
        received = Fact(f"status {status}", url)
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            return NotFound(f"{_host(url)} has no such file", received=received)
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return Unauthorized(f"{_host(url)} wants other credentials", received=received)
        wait = _retry_after(answer.headers.get("retry-after"), self._world.now)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return MayPass(RateLimited(f"{_host(url)} asks for fewer requests", received=received), wait)
        if status == HTTPStatus.REQUEST_TIMEOUT:
            return MayPass(TimedOut(f"{_host(url)} waited too long for the request", received=received), wait)
        error = ServerError(f"{_host(url)} answered with an error", received=received)
        return MayPass(error, wait) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else error


def _lazily(
    endpoint: Endpoint, system: Callable[[], tls.TrustContext], store: Callable[[], Path]
) -> Callable[[], tls.TrustContext]:
    """Put off reading certificates until the endpoint is first asked."""
    if endpoint.ca_file is None and not endpoint.tls_pins:
        return system
    return cache(lambda: tls.client_context(endpoint.ca_file or store(), endpoint.tls_pins))


def _follow(url: str, location: str | None) -> str:
    """Name where a redirect leads, without its fragment."""
    if not location:
        raise ServerError("a redirect names no location", received=Fact("no location", url))
    try:
        target = urljoin(url, location.strip())
    except ValueError as error:
        raise ServerError("a redirect cannot be read", received=Fact(ascii(location[:200]), url)) from error
    return checked(target.partition("#")[0], url)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _basic(credentials: Credentials) -> str:
    # RFC 7617; said before it is asked for, since some repositories answer 404 to a stranger.
    pair = f"{credentials.username}:{credentials.password}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _retry_after(value: str | None, now: Callable[[], float]) -> float | None:
    """Read Retry-After: seconds, or a date; None for what cannot be read.

    Source: RFC 9110 section 10.2.3.
    """
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - now(), 0.0)
    except (ValueError, OverflowError):
        return None
