"""A SQLite file and the one thread that touches it: the event loop never waits for the disk.

Whatever waits for the thread at a moment becomes one transaction, so that a hundred writers cost one flush.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from chassis.bus import BusUnavailable

JOBS_IN_ONE_TRANSACTION = 1_000
LOCK_SECONDS = 0.5  # a predecessor that is just ending may still hold the file

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    durable: bool
    answer: "asyncio.Future[Any]"
    result: Any = None
    failure: Exception | None = None


class Disk:
    """The file and the one thread that touches it."""

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._schema = schema
        self._loop = asyncio.get_running_loop()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._closed = asyncio.Event()
        self._thread = threading.Thread(target=self._serve, name=f"bus {path.name}", daemon=True)
        self.is_open = False

    async def open(self) -> None:
        """Open the file and bring it to its schema."""
        self._thread.start()
        await self._opened
        self.is_open = True

    async def run(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = False) -> T:
        """Run work within a transaction. ``durable`` work has survived a power cut when this returns."""
        if not self.is_open:
            raise BusUnavailable
        answer: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(work, durable, answer))
        return await answer

    async def close(self, seconds: float) -> None:
        """Finish what was asked for and close the file, within a bounded time."""
        if self.is_open:
            self.is_open = False
            self._jobs.put(None)
            try:
                async with asyncio.timeout(seconds):
                    await self._closed.wait()
            except TimeoutError:
                _log.warning("%s is still busy; its thread is left behind", self._path)

    def _serve(self) -> None:
        try:
            file = _opened_file(self._path, self._schema)
        except (sqlite3.Error, OSError) as failed:
            self._tell(self._opened.set_exception, BusUnavailable(f"The bus file {self._path} cannot be opened: {failed}"))
            return
        self._tell(self._opened.set_result, None)
        while self._serve_batch(file):
            pass
        file.close()
        self._tell(self._closed.set)

    def _serve_batch(self, file: sqlite3.Connection) -> bool:
        waiting = [self._jobs.get()]
        while waiting[-1] is not None and len(waiting) < JOBS_IN_ONE_TRANSACTION and not self._jobs.empty():
            waiting.append(self._jobs.get())
        jobs = [job for job in waiting if job is not None]
        if not _succeeds(file, jobs) and len(jobs) > 1:
            for job in jobs:  # one of them is to blame; the others shall not suffer
                _succeeds(file, [job])
        self._tell(_answer, jobs)
        return waiting[-1] is not None

    def _tell(self, call: Callable[..., object], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:  # the event loop is gone: nobody waits for the answer
            self._jobs.put(None)


def _opened_file(path: Path, schema: str) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = sqlite3.connect(path, isolation_level=None, timeout=LOCK_SECONDS)
    file.execute("PRAGMA locking_mode = EXCLUSIVE")  # a second process would not wake our consumers
    file.execute("PRAGMA journal_mode = WAL")
    file.executescript(schema)
    return file


def _succeeds(file: sqlite3.Connection, jobs: list[_Job]) -> bool:
    """Run the jobs in one transaction; where it fails, none of them has happened."""
    try:
        # What only records progress need not reach the disk at once: after a power cut those messages come again.
        file.execute(f"PRAGMA synchronous = {'FULL' if any(job.durable for job in jobs) else 'NORMAL'}")
        file.execute("BEGIN IMMEDIATE")
        for job in jobs:
            job.result = job.work(file)
        file.execute("COMMIT")
    except Exception as failure:  # noqa: BLE001 - it is handed to those who wait
        if file.in_transaction:
            file.execute("ROLLBACK")
        for job in jobs:
            job.failure = failure
        return False
    for job in jobs:
        job.failure = None
    return True


def _answer(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.answer.done():
            continue
        if job.failure is None:
            job.answer.set_result(job.result)
        elif isinstance(job.failure, sqlite3.Error):
            unavailable = BusUnavailable(f"The bus file cannot be used: {job.failure}")
            unavailable.__cause__ = job.failure
            job.answer.set_exception(unavailable)
        else:
            job.answer.set_exception(job.failure)
