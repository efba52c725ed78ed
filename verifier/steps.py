"""Does work that mostly waits, in a few threads: while a piece of work waits, its thread does another.

A piece of work is a generator.  It yields the futures that it waits for, goes on when all of them are done, and
returns its result.  What the work is, this room does not know.
"""

import threading
from collections.abc import Collection, Generator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

Result = TypeVar("Result")
Work: TypeAlias = Generator[Collection[Future[Any]], None, Result]


@dataclass(eq=False, slots=True)
class _Piece(Generic[Result]):
    work: Work[Result]
    result: Future[Result]
    awaited: int = 0


class Steps:
    """The threads, and every piece of work that has begun and not ended."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._under_way: set[_Piece[Any]] = set()

    def stop(self) -> None:
        """Give up what is under way; whatever it waits for should have been ended before."""
        self._pool.shutdown(cancel_futures=True)
        with self._lock:
            left, self._under_way = self._under_way, set()
        for piece in left:
            piece.work.close()
            if not piece.result.cancel():
                piece.result.set_exception(CancelledError())

    def begin(self, work: Work[Result]) -> Future[Result]:
        """Begin a piece of work; what is returned here can be cancelled until its first step is taken.

        Raises: `RuntimeError` after the stop.
        """
        piece = _Piece(work, Future[Result]())
        self._go_on(piece)
        return piece.result

    def _go_on(self, piece: _Piece[Any]) -> None:
        with self._lock:
            self._pool.submit(self._take_steps, piece)
            self._under_way.add(piece)

    def _take_steps(self, piece: _Piece[Any]) -> None:
        try:
            if piece.result.running() or piece.result.set_running_or_notify_cancel():
                while not self._will_be_called(piece, next(piece.work)):
                    pass
                return
        except StopIteration as end:
            piece.result.set_result(end.value)
        except BaseException as error:  # noqa: BLE001  whoever waits for the result must hear of it
            piece.result.set_exception(error)
        with self._lock:
            self._under_way.discard(piece)

    def _will_be_called(self, piece: _Piece[Result], futures: Collection[Future[Any]]) -> bool:
        """Have the work go on when all futures are done; no where they are already."""
        awaited = [future for future in futures if not future.done()]
        # One more than there are, so that the last to be done is known for sure when all have been told.
        piece.awaited = len(awaited) + 1
        for future in awaited:
            future.add_done_callback(lambda _: self._one_is_done(piece))
        return self._count_down(piece) > 0

    def _one_is_done(self, piece: _Piece[Result]) -> None:
        if self._count_down(piece) == 0:
            with suppress(RuntimeError):  # everything ends, and `stop` sees to the rest
                self._go_on(piece)

    def _count_down(self, piece: _Piece[Result]) -> int:
        with self._lock:
            piece.awaited -= 1
            return piece.awaited


def do(work: Work[Result]) -> Result:
    """Do a piece of work in this thread, waiting where it waits."""
    try:
        while True:
            wait(next(work))
    except StopIteration as end:
        result: Result = end.value
        return result
