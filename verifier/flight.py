"""Keep the time of every request under way, and end those that are over it.

A `Flight` is one request with its redirects and retries.  Whatever blocks in it, in a handshake,
a header or a body, ends when its socket is shut: by the `Watch` at the total deadline, or when
everything stops.
"""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from enum import Enum, auto

from verifier.errors import Fact, RedirectRefused, SourceError, TimedOut, Unreachable


class End(Enum):
    """Why a flight was ended from outside."""

    EXPIRED = auto()
    STOPPED = auto()


def is_public(address: str) -> bool:
    """Tell whether an IP address is one of the open internet's."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip.is_global and not ip.is_multicast


class Flight:
    """One request under way, with its redirects and retries.

    `from_public` is set once a public server has answered: no private address may follow.
    """

    def __init__(self, deadline: float, public: Callable[[str], bool]) -> None:
        self.deadline = deadline
        self.from_public = False
        self.peer_public = True
        self.ended: End | None = None
        self._public = public
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()

    def board(self, carrier: socket.socket | None) -> None:
        """Name the socket whose end would end this flight; None for no socket."""
        with self._lock:
            self._socket = carrier
            if self.ended is not None:
                self._shut()

    def end(self, why: End) -> None:
        """End the flight from another thread."""
        with self._lock:
            if self.ended is None:
                self.ended = why
                self._shut()

    def judge(self, peer: str) -> None:
        """Note where this hop goes: an address, or a name that only the proxy can resolve.

        Raises: `RedirectRefused` for a private address after a public one.
        """
        try:
            public = self._public(peer)
        except ValueError:
            # Behind a proxy names are resolved out of our sight, so only literal addresses can be judged.
            public = True
        if self.from_public and not public:
            raise RedirectRefused(
                "a redirect leads from a public to a private address",
                expected=Fact("a public address"),
                received=Fact(peer),
            )
        self.peer_public = public

    def verdict(self, host: str) -> SourceError | None:
        """Say what the end from outside means for the caller; None if there was none."""
        if self.ended is End.EXPIRED:
            return TimedOut(f"the download from {host} took longer than the total time allowed")
        if self.ended is End.STOPPED:
            return stopped(host)
        return None

    def _shut(self) -> None:
        # The plain socket's shutdown wakes the reader and leaves the TLS state alone.  SSLSocket's
        # own would drop that state under the reader's feet, who would then read ciphertext as content.
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def stopped(host: str) -> SourceError:
    """Say that a download was ended by our own end."""
    return Unreachable(f"the download from {host} was stopped", hint="run it again")


FLIGHT: ContextVar[Flight] = ContextVar("the flight of this thread")


class Watch:
    """Ends flights at their deadline, and all of them when stopped."""

    def __init__(self, total: float, clock: Callable[[], float]) -> None:
        self._total = total
        self._clock = clock
        self._flights: set[Flight] = set()
        self._lock = threading.Lock()
        self.stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="verifier-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End every flight."""
        self.stopped.set()
        with self._lock:
            flights = list(self._flights)
        for flight in flights:
            flight.end(End.STOPPED)
        if self._thread.ident is not None:
            self._thread.join(1)

    @contextmanager
    def flight(self, public: Callable[[str], bool]) -> Iterator[Flight]:
        """Watch over one flight of this thread."""
        flight = Flight(self._clock() + self._total, public)
        with self._lock:
            self._flights.add(flight)
        token = FLIGHT.set(flight)
        if self.stopped.is_set():
            flight.end(End.STOPPED)
        try:
            yield flight
        finally:
            FLIGHT.reset(token)
            flight.board(None)
            with self._lock:
                self._flights.discard(flight)

    def _run(self) -> None:
        wait = self._total
        # A flight that starts later ends later, so nothing needs to wake this thread.
        while not self.stopped.wait(wait):
            now = self._clock()
            with self._lock:
                flights = list(self._flights)
            for flight in flights:
                if flight.deadline <= now:
                    flight.end(End.EXPIRED)
            deadlines = [flight.deadline - now for flight in flights if flight.deadline > now]
            wait = min(deadlines, default=self._total)
