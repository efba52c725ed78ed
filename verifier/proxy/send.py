"""Sends verified bytes, and sees to it that they are the verified ones up to the last.

A file is opened once and read by its descriptor: a name that leads elsewhere by now changes
nothing.  Every piece is read into memory, then the descriptor is asked whether the file was touched,
and only then do the bytes leave: what leaves was read before the last moment at which the file was
known to be the verified one.  A write that is undone again does not pass either, since the time of
change cannot be set back.  Where the file was touched the connection ends early, which no client
takes for a whole file.
"""

import asyncio
import os

from aiohttp import web

from verifier.cache import Opened
from verifier.proxy.responses import Answer, Span

SMALL_BYTES = 256 * 1024
"""What is read at once, without a thread, and sent with its headers."""
PIECE_BYTES = 512 * 1024
STALL_SECONDS = 300
"""How long a client may take for one piece."""
_SERVER = {"Server": "verifier"}


def respond(answer: Answer, *, close: bool = False) -> web.Response:
    """Make the response of an answer."""
    response = web.Response(
        status=answer.status, reason=answer.phrase, body=answer.body, headers=answer.headers | _SERVER
    )
    if close:
        response.force_close()
    return response


async def send(request: web.BaseRequest, opened: Opened, span: Span) -> web.StreamResponse:
    """Send a part of a verified file, or to HEAD what would be its headers.

    Raises: `ConnectionError` where the client went away, is too slow or must not have the rest.
    """
    headers = span.headers | _SERVER
    if request.method == "HEAD" or span.count == 0:
        headers["Content-Length"] = str(span.count)
        return web.Response(status=span.status, reason=span.phrase, headers=headers)
    if span.count <= SMALL_BYTES:
        body = _read(opened, span.start, span.count)
        return web.Response(status=span.status, reason=span.phrase, headers=headers, body=body)
    response = web.StreamResponse(status=span.status, reason=span.phrase, headers=headers)
    response.content_length = span.count
    await response.prepare(request)
    try:
        await _send_pieces(response, opened, span)
        await response.write_eof()
    except TimeoutError as error:
        raise ConnectionAbortedError("the client is too slow") from error
    return response


async def _send_pieces(response: web.StreamResponse, opened: Opened, span: Span) -> None:
    at, end = span.start, span.start + span.count
    while at < end:
        piece = await asyncio.to_thread(_read, opened, at, min(PIECE_BYTES, end - at))
        async with asyncio.timeout(STALL_SECONDS):
            await response.write(piece)
        at += len(piece)


def _read(opened: Opened, start: int, count: int) -> bytes:
    """Read a part of an open file.

    Raises: `ConnectionError` where it is not the verified file any more.
    """
    piece = os.pread(opened.descriptor, count, start)
    if len(piece) != count or not opened.untouched:
        raise ConnectionAbortedError("the file was touched while it was sent")
    return piece
