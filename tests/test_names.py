"""Names are looked up once for all who want them, kept for a while, and forgotten where that failed."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from verifier.names import KEPT_SECONDS, MAX_ADDRESSES, MAX_NAMES, Names, Place, look_up

HERE = (Place(2, 1, 6, ("192.0.2.1", 443)),)
THREADS = 20


class System:
    """A name server that can be made to wait, and to fail."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.problem: OSError | None = None
        self.may_answer = threading.Event()
        self.may_answer.set()

    def ask(self, host: str, port: int) -> tuple[Place, ...]:
        self.asked.append((host, port))
        assert self.may_answer.wait(10)
        if self.problem is not None:
            raise self.problem
        return HERE


def all_at_once(system: System, work: Callable[[], object]) -> list[object]:
    """Do it in many threads, none of which hears before all have asked."""
    system.may_answer.clear()
    begun = threading.Barrier(THREADS + 1)

    def ask() -> object:
        begun.wait(10)
        return work()

    with ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(ask) for _ in range(THREADS)]
        begun.wait(10)
        system.may_answer.set()
        return [future.exception() or future.result() for future in futures]


def test_many_connections_that_begin_at_once_ask_once() -> None:
    system = System()
    names = Names(lambda: 0.0, system.ask)

    found = all_at_once(system, lambda: names.find("repo.example", 443))

    assert found == [HERE] * THREADS
    assert system.asked == [("repo.example", 443)]


def test_an_answer_is_kept_for_its_time_and_no_longer() -> None:
    system, now = System(), [100.0]
    names = Names(lambda: now[0], system.ask)

    for seconds, expected in ((0.0, 1), (KEPT_SECONDS - 0.1, 1), (0.1, 2)):
        now[0] += seconds
        names.find("repo.example", 443)
        assert len(system.asked) == expected


def test_a_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    system = System()
    names = Names(lambda: 0.0, system.ask)
    system.problem = OSError("no such name")

    with pytest.raises(OSError, match="no such name"):
        names.find("repo.example", 443)
    system.problem = None

    assert names.find("repo.example", 443) == HERE
    assert len(system.asked) == 2


def test_hosts_and_ports_are_kept_apart_and_only_so_many() -> None:
    system = System()
    names = Names(lambda: 0.0, system.ask)

    for port in range(MAX_NAMES + 1):
        names.find("repo.example", port)
    names.find("repo.example", MAX_NAMES)
    assert len(system.asked) == MAX_NAMES + 1

    names.find("repo.example", 0)
    assert len(system.asked) == MAX_NAMES + 2


def test_the_system_is_asked_for_so_many_addresses_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [(2, 1, 6, "", (f"192.0.2.{number}", 443)) for number in range(MAX_ADDRESSES + 1)]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_: many)

    assert [place.address for place in look_up("repo.example", 443)] == [address for *_, address in many[:-1]]
