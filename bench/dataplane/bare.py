"""A check that decides nothing: what is left of a check's cost when the decision is taken away. Its argument is its port."""

import asyncio
import sys
from typing import Any, cast

import httptools
import uvloop

_YES = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx-portico-application: app_0\r\n\r\n"


class _Connection(asyncio.Protocol):
    """A connection on which every request is answered with yes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser: Any = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """Answer."""
        self._transport.write(_YES)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
