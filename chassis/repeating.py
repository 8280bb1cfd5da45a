"""Work in the background that is done again and again: what is due now, and a moment later what is due then."""

import asyncio
import contextlib
from abc import ABC, abstractmethod

from chassis.mongo import DatabaseUnavailable
from chassis.tasks import end_task
from chassis.telemetry import log


class Repeating(ABC):
    """A service's worker that looks what is due, every so many seconds, or at once when ``wanted`` is set.

    A failure is logged and the next look comes all the same; so ``look`` leaves what it could not do where it finds it again. Any
    number of processes may run one, where ``look`` takes each thing once.
    """

    def __init__(self, name: str, *, every_seconds: float, wanted: asyncio.Event | None = None) -> None:
        self._name = name
        self._every_seconds = every_seconds
        self._wanted = wanted or asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._log = log(name)

    @abstractmethod
    async def look(self) -> None:
        """Do what is due now."""

    async def start(self) -> None:
        """Begin to look in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)

    async def close(self) -> None:
        """Stop; what is not done yet is still due."""
        if self._task is not None:
            await end_task(self._task)
            self._task = None

    async def _run(self) -> None:
        while True:
            self._wanted.clear()
            try:
                await self.look()
            except DatabaseUnavailable:
                self._log.warning("the database does not answer; what is due waits")
            except Exception:  # noqa: BLE001 - whatever happened to one thing, the others are still due
                self._log.exception("a look failed; trying again")
            # Not wait_for: in Python 3.11 it loses a cancellation that comes as the wait ends, and `close` would wait for ever.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every_seconds):
                    await self._wanted.wait()
