"""Bounds the connections of clients: one more than there is room for ends the oldest that is idle.

A build tool opens dozens and leaves them open, and asks anew where one of them has ended meanwhile.
A connection on which something is being answered is never ended; where all are, whoever asks next
is told to ask again.  Descriptors are what runs out first, so the bound is theirs.
"""

import asyncio
import resource
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from aiohttp import web

MAX_CONNECTIONS = 1_024
SPARE_DESCRIPTORS = 128
"""Kept for upstream, the record and the policy's files."""
CLOSE_SECONDS = 5
"""How long a client may take for what was sent already on a connection that is ended."""
_DESCRIPTORS_EACH = 2
"""The connection, and the file that is sent on it."""
_MIN_CONNECTIONS = 16


class Server(web.Server):
    """A server of bounded connections; the bound is taken from the process's limits once, at its start."""

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        **settings: object,
    ) -> None:
        super().__init__(handler, handler_cancellation=True, **settings)  # type: ignore[arg-type]  # none is positional
        self.most = min(MAX_CONNECTIONS, _room())
        self._busy: set[web.RequestHandler] = set()

    @property
    def crowded(self) -> bool:
        """Whether more is being answered than there is room for."""
        return len(self._busy) > self.most

    @contextmanager
    def answering(self, request: web.BaseRequest) -> Iterator[None]:
        """Keep the connection of a request from being taken for idle."""
        self._busy.add(request.protocol)
        try:
            yield
        finally:
            self._busy.discard(request.protocol)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Take a connection in, and end idle ones, the oldest first, where they are too many."""
        super().connection_made(handler, transport)
        connections = self.connections
        excess = len(connections) - self.most
        for one in connections if excess > 0 else ():
            if one is not handler and one not in self._busy:
                self._end(one)
                excess -= 1
            if excess <= 0:
                return

    def _end(self, handler: web.RequestHandler) -> None:
        """End an idle connection; a client that does not read what it asked for is not waited for."""
        transport = handler.transport
        if transport is not None:
            # A small answer is with its transport as soon as `answering` is left, and that still sends it.
            handler.force_close()
            asyncio.get_running_loop().call_later(CLOSE_SECONDS, transport.abort)


def _room() -> int:
    """Say how many connections the descriptors of this process suffice for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max((soft - SPARE_DESCRIPTORS) // _DESCRIPTORS_EACH, _MIN_CONNECTIONS)
