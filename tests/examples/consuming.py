"""An example consumer as a process: started, watched, stopped, killed; nothing of it is left behind."""

import asyncio
import json
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import aio_pika

PATIENCE_SECONDS = 120.0
_numbers = count(1)


@dataclass(frozen=True)
class Program:
    """How a consumer is started, and where it lies."""

    command: tuple[str, ...]
    folder: Path


async def eventually(holds: Callable[[], bool], says: Callable[[], str]) -> None:
    """Wait until something holds."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not holds():  # noqa: ASYNC110 - the process tells us nothing
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"it did not happen in time: {says()}") from None


class Consumer:
    """One consumer with a queue and a store of its own."""

    def __init__(self, program: Program, url: str, folder: Path) -> None:
        self._program = program
        self._url = url
        self._log = folder / "consumer.log"
        self._process: Process | None = None
        self.queue = f"example.{os.getpid()}.{next(_numbers)}"
        self.environment = {
            "PATH": os.environ["PATH"],
            "CONSUMER_BROKER_URL": url,
            "CONSUMER_STORE": str(folder / "store"),
            "CONSUMER_QUEUE": self.queue,
            "CONSUMER_GAP_SECONDS": "0",
        }

    async def start(self) -> None:
        """Start it and wait until it consumes."""
        begins = self.told().count(f"consuming {self.queue}")
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._program.command, cwd=self._program.folder, env=self.environment, stdin=DEVNULL, stdout=log, stderr=log
            )
        await eventually(lambda: self.told().count(f"consuming {self.queue}") > begins, self.told)

    async def stop(self) -> int:
        """Ask it to stop and return its exit code."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(signal.SIGKILL)

    async def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        assert process is not None
        if process.returncode is None:
            process.send_signal(number)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise

    async def remove(self) -> None:
        """End it, and take its queues off the broker."""
        if self._process is not None:
            await self.kill()
        async with await aio_pika.connect(self._url) as connection:
            channel = await connection.channel()
            for name in (self.queue, f"{self.queue}.dead"):
                await channel.queue_delete(name)

    def told(self) -> str:
        """Return what it has logged."""
        return self._log.read_text() if self._log.exists() else ""

    def count(self, words: str) -> int:
        """Return how often it has logged something."""
        return self.told().count(words)

    async def says(self, words: str, times: int = 1) -> None:
        """Wait until it has logged something so often."""
        await eventually(lambda: self.count(words) >= times, self.told)

    async def once(self, *arguments: str, **environment: str) -> tuple[int | None, str, str]:
        """Run the program once with arguments; return its exit code and what it printed."""
        process = await asyncio.create_subprocess_exec(
            *self._program.command,
            *arguments,
            cwd=self._program.folder,
            env={**self.environment, **environment},
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                printed, complained = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.communicate()
            raise
        return process.returncode, printed.decode(), complained.decode()

    async def known(self) -> list[dict[str, Any]]:
        """Return the applications that it knows, by id."""
        code, printed, complained = await self.once("show")
        assert code == 0, complained
        found: list[dict[str, Any]] = json.loads(printed)
        return found

    async def comes_to_know(self, expected: list[dict[str, Any]]) -> None:
        """Wait until it knows exactly these applications."""
        known: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while (known := await self.known()) != expected:  # noqa: ASYNC110 - the process tells us nothing
                    await asyncio.sleep(0.2)
        except TimeoutError:
            raise AssertionError(f"it did not happen in time: {known} instead of {expected}\n{self.told()[-3000:]}") from None

    async def waiting(self, queue: str | None = None) -> int:
        """Return how many messages are ready in one of its queues."""
        async with await aio_pika.connect(self._url) as connection:
            channel = await connection.channel()
            found = await channel.declare_queue(queue or self.queue, passive=True)
            return found.declaration_result.message_count or 0
