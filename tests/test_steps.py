import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.steps import Steps, Work, do


@pytest.fixture
def steps() -> Iterator[Steps]:
    steps = Steps(2, "steps")
    yield steps
    steps.stop()


def after(*futures: "Future[int]") -> Work[int]:
    yield futures
    return sum(future.result() for future in futures)


def done(value: int) -> "Future[int]":
    future: Future[int] = Future()
    future.set_result(value)
    return future


def test_work_gives_its_result_or_its_error(steps: Steps) -> None:
    broken: Future[int] = Future()
    broken.set_exception(OSError("disk"))

    assert steps.begin(after()).result(5) == 0
    assert steps.begin(after(done(1), done(2))).result(5) == 3
    with pytest.raises(OSError, match="disk"):
        steps.begin(after(broken)).result(5)


def test_what_waits_holds_no_thread(steps: Steps) -> None:
    gates: list[Future[int]] = [Future() for _ in range(100)]
    waiting = [steps.begin(after(gate)) for gate in gates]

    assert steps.begin(after(done(7))).result(5) == 7
    assert not any(one.done() for one in waiting)
    for number, gate in enumerate(gates):
        gate.set_result(number)

    assert [one.result(5) for one in waiting] == list(range(100))
    assert sum(thread.name.startswith("steps") for thread in threading.enumerate()) <= 2


def test_work_waits_for_all_that_it_names_whatever_becomes_of_it(steps: Steps) -> None:
    cancelled, failed, late = (Future[int]() for _ in range(3))

    def work() -> Work[list[bool]]:
        yield (cancelled, failed, late)
        return [one.done() for one in (cancelled, failed, late)]

    coming = steps.begin(work())
    cancelled.cancel()
    failed.set_exception(OSError())
    assert not coming.done()
    late.set_result(1)

    assert coming.result(5) == [True, True, True]


def test_what_has_not_begun_can_be_cancelled_and_nothing_else(steps: Steps) -> None:
    gate, holds = threading.Event(), threading.Barrier(3)

    def hold() -> Work[None]:
        holds.wait(5)
        gate.wait(5)
        yield ()

    held = [steps.begin(hold()) for _ in range(2)]
    holds.wait(5)
    begun: list[int] = []

    def work() -> Work[None]:
        begun.append(1)
        yield ()

    behind = steps.begin(work())
    assert behind.cancel()
    assert not held[0].cancel()
    gate.set()
    for one in held:
        one.result(5)

    assert begun == []


def test_stopping_ends_what_waits_and_tells_who_waits_for_it() -> None:
    steps = Steps(1, "steps")
    closed = []

    def work() -> Work[None]:
        try:
            yield (Future(),)
        finally:
            closed.append(1)

    coming = steps.begin(work())
    steps.begin(after()).result(5)  # with one thread the one before has taken its step by now
    steps.stop()

    with pytest.raises(CancelledError):
        coming.result(5)
    assert closed == [1]
    with pytest.raises(RuntimeError):
        steps.begin(after())


@given(plan=st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=8))
@settings(max_examples=50, deadline=None)
def test_however_work_waits_it_comes_to_its_end_once(plan: list[list[int]]) -> None:
    def work(pending: "list[list[Future[int]]]") -> Work[int]:
        total = 0
        for futures in pending:
            yield futures
            total += sum(future.result() for future in futures)
        return total

    pending = [[Future[int]() for _ in step] for step in plan]
    steps = Steps(3, "steps")
    coming = steps.begin(work(pending))
    telling = [
        threading.Thread(target=future.set_result, args=(value,))
        for step, futures in zip(plan, pending, strict=True)
        for value, future in zip(step, futures, strict=True)
    ]
    for thread in reversed(telling):
        thread.start()

    assert coming.result(10) == sum(map(sum, plan))
    for thread in telling:
        thread.join()
    steps.stop()


def test_work_can_be_done_in_this_thread_as_well() -> None:
    late: Future[int] = Future()
    timer = threading.Timer(0.05, late.set_result, [4])
    timer.start()

    assert do(after(done(1), late)) == 5
    timer.join()
