"""Take in the body of one answer: raw, counted, hashed on the way, into memory or a new file.

Memory is bounded by one piece for a file.  Nothing is left on disk unless all of it arrived.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from verifier.answer import Answer, MayPass, truncated
from verifier.errors import CacheError, Fact, ReasonedError, ServerError, TooLarge, Truncated
from verifier.flight import Flight
from verifier.wire import explain, is_cut

PIECE_BYTES = 128 * 1024
DRAIN_BYTES = 64 * 1024
DISK_HINT = "free space, check the directory's permissions and limits, then run again"


def receive(answer: Answer, host: str, *, max_bytes: int, into: Path | None, flight: Flight) -> tuple[bytes, int]:
    """Read a whole body; give its bytes, empty where they went into the new file `into`, and its size.

    Raises: `TooLarge` over `max_bytes`, `Truncated` when it ends before its announced end,
    `ServerError` for framing or an encoding that cannot be taken, `CacheError` when the file
    cannot be written, and what the connection brings.
    """
    length = answer.length
    if length is not None and length > max_bytes:
        raise _too_large(host, max_bytes, f"{length} bytes announced")
    room = memoryview(bytearray(min(PIECE_BYTES, max_bytes + 1 if length is None else max(length, 1))))
    with _Sink(into) as sink:
        size = 0
        while got := _receive(answer, host, room[: max_bytes - size + 1], flight):
            size += got
            if size > max_bytes:
                raise _too_large(host, max_bytes, f"{size} bytes and more")
            sink.write(room[:got])
        # The connection's end may have come from our own side; then nothing is complete.
        if ended := flight.verdict(host):
            raise ended
        return sink.keep(), size


def drain(answer: Answer) -> None:
    """Read what little is left of an answer nobody wants, so that its connection can be used again."""
    if answer.length is None or answer.length <= DRAIN_BYTES:
        with suppress(OSError, MayPass, ReasonedError):
            answer.readinto(memoryview(bytearray(DRAIN_BYTES if answer.length is None else max(answer.length, 1))))
    answer.close()


def _receive(answer: Answer, host: str, room: memoryview, flight: Flight) -> int:
    try:
        return answer.readinto(room)
    except OSError as error:
        if ended := flight.verdict(host):
            raise ended from error
        if is_cut(error):
            raise MayPass(truncated(host, "a connection cut off without TLS's own end")) from error
        raise explain(error, host) from error
    except (ServerError, Truncated):
        if ended := flight.verdict(host):
            raise ended from None
        raise


def _too_large(host: str, bound: int, received: str) -> TooLarge:
    return TooLarge(
        f"the answer of {host} is over its bound", expected=Fact(f"at most {bound} bytes"), received=Fact(received)
    )


class _Sink:
    """Where a body goes: a list of pieces, or a file that must not exist and goes again on failure."""

    def __init__(self, into: Path | None) -> None:
        self._path = into
        self._pieces: list[bytes] = []
        self._file = -1
        self._kept = False

    def __enter__(self) -> Self:
        if self._path is not None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                self._file = os.open(self._path, flags, 0o600)
            except OSError as error:
                raise self._problem(error) from error
        return self

    def write(self, left: memoryview) -> None:
        """Add a piece; its memory may be used again after that."""
        if self._path is None:
            self._pieces.append(bytes(left))
            return
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            raise self._problem(error) from error

    def keep(self) -> bytes:
        """Say that all of it arrived."""
        file, self._file = self._file, -1
        if self._path is not None:
            try:
                os.close(file)  # a network file system reports a full disk only here
            except OSError as error:
                raise self._problem(error) from error
        self._kept = True
        return self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)

    def __exit__(self, *_: object) -> None:
        if self._file >= 0:
            with suppress(OSError):
                os.close(self._file)
            self._file = -1
            self._remove()
        elif self._path is not None and not self._kept:
            self._remove()

    def _remove(self) -> None:
        if self._path is not None:
            with suppress(OSError):
                self._path.unlink()

    def _problem(self, error: OSError) -> CacheError:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            return CacheError.of(error, str(self._path))
        return CacheError(str(self._path), f"cannot be written: {error.strerror}", hint=DISK_HINT)
