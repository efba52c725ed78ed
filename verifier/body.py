"""Take in the body of one answer: raw, counted, hashed on the way, into memory or a new file.

Memory is bounded by one piece for a file.  Nothing is left on disk unless all of it arrived.
"""

import errno
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Self

from urllib3 import HTTPResponse

from verifier.digest import Hasher
from verifier.errors import CacheError, Fact, ServerError, TooLarge, Truncated
from verifier.flight import Flight
from verifier.wire import FOREIGN, MayPass, explain, is_cut

PIECE_BYTES = 128 * 1024
DRAIN_BYTES = 64 * 1024
DISK_HINT = "free space, check the directory's permissions and limits, then run again"

_LENGTH = re.compile(r"[0-9]{1,18}")


def receive(
    answer: HTTPResponse, host: str, *, max_bytes: int, into: Path | None, hasher: Hasher, flight: Flight
) -> tuple[bytes, int]:
    """Read a whole body; give its bytes, empty where they went into the new file `into`, and its size.

    Raises: `TooLarge` over `max_bytes`, `Truncated` when it ends before its announced end,
    `ServerError` for framing or an encoding that cannot be taken, `CacheError` when the file
    cannot be written, and what the connection brings.
    """
    length = _announced(answer, host)
    if length is not None and length > max_bytes:
        raise _too_large(host, max_bytes, f"{length} bytes announced")
    with _Sink(into) as sink:
        size = 0
        while piece := _piece(answer, host, min(PIECE_BYTES, max_bytes - size + 1), flight):
            size += len(piece)
            if size > max_bytes:
                raise _too_large(host, max_bytes, f"{size} bytes and more")
            hasher.update(piece)
            sink.write(piece)
            if size == length:
                break
        # The connection's end may have come from our own side; then nothing is complete.
        if ended := flight.verdict(host):
            raise ended
        if length is not None and size != length:
            raise _truncated(host, f"{size} of {length} bytes")
        return sink.keep(), size


def drain(answer: HTTPResponse) -> None:
    """Read what little is left of an answer nobody wants, so that its connection can be used again."""
    with suppress(*FOREIGN):
        if answer.read(DRAIN_BYTES, decode_content=False) and not answer.isclosed():
            answer.read(1, decode_content=False)
    if not answer.isclosed():
        answer.close()


def _announced(answer: HTTPResponse, host: str) -> int | None:
    """Check how the body is framed and encoded; its length, None where only its end will tell.

    Source: RFC 9112 section 6.3; of what it lets a client guess, nothing is guessed.
    """
    headers = answer.headers
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", ""):
        # The bytes on the wire would not be the file, and we asked for the file.
        raise ServerError(
            f"{host} sends an encoding that was not asked for",
            expected=Fact("content-encoding: identity"),
            received=Fact(f"content-encoding: {encoding[:80]}"),
        )
    transfer, length = headers.get("transfer-encoding"), headers.get("content-length")
    if transfer is not None and (transfer.lower() != "chunked" or length is not None):
        raise ServerError(f"{host} frames its answer in a way that can be read in two ways")
    if length is None:
        return None
    values = {value.strip() for value in length.split(",")}
    if len(values) > 1 or not _LENGTH.fullmatch(value := values.pop()):
        raise ServerError(f"{host} announces a length that is no number", received=Fact(length[:80]))
    return int(value)


def _piece(answer: HTTPResponse, host: str, size: int, flight: Flight) -> bytes:
    try:
        return answer.read(size, decode_content=False)
    except FOREIGN as error:
        if ended := flight.verdict(host):
            raise ended from error
        if _cut_off(error):
            raise MayPass(_truncated(host, "a connection cut off without TLS's own end")) from error
        raise explain(error, host) from error


def _cut_off(error: Exception) -> bool:
    return any(is_cut(each) for each in (error.__cause__, error.__context__, *error.args))


def _too_large(host: str, bound: int, received: str) -> TooLarge:
    return TooLarge(
        f"the answer of {host} is over its bound", expected=Fact(f"at most {bound} bytes"), received=Fact(received)
    )


def _truncated(host: str, received: str) -> Truncated:
    return Truncated(
        f"the answer of {host} ends too early", expected=Fact("all that was announced"), received=Fact(received)
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

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        if self._path is None:
            self._pieces.append(piece)
            return
        left = memoryview(piece)
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
