"""Sends verified bytes, and sees to it that they are the verified ones up to the last.

A file is opened once and read by its descriptor: a name that leads elsewhere by now changes
nothing.  Every piece is read into memory, then the descriptor is asked whether the file was touched,
and only then do the bytes leave: what leaves was read before the last moment at which the file was
known to be the verified one.  A write that is undone again does not pass either, since the time of
change cannot be set back.

A name that is removed or added, as a prune does, touches a file no less than a write.  So what was
touched is hashed again, and read again after that; where the bytes are others the connection ends
early, which no client takes for a whole file.
"""

import asyncio
import os
from dataclasses import dataclass, replace

from aiohttp import web

from verifier.cache import Opened
from verifier.digest import Algorithm
from verifier.proxy.responses import Answer, Span

SMALL_BYTES = 256 * 1024
"""What is read at once, without a thread, and sent with its headers."""
PIECE_BYTES = 256 * 1024
STALL_SECONDS = 300
"""How long a client may take for one piece."""
MAX_HASHINGS = 3
"""How often a file that is touched while it is sent is hashed again."""
_SERVER = {"Server": "verifier"}


@dataclass(slots=True)
class _Reading:
    """A file on its way out: under which stamp its bytes were verified, and how often they may be hashed again."""

    opened: Opened
    sha256: str
    hashings: int = MAX_HASHINGS


def respond(answer: Answer, *, close: bool = False) -> web.Response:
    """Make the response of an answer."""
    response = web.Response(
        status=answer.status, reason=answer.phrase, body=answer.body, headers=answer.headers | _SERVER
    )
    if close:
        response.force_close()
    return response


async def send(request: web.BaseRequest, opened: Opened, sha256: str, span: Span) -> web.StreamResponse | None:
    """Send a part of a verified file, or to HEAD what would be its headers; None where a small one is not it any more.

    Raises: `ConnectionError` where the client went away, is too slow or must not have the rest.
    """
    headers = span.headers | _SERVER
    if request.method == "HEAD" or span.count == 0:
        headers["Content-Length"] = str(span.count)
        return web.Response(status=span.status, reason=span.phrase, headers=headers)
    reading = _Reading(opened, sha256)
    if span.count <= SMALL_BYTES:
        try:
            body = await _read(reading, span.start, span.count)
        except ConnectionAbortedError:
            return None  # nothing was said of it yet, so that it can be had anew
        return web.Response(status=span.status, reason=span.phrase, headers=headers, body=body)
    response = web.StreamResponse(status=span.status, reason=span.phrase, headers=headers)
    response.content_length = span.count
    await response.prepare(request)
    try:
        await _send_pieces(response, reading, span)
        await response.write_eof()
    except TimeoutError as error:
        raise ConnectionAbortedError("the client is too slow") from error
    return response


async def hash_and_close(opened: Opened, algorithm: Algorithm) -> str:
    """Hash a file in a thread, and close it there: a client that hangs up does not close it meanwhile."""
    return await asyncio.shield(asyncio.ensure_future(asyncio.to_thread(_hash_and_close, opened, algorithm)))


async def _send_pieces(response: web.StreamResponse, reading: _Reading, span: Span) -> None:
    at, end = span.start, span.start + span.count
    while at < end:
        piece = await _read(reading, at, min(PIECE_BYTES, end - at))
        async with asyncio.timeout(STALL_SECONDS):
            await response.write(piece)
        at += len(piece)


async def _read(reading: _Reading, start: int, count: int) -> bytes | bytearray:
    """Read a part of an open file.

    Raises: `ConnectionError` where its bytes are not the verified ones any more.
    """
    while True:
        piece = _read_at_hand(reading.opened, start, count)
        if piece is None:
            piece = await asyncio.to_thread(os.pread, reading.opened.descriptor, count, start)
        if len(piece) == count and reading.opened.untouched:
            return piece
        await _verify_again(reading)


def _read_at_hand(opened: Opened, start: int, count: int) -> bytes | bytearray | None:
    """Read a part of an open file if it lies in memory, where a thread would cost more than the reading."""
    piece = bytearray(count)
    try:
        received = os.preadv(opened.descriptor, [piece], start, os.RWF_NOWAIT)
    except OSError:
        return None  # the disk must be waited for, or its file system cannot tell
    return piece if received == count else None


async def _verify_again(reading: _Reading) -> None:
    """Hash a file that was touched.

    Raises: `ConnectionError` where it holds other bytes, or was touched too often.
    """
    if reading.hashings:
        reading.hashings -= 1
        again = reading.opened.again()
        if await hash_and_close(again, Algorithm.SHA256) == reading.sha256:
            reading.opened = replace(reading.opened, stamp=again.stamp)
            return
    raise ConnectionAbortedError("the file was touched while it was sent")


def _hash_and_close(opened: Opened, algorithm: Algorithm) -> str:
    try:
        return opened.digest(algorithm.value)
    finally:
        opened.close()
