"""Does work that mostly waits, in a few threads: while a piece of work waits, its thread does another.

A piece of work is a generator.  It yields the futures that it waits for, goes on when all of them are done, and
returns its result.  What the work is, this room does not know.
"""

import threading
from collections.abc import Collection, Generator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

Result = TypeVar("Result")
Work: TypeAlias = Generator[Collection[Future[Any]], None, Result]


@dataclass(eq=False, slots=True)
class _Piece(Generic[Result]):
    work: Work[Result]
    result: Future[Result]
    awaited: tuple[Future[Any], ...] = ()
    left: int = 0
    is_given_up: bool = False


class Steps:
    """The threads, and every piece of work that has begun and not ended."""

    def __init__(self, threads: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._under_way: dict[Future[Any], _Piece[Any]] = {}
        self._is_halted = False

    def halt(self) -> None:
        """Take no further step from now on, whatever becomes of what is waited for."""
        with self._lock:
            self._is_halted = True

    def stop(self) -> None:
        """Give up what is under way; whoever waits for it gets `CancelledError`."""
        self.halt()
        self._pool.shutdown(cancel_futures=True)
        with self._lock:
            left, self._under_way = self._under_way, {}
        for piece in left.values():
            self._close(piece)

    def begin(self, work: Work[Result]) -> Future[Result]:
        """Begin a piece of work; what is returned here can be cancelled until its first step is taken.

        Raises: `RuntimeError` after the halt.
        """
        piece = _Piece(work, Future[Result]())
        if not self._go_on(piece):
            raise RuntimeError("nothing can begin any more")
        return piece.result

    def give_up(self, result: Future[Any]) -> None:
        """Give up a piece of work at its next wait, or now where it waits: what it waits for is cancelled."""
        with self._lock:
            piece = self._under_way.get(result)
            if piece is None:
                return
            piece.is_given_up = True
            awaited = piece.awaited
        for future in awaited:
            future.cancel()

    def _go_on(self, piece: _Piece[Any]) -> bool:
        with self._lock:
            if self._is_halted:
                return False
            self._under_way[piece.result] = piece
            try:
                self._pool.submit(self._take_steps, piece)
            except BaseException:
                del self._under_way[piece.result]
                raise
            return True

    def _take_steps(self, piece: _Piece[Any]) -> None:
        try:
            if piece.result.running() or piece.result.set_running_or_notify_cancel():
                while not piece.is_given_up:
                    if self._will_be_called(piece, next(piece.work)):
                        return
                self._close(piece)
        except StopIteration as end:
            piece.result.set_result(end.value)
        except BaseException as error:  # noqa: BLE001  whoever waits for the result must hear of it
            piece.result.set_exception(error)
        with self._lock:
            self._under_way.pop(piece.result, None)

    def _will_be_called(self, piece: _Piece[Result], futures: Collection[Future[Any]]) -> bool:
        """Have the work go on when all futures are done; no where they are already."""
        awaited = tuple(future for future in futures if not future.done())
        with self._lock:
            piece.awaited = awaited
            # One more than there are, so that the last to be done is known for sure when all have been told.
            piece.left = len(awaited) + 1
        for future in awaited:
            future.add_done_callback(lambda _: self._one_is_done(piece))
        return self._count_down(piece) > 0

    def _one_is_done(self, piece: _Piece[Result]) -> None:
        if self._count_down(piece) == 0:
            with suppress(RuntimeError):  # everything ends, and `stop` sees to the rest
                self._go_on(piece)

    def _count_down(self, piece: _Piece[Result]) -> int:
        with self._lock:
            piece.left -= 1
            return piece.left

    @staticmethod
    def _close(piece: _Piece[Any]) -> None:
        """End work that did not come to its end; what goes wrong then is told to whoever waits for it."""
        try:
            piece.work.close()
        except Exception as error:  # noqa: BLE001  as above
            problem: Exception = error
        else:
            problem = CancelledError()
        if not piece.result.cancel():
            piece.result.set_exception(problem)


def do(work: Work[Result]) -> Result:
    """Do a piece of work in this thread, waiting where it waits."""
    try:
        while True:
            for future in next(work):
                # Not `concurrent.futures.wait`: it does not see that a future was cancelled.
                with suppress(Exception, CancelledError):
                    future.result()
    except StopIteration as end:
        result: Result = end.value
        return result
