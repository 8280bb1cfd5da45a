"""What the bus tests run on: the local bus on a file, and RabbitMQ on a private node of our own."""

import asyncio
import itertools
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import aio_pika

from chassis.bus import Bus, DeadLetter, Message
from chassis.errors import Conflict, Unavailable
from chassis.local import LocalBus
from chassis.rabbit import RabbitBus
from chassis.rabbit.link import within
from tests.rabbit_node import RabbitNode

BACKOFF = (0.05, 0.1)
_numbers = itertools.count(1)


class Heard:
    """A handler that remembers, and does `then` with each message."""

    def __init__(self, then: Callable[[Message], Awaitable[None]] | None = None) -> None:
        self.messages: list[Message] = []
        self._then = then

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)
        if self._then is not None:
            await self._then(message)

    @property
    def ids(self) -> list[str]:
        return [message.id for message in self.messages]

    async def count(self, wanted: int, seconds: float = 60.0) -> None:
        await eventually(lambda: len(self.messages) >= wanted, seconds)


async def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


def numbered(key: str, count: int, start: int = 0) -> list[Message]:
    return [Message(f"evt_{number:05}", key, f'{{"number": {number}}}'.encode()) for number in range(start, start + count)]


class Rig(Protocol):
    prefix: str

    def queue(self, name: str) -> str:
        """A queue name of this test's own."""

    def key(self, name: str) -> str:
        """A message key of this test's own."""

    async def bus(self, **options: Any) -> Bus:
        """A started bus; the test need not close it."""

    async def power_cut(self, bus: Bus, while_down: Callable[[Bus], Awaitable[None]], **options: Any) -> Bus:
        """Kill the broker without warning and start it again; returns the bus to go on with."""

    async def remove(self) -> None: ...


class _Named:
    def __init__(self) -> None:
        self.prefix = f"t{next(_numbers)}"
        self.queues: set[str] = set()
        self.buses: list[Bus] = []

    def queue(self, name: str) -> str:
        full = f"{self.prefix}.{name}"
        self.queues.add(full)
        return full

    def key(self, name: str) -> str:
        return f"{self.prefix}.{name}"


class LocalRig(_Named):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._path = folder / "bus.sqlite"

    async def bus(self, **options: Any) -> Bus:
        settings: dict[str, Any] = {"backoff_seconds": BACKOFF, "close_seconds": 1.0} | options
        bus = LocalBus(self._path, **settings)
        await bus.start()
        self.buses.append(bus)
        return bus

    async def power_cut(self, bus: Bus, while_down: Callable[[Bus], Awaitable[None]], **options: Any) -> Bus:
        # What the file and its log hold at this moment is what a killed process leaves behind.
        after = self._folder / f"after-{next(_numbers)}.sqlite"
        for suffix in ("", "-wal"):
            shutil.copyfile(f"{self._path}{suffix}", f"{after}{suffix}")
        await bus.close()
        await while_down(bus)
        self._path = after
        return await self.bus(**options)

    async def remove(self) -> None:
        for bus in self.buses:
            await bus.close()


class RabbitRig(_Named):
    def __init__(self, node: RabbitNode) -> None:
        super().__init__()
        self.node = node

    async def bus(self, **options: Any) -> Bus:
        settings: dict[str, Any] = {
            "url": self.node.url, "backoff_seconds": BACKOFF, "close_seconds": 1.0, "publish_seconds": 20.0, **options,
        }  # fmt: skip
        bus = RabbitBus(**settings)
        await bus.start()
        self.buses.append(bus)
        return bus

    async def power_cut(self, bus: Bus, while_down: Callable[[Bus], Awaitable[None]], **_options: Any) -> Bus:
        await asyncio.sleep(1)  # a quorum queue younger than this may come back empty
        self.node.kill()
        await eventually(lambda: not bus.is_connected)
        await while_down(bus)
        self.node.launch()
        await asyncio.to_thread(self.node.wait_until_it_speaks)
        await eventually(lambda: bus.is_connected)
        return bus

    async def remove(self) -> None:
        for bus in self.buses:
            await bus.close()
        # A queue that lost its leader can keep its deletion waiting without end; nobody else uses this test's queues.
        await within(10, self._delete_queues())

    async def _delete_queues(self) -> None:
        async with await aio_pika.connect(self.node.url) as connection:
            channel = await connection.channel()
            for queue in self.queues:
                await channel.queue_delete(queue)
                await channel.queue_delete(queue + ".dead")


class Wire:
    """A TCP connection to the broker that can be cut."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._open: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"amqp://guest:guest@127.0.0.1:{port}/"
        return self

    async def __aexit__(self, *_failure: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    def cut(self) -> None:
        """Reset every connection, both ways."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._open += [writer, far_writer]
        await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def publish_all(bus: Bus, messages: Sequence[Message]) -> None:
    assert await bus.publish(messages) == [True] * len(messages)


class AlreadyThere(Conflict):
    """It is there already."""


class NotYet(Unavailable):
    """It is not there yet."""


def failing(failure: BaseException) -> Heard:
    async def fail(_message: Message) -> None:
        raise failure

    return Heard(fail)


async def dead_letters(bus: Bus, queue: str, count: int) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    deadline = time.monotonic() + 60
    while len(found) != count:
        assert time.monotonic() < deadline, f"{len(found)} dead letters, not {count}"
        await asyncio.sleep(0.02)
        found = await bus.dead_letters(queue)
    return found
