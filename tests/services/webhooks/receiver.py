"""A receiver of webhooks on loopback, as somebody outside would write one: it takes what comes, or does what a test wants."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

TAKEN = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def saying(status: str, *headers: str, body: bytes = b"") -> bytes:
    """Return a whole answer."""
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]).encode() + body


@dataclass(frozen=True)
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.body)
        return read


Answer = bytes | Awaitable[bytes]


@dataclass
class Receiver:
    """A server that can go away and come back at the same port; ``answer`` says what each request gets."""

    answer: Callable[[Got], Answer] = field(default=lambda _: TAKEN)
    port: int = 0
    got: list[Got] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    _server: asyncio.Server | None = None
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.got]

    async def up(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._server.wait_closed()
            self._server = None

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._take(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                got = Got(head[0].split(" ")[1], headers, body)
                self.got.append(got)
                answer = self.answer(got)
                writer.write(answer if isinstance(answer, bytes) else await answer)
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        finally:
            self.at_once -= 1
            writer.transport.abort()


@contextlib.asynccontextmanager
async def receiving(answer: Callable[[Got], Answer] = lambda _: TAKEN) -> AsyncIterator[Receiver]:
    """Have a receiver that is up."""
    receiver = Receiver(answer)
    await receiver.up()
    try:
        yield receiver
    finally:
        await receiver.down()
