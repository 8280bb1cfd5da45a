"""Servers on loopback that answer whatever a test wants, byte by byte, and remember what they were asked."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Write = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = b"", *headers: str, status: str = "200 OK") -> bytes:
    """Return a whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    """Return an answer that leads elsewhere."""
    return answer(b"", f"Location: {location}", status=status)


@dataclass
class Served:
    """A server that listens; ``answers`` are given in turn, the last one for ever."""

    answers: list[bytes | Write]
    port: int = 0
    asked: list[str] = field(default_factory=list)
    reached: list[str] = field(default_factory=list)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ssl.SSLError):
                await self._answer(await reader.readuntil(b"\r\n\r\n"), writer)
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        self.asked.append(head.decode())
        self.reached.append(writer.get_extra_info("sockname")[0])
        given = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(given, bytes):
            writer.write(given)
            await writer.drain()
        else:
            await given(writer)


@contextlib.asynccontextmanager
async def served(*answers: bytes | Write, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[Served]:
    """Serve on a port of loopback."""
    here = Served(list(answers))
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        task = asyncio.get_running_loop().create_task(here.take(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, host, 0, ssl=tls)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await server.wait_closed()
