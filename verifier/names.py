"""Looks up the addresses of hosts, each name once for all connections that want it.

Many connections to one host begin at once, and as many questions to a name server get lost: the system then waits
five seconds before it asks again.  Which address may be used is judged at every connection, by whoever connects.
"""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias, cast

KEPT_SECONDS = 30
"""How long a name means the same without a new look."""
MAX_NAMES = 64
MAX_ADDRESSES = 8

Address: TypeAlias = tuple[str, int] | tuple[str, int, int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """One address of a host, with all that `socket.socket` and `connect` want to know."""

    family: int
    kind: int
    protocol: int
    address: Address


def look_up(host: str, port: int) -> tuple[Place, ...]:
    """Ask the system for a host's addresses, at most MAX_ADDRESSES, in its order of preference.

    Raises: `OSError` where it has none.
    """
    found = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[:MAX_ADDRESSES]
    return tuple(
        Place(family, kind, protocol, cast("Address", address)) for family, kind, protocol, _, address in found
    )


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a name means until then, or will once the thread that asks for it has heard."""

    until: float
    places: Future[tuple[Place, ...]] = field(default_factory=Future)


class Names:
    """What names mean; may be asked by any thread, and asks the system once for all of them."""

    def __init__(self, clock: Callable[[], float], ask: Callable[[str, int], tuple[Place, ...]] = look_up) -> None:
        self._clock = clock
        self._ask = ask
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, int], _Answer] = {}

    def find(self, host: str, port: int) -> tuple[Place, ...]:
        """Give a host's addresses.

        Raises: `OSError` to all who wait for the same answer; whoever comes later asks again.
        """
        name, now = (host, port), self._clock()
        with self._lock:
            answer = self._answers.get(name)
            is_known = answer is not None and (not answer.places.done() or now < answer.until)
            if answer is None or not is_known:
                answer = self._answers[name] = _Answer(now + KEPT_SECONDS)
                for oldest in list(self._answers)[:-MAX_NAMES]:
                    del self._answers[oldest]
        if not is_known:
            self._hear(name, answer)
        return answer.places.result()

    def _hear(self, name: tuple[str, int], answer: _Answer) -> None:
        try:
            answer.places.set_result(self._ask(*name))
        except BaseException as error:  # noqa: BLE001  whoever waits for the answer must hear of it
            with self._lock:
                if self._answers.get(name) is answer:
                    del self._answers[name]
            answer.places.set_exception(error)
