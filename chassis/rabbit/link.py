"""The connection to the broker, which can always be ended: in order where the broker answers, by force where it does not."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any

from aio_pika import Connection
from aio_pika.connection import make_url
from aiormq.connection import TCPTransportFactory, TLSTransportFactory, TransportFactory
from yarl import URL

DISCONNECT_SECONDS = 3.0

_log = logging.getLogger(__name__)


class Link:
    """A connection, and the socket below it."""

    def __init__(self, url: str, heartbeat_seconds: int) -> None:
        self._sockets = _RememberingFactory()
        self.connection = Connection(make_url(url, heartbeat=heartbeat_seconds))
        self.connection.kwargs["transport_factory"] = self._sockets

    async def close(self) -> None:
        """Close the connection; a silent broker delays that by a few seconds and no more."""
        if not await within(DISCONNECT_SECONDS, self.connection.close()):
            _log.warning("the message bus does not answer: its connection is cut off")
            # What waits in the socket's buffer would otherwise keep the closing waiting for as long as the broker is silent.
            self._sockets.abort()


class _RememberingFactory(TransportFactory):
    """Makes the usual transports, and keeps hold of the last one."""

    def __init__(self) -> None:
        self._writer: asyncio.StreamWriter | None = None

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect."""
        factory = TLSTransportFactory() if url.scheme == "amqps" else TCPTransportFactory()
        reader, self._writer = await factory.create(url, **kwargs)
        return reader, self._writer

    def abort(self) -> None:
        """Drop the socket and what waits in its buffer."""
        if self._writer is not None:
            self._writer.transport.abort()


async def within(seconds: float, work: Awaitable[object]) -> bool:
    """Run work for at most so long, and say whether it ended; what does not end is cancelled, and not waited for."""
    task = asyncio.ensure_future(work)
    await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        task.cancel()
        return False
    if not task.cancelled() and task.exception() is not None:
        _log.info("leaving the message bus: %r", task.exception())
    return True
