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


def test_stopping_tells_everybody_even_where_something_cannot_be_put_in_order() -> None:
    steps = Steps(1, "steps")

    def work() -> Work[int]:
        try:
            yield (Future(),)
        finally:
            raise OSError("disk")
        return 1

    coming = [steps.begin(work()) for _ in range(3)]
    steps.begin(after()).result(5)
    steps.stop()

    for one in coming:
        with pytest.raises(OSError, match="disk"):
            one.result(5)


def test_after_the_halt_no_step_is_taken(steps: Steps) -> None:
    gate: Future[int] = Future()
    waiting = steps.begin(after(gate))
    steps.begin(after()).result(5)

    steps.halt()
    gate.set_exception(OSError("stopped"))
    with pytest.raises(RuntimeError):
        steps.begin(after())
    steps.stop()

    with pytest.raises(CancelledError):
        waiting.result(5)


def test_what_is_given_up_ends_at_once_and_cancels_what_it_waits_for(steps: Steps) -> None:
    gate: Future[int] = Future()
    ended = threading.Event()

    def work() -> Work[None]:
        try:
            yield (gate,)
        finally:
            ended.set()

    waiting, other = steps.begin(work()), steps.begin(after(done(1)))
    while not gate._done_callbacks:  # type: ignore[attr-defined]
        threading.Event().wait(0.001)
    steps.give_up(waiting)
    steps.give_up(other)  # which has ended, or will

    with pytest.raises(CancelledError):
        waiting.result(5)
    assert gate.cancelled()
    assert ended.is_set()


def test_what_is_given_up_in_the_middle_of_a_step_ends_at_its_next_wait(steps: Steps) -> None:
    begun, gate = threading.Event(), threading.Event()
    went_on = []

    def work() -> Work[None]:
        begun.set()
        gate.wait(5)
        yield ()
        went_on.append(1)

    coming = steps.begin(work())
    begun.wait(5)
    steps.give_up(coming)
    gate.set()

    with pytest.raises(CancelledError):
        coming.result(5)
    assert went_on == []


@pytest.mark.parametrize("late", [False, True])
def test_a_future_that_was_cancelled_is_waited_for_by_nobody(steps: Steps, *, late: bool) -> None:
    cancelled: Future[int] = Future()
    timer = threading.Timer(0.05 if late else 0, cancelled.cancel)

    def work() -> Work[bool]:
        yield (cancelled,)
        return cancelled.cancelled()

    timer.start()
    if not late:
        timer.join()

    assert do(work())
    assert steps.begin(work()).result(5)
    timer.join()


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
