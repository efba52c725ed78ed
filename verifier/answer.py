"""Read one answer off a connection: HTTP/1.1, strictly, and never more than was asked for.

The head and chunks are taken apart by llhttp, which refuses what may be read in two ways; a body of known length is
received straight into the caller's memory.  What a status means is the upstream's business.
"""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

import httptools

from verifier.errors import Fact, ServerError, Truncated, Unreachable

MAX_HEADER_BYTES = 64 * 1024
"""Of all heads of one answer, of its trailers, and of what stands between two pieces of a chunked body."""
MAX_HEADERS = 100
RECORD_BYTES = 16 * 1024
"""What one reading brings at most: a record of TLS."""

_END_OF_HEAD = b"\r\n\r\n"
_VERSIONS = (b"HTTP/1.0 ", b"HTTP/1.1 ")
_LENGTH = re.compile(r"[0-9]{1,18}")
_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class MayPass(Exception):
    """A failure worth another try after `wait` seconds; `error` is what it is if it stays."""

    def __init__(self, error: Exception, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait


class Carrier(Protocol):
    """What an answer needs of a TLS connection; the end that the peer announces is nothing more to receive."""

    def recv(self, size: int, /) -> bytes:
        """Receive some bytes; none at the end."""

    def recv_into(self, buffer: memoryview, /) -> int:
        """Receive into the buffer; 0 at the end."""


class _Message:
    """What llhttp tells of a message, and the parser that tells it."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.fields = 0
        self.has_head = self.is_kept_alive = False
        self.is_complete = False
        self.pieces: list[bytes] = []
        self.parser = httptools.HttpResponseParser(self)

    def on_message_begin(self) -> None:
        if self.is_complete:
            raise ValueError("a second answer, where one was asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.has_head:
            return  # a trailer, which nobody has judged the answer by
        self.fields += 1
        key, text = name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        self.has_head = True
        self.is_kept_alive = self.parser.should_keep_alive()  # after an empty body the parser no longer knows

    def on_body(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        self.is_complete = True


class Answer:
    """One answer: its head has been read, its body comes by `readinto`.

    Shape: header names are in lower case; the values of those that came twice are joined by a comma.  `length` is
    that of the body, None where only its end will tell.

    Raises: already when made, `ServerError` for what is not HTTP/1.1, `Unreachable` in `MayPass` where nothing comes,
    and what the carrier raises.

    Source: RFC 9112.
    """

    def __init__(self, carrier: Carrier, host: str, release: Callable[[bool], None]) -> None:
        self._carrier = carrier
        self._host = host
        self._release: Callable[[bool], None] | None = release
        self._rest = b""
        self._left: int | None = None
        message = self._read_head()
        self._message = message
        self.status = message.parser.get_status_code()
        self.headers = message.headers
        self._is_kept_alive = message.is_kept_alive
        self._is_chunked = "transfer-encoding" in self.headers
        self.length = self._left = self._announced()

    def readinto(self, room: memoryview) -> int:
        """Receive into all of the room, or as much as there is; 0 at the end.

        Raises: `Truncated` where the connection ends before the body, `ServerError` for chunks that cannot be read,
        and what the carrier raises.
        """
        taken = 0
        while taken < len(room) and self._left != 0:
            got = self._unchunked(room[taken:]) if self._is_chunked else self._plain(room[taken:])
            if not got:
                break
            taken += got
        if self._left == 0:
            self._end(is_reusable=self._is_kept_alive and not self._rest)
        return taken

    def close(self) -> None:
        """Give up what is left, and the connection with it."""
        self._end(is_reusable=False)

    def _read_head(self) -> _Message:
        bound = MAX_HEADER_BYTES
        while True:
            head = self._receive_head(bound)
            bound -= len(head)
            message = _Message()
            self._feed(message, head)
            if not message.has_head or not head.startswith(_VERSIONS):
                raise self._unreadable(f"{head[:40]!r}")
            if message.fields > MAX_HEADERS:
                raise self._unreadable(f"more than {MAX_HEADERS} headers")
            if message.parser.get_status_code() >= HTTPStatus.OK:
                return message
            # An interim answer says that another will follow.

    def _receive_head(self, bound: int) -> bytes:
        received = self._rest
        while (end := received.find(_END_OF_HEAD)) < 0:
            if len(received) > bound:
                break
            piece = self._carrier.recv(RECORD_BYTES)
            if not piece:
                if received:
                    raise self._unreadable("an end in the middle of the head")
                raise MayPass(Unreachable(f"the connection to {self._host} broke: it was closed without an answer"))
            received += piece
        end += len(_END_OF_HEAD)
        if not len(_END_OF_HEAD) <= end <= bound:
            raise self._unreadable(f"more than {MAX_HEADER_BYTES} bytes of headers")
        self._rest = received[end:]
        return received[:end]

    def _announced(self) -> int | None:
        """Check how the body is framed and encoded; its length, None where only its end will tell.

        Source: RFC 9112 section 6.3; of what it lets a client guess, nothing is guessed.
        """
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if self.status in _WITHOUT_BODY:
            return 0
        if encoding not in ("identity", ""):
            # The bytes on the wire would not be the file, and we asked for the file.
            raise ServerError(
                f"{self._host} sends an encoding that was not asked for",
                expected=Fact("content-encoding: identity"),
                received=Fact(f"content-encoding: {encoding[:80]}"),
            )
        length = self.headers.get("content-length")
        if self._is_chunked:
            if self.headers["transfer-encoding"].lower() != "chunked" or length is not None:
                raise ServerError(f"{self._host} frames its answer in a way that can be read in two ways")
            return None
        if length is None:
            return None
        if not _LENGTH.fullmatch(length):
            raise ServerError(f"{self._host} announces a length that is no number", received=Fact(length[:80]))
        return int(length)

    def _plain(self, room: memoryview) -> int:
        if self._left is not None:
            room = room[: self._left]
        if self._rest:
            got = min(len(room), len(self._rest))
            room[:got], self._rest = self._rest[:got], self._rest[got:]
        else:
            got = self._carrier.recv_into(room)
        if self._left is not None:
            if not got:
                raise truncated(self._host, f"all but {self._left} bytes")
            self._left -= got
        elif not got:
            self._left = 0
        return got

    def _unchunked(self, room: memoryview) -> int:
        message, fed = self._message, 0
        while not message.pieces and not message.is_complete:
            piece = self._rest or self._carrier.recv(RECORD_BYTES)
            self._rest = b""
            if not piece:
                raise truncated(self._host, "chunks without a last one")
            fed += len(piece)
            if fed > MAX_HEADER_BYTES:
                raise self._unreadable(f"more than {MAX_HEADER_BYTES} bytes between two pieces of the body")
            self._feed(message, piece)
        if not message.pieces:
            self._left = 0
            return 0
        piece = message.pieces.pop(0)
        got = min(len(room), len(piece))
        room[:got] = piece[:got]
        if got < len(piece):
            message.pieces.insert(0, piece[got:])
        return got

    def _feed(self, message: _Message, data: bytes) -> None:
        try:
            message.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise self._unreadable(str(error)) from error

    def _end(self, *, is_reusable: bool) -> None:
        release, self._release = self._release, None
        if release is not None:
            release(is_reusable)

    def _unreadable(self, why: str) -> ServerError:
        return ServerError(f"the answer of {self._host} is not HTTP that can be read: {why[:200]}")


def truncated(host: str, received: str) -> Truncated:
    """Say that an answer ended before its end."""
    return Truncated(
        f"the answer of {host} ends too early", expected=Fact("all that was announced"), received=Fact(received)
    )
