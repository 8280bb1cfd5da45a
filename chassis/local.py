"""The bus of the one process: RabbitMQ's semantics on one SQLite file.

A message whose publish returned is on the disk. One thread owns the file; what waits for it at a moment is one transaction,
so that many publishes cost one flush (see `chassis.disk`). The file belongs to one process at a time.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from chassis.bus import (
    BACKOFF_SECONDS,
    DEAD_LETTERS_SHOWN,
    DELIVERY_LIMIT,
    RETRIES_EXHAUSTED,
    Bury,
    BusUnavailable,
    Counts,
    DeadLetter,
    Handle,
    Listener,
    Message,
    NoSuchDeadLetter,
    NoSuchQueue,
    Reaction,
    Retry,
    Verdict,
    in_fresh_context,
    matches,
    try_once,
)
from chassis.disk import Disk
from chassis.tasks import end_task

PUBLISH_SECONDS = 5.0
CLOSE_SECONDS = 5.0

# A message's state: 0 ready, 1 handed out, 2 delayed until its not_before.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS bindings (queue TEXT, pattern TEXT, PRIMARY KEY (queue, pattern)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    position INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 1, deliveries INTEGER NOT NULL DEFAULT 0, state INTEGER NOT NULL DEFAULT 0, not_before REAL);
CREATE INDEX IF NOT EXISTS by_state ON messages (queue, state, position);
CREATE INDEX IF NOT EXISTS by_due_time ON messages (queue, not_before) WHERE state = 2;
CREATE TABLE IF NOT EXISTS dead (
    position INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, id TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL,
    attempt INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL, at REAL NOT NULL, UNIQUE (queue, id));
UPDATE messages SET state = 0 WHERE state = 1;
"""
_INSERT = "INSERT INTO messages (queue, id, key, body) VALUES (?, ?, ?, ?)"
_PROMOTE = "UPDATE messages SET state = 0 WHERE queue = ? AND state = 2 AND not_before <= ?"
_TAKE = """UPDATE messages SET state = 1, deliveries = deliveries + 1 WHERE position IN
    (SELECT position FROM messages WHERE queue = ? AND state = 0 ORDER BY position LIMIT ?)
    RETURNING position, deliveries, id, key, body, attempt"""
_NEXT_DUE = "SELECT min(not_before) FROM messages WHERE queue = ? AND state = 2"
_DELAY = "UPDATE messages SET state = 2, attempt = attempt + 1, deliveries = 0, not_before = ? WHERE position = ?"
_REMOVE = "DELETE FROM messages WHERE position = ?"
_BURY = """INSERT OR REPLACE INTO dead (queue, id, key, body, attempt, code, reason, at)
    SELECT queue, id, key, body, attempt, ?, ?, ? FROM messages WHERE position = ?"""
_READ_DEAD = "SELECT id, key, body, attempt, code, reason, at FROM dead WHERE queue = ? ORDER BY position LIMIT ?"
_COUNTS = "SELECT (SELECT count(*) FROM messages WHERE queue = ?1), (SELECT count(*) FROM dead WHERE queue = ?1)"
_REPLAY = "INSERT INTO messages (queue, id, key, body) SELECT queue, id, key, body FROM dead WHERE queue = ? AND id = ?"
_DISCARD = "DELETE FROM dead WHERE queue = ? AND id = ?"

T = TypeVar("T")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Taken:
    position: int
    message: Message


class LocalBus:
    """A durable bus for one process; see `chassis.bus` for what it promises."""

    def __init__(
        self,
        path: Path | str,
        *,
        backoff_seconds: Sequence[float] = BACKOFF_SECONDS,
        delivery_limit: int = DELIVERY_LIMIT,
        publish_seconds: float = PUBLISH_SECONDS,
        close_seconds: float = CLOSE_SECONDS,
    ) -> None:
        self.delivery_limit = delivery_limit
        self.backoff_seconds = tuple(backoff_seconds)
        self._path = Path(path)
        self._publish_seconds = publish_seconds
        self._close_seconds = close_seconds
        self._disk: Disk | None = None
        self._bindings: set[tuple[str, str]] = set()
        self._routes: dict[str, tuple[str, ...]] = {}
        self._consumers: dict[str, _Consumer] = {}
        self._listeners: list[Listener] = []

    @property
    def is_connected(self) -> bool:
        """Whether the file is open."""
        return self._disk is not None and self._disk.is_open

    async def start(self) -> None:
        """Open the file; what an earlier process had in hand is ready again."""
        disk = Disk(self._path, _SCHEMA)
        await disk.open()
        self._bindings = await disk.run(lambda file: set(file.execute("SELECT queue, pattern FROM bindings")))
        self._routes.clear()
        self._disk = disk

    async def close(self) -> None:
        """Stop handing out, let handlers end for a bounded time, close the file."""
        disk, self._disk = self._disk, None
        consumers, self._consumers = list(self._consumers.values()), {}
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.stop()
        await asyncio.gather(*(consumer.close(self._close_seconds) for consumer in consumers))
        if disk is not None:
            await disk.close(self._close_seconds)

    async def declare(self, reactions: Sequence[Reaction]) -> None:
        """Remember the reactions' queues and patterns, in the file too."""
        added = {(reaction.queue, key) for reaction in reactions for key in reaction.keys} - self._bindings
        if added:
            await self._run(lambda file: _bind(file, sorted(added)), durable=True)
            self._bindings |= added
            self._routes.clear()

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        """Write the messages into every queue that wants them, and return when they are on the disk."""
        await self._insert([(name, each.id, each.key, each.body) for each in messages for name in self._queues_for(each.key)])
        return [self._offer(each) or bool(self._queues_for(each.key)) for each in messages]

    async def put(self, queue: str, messages: Sequence[Message]) -> None:
        """Write the messages into one queue, and return when they are on the disk."""
        self._require_queue(queue)
        await self._insert([(queue, each.id, each.key, each.body) for each in messages])

    async def counts(self, queue: str) -> Counts:
        """Count what is in a queue: what waits, is handed out or delayed; and its dead letters."""
        self._require_queue(queue)
        return Counts(*await self._run(lambda file: file.execute(_COUNTS, (queue,)).fetchone()))

    async def _insert(self, rows: list[tuple[str, str, str, bytes]]) -> None:
        try:
            async with asyncio.timeout(self._publish_seconds):
                await self._run(lambda file: file.executemany(_INSERT, rows), durable=True)
        except TimeoutError:
            raise BusUnavailable from None
        for name in {row[0] for row in rows}:
            self._wake(name)

    def _require_queue(self, queue: str) -> None:
        if all(name != queue for name, _ in self._bindings):
            raise NoSuchQueue(f"The bus has no queue {queue}.")

    async def react(self, reaction: Reaction) -> None:
        """Hand the queue's messages to the handler, up to ``prefetch`` at once."""
        if reaction.queue in self._consumers:
            raise ValueError(f"{reaction.queue} has its reaction already")
        await self.declare([reaction])
        if self._disk is None:
            raise BusUnavailable
        self._consumers[reaction.queue] = _Consumer(self, self._disk, reaction)

    async def listen(self, keys: Sequence[str], handle: Handle) -> Listener:
        """Hear every message whose key matches, from now on."""
        if self._disk is None:
            raise BusUnavailable
        listener = Listener(keys, handle, self._forget)
        self._listeners.append(listener)
        return listener

    async def dead_letters(self, queue: str, most: int = DEAD_LETTERS_SHOWN) -> list[DeadLetter]:
        """Return the queue's dead letters, oldest first."""
        rows = await self._run(lambda file: file.execute(_READ_DEAD, (queue, most)).fetchall())
        return [DeadLetter(Message(*row[:4]), row[4], row[5], datetime.fromtimestamp(row[6], UTC)) for row in rows]

    async def replay_dead(self, queue: str, id: str) -> None:  # noqa: A002 - it is the message's id
        """Put a dead letter back into its queue."""

        def replay(file: sqlite3.Connection) -> int:
            file.execute(_REPLAY, (queue, id))
            return file.execute(_DISCARD, (queue, id)).rowcount

        if not await self._run(replay, durable=True):
            raise NoSuchDeadLetter
        self._wake(queue)

    async def discard_dead(self, queue: str, id: str) -> None:  # noqa: A002 - it is the message's id
        """Remove a dead letter."""
        if not await self._run(lambda file: file.execute(_DISCARD, (queue, id)).rowcount, durable=True):
            raise NoSuchDeadLetter

    def _wake(self, queue: str) -> None:
        consumer = self._consumers.get(queue)
        if consumer is not None:
            consumer.wake()

    def _queues_for(self, key: str) -> tuple[str, ...]:
        found = self._routes.get(key)
        if found is None:
            found = tuple(sorted({name for name, pattern in self._bindings if matches(pattern, key)}))
            self._routes[key] = found
        return found

    def _offer(self, message: Message) -> bool:
        wanting = [each for each in self._listeners if any(matches(pattern, message.key) for pattern in each.keys)]
        for listener in wanting:
            listener.offer(message)
        return bool(wanting)

    async def _forget(self, listener: Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)

    async def _run(self, job: Callable[[sqlite3.Connection], T], *, durable: bool = False) -> T:
        if self._disk is None:
            raise BusUnavailable
        return await self._disk.run(job, durable=durable)


class _Consumer:
    """Hands one queue's messages to its reaction, in order, at most ``prefetch`` at a time."""

    def __init__(self, bus: LocalBus, disk: Disk, reaction: Reaction) -> None:
        self._reaction = reaction
        self._disk = disk
        self._backoff_seconds = bus.backoff_seconds
        self._delivery_limit = bus.delivery_limit
        self._awake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._pump = in_fresh_context(self._hand_out())

    def wake(self) -> None:
        self._awake.set()

    async def close(self, seconds: float) -> None:
        await end_task(self._pump)
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        await asyncio.gather(*(end_task(task, seconds=seconds) for task in self._running))

    async def _hand_out(self) -> None:
        while True:
            self._awake.clear()
            try:
                wait_seconds = await self._take()
            except BusUnavailable:
                _log.exception("%s cannot read its messages", self._reaction.queue)
                wait_seconds = 1.0
            try:
                async with asyncio.timeout(wait_seconds):
                    await self._awake.wait()
            except TimeoutError:
                pass

    async def _take(self) -> float | None:
        """Take what there is room for, and return how long there is nothing more to do."""
        room = self._reaction.prefetch - len(self._running)
        if room <= 0:
            return None
        name, limit = self._reaction.queue, self._delivery_limit
        taken, due_at = await self._disk.run(lambda file: _take(file, name, room, limit))
        for each in taken:
            task = in_fresh_context(self._handle(each))
            self._running.add(task)
            task.add_done_callback(self._ended)
        if len(taken) == room or due_at is None:
            return None
        return max(0.0, due_at - time.time())

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._awake.set()

    async def _handle(self, taken: _Taken) -> None:
        verdict = await try_once(self._reaction, taken.message, self._backoff_seconds)
        while self._disk.is_open:
            try:
                await self._disk.run(lambda file: _settle(file, taken.position, verdict))
            except BusUnavailable:
                _log.exception("%s cannot settle message %s yet", self._reaction.queue, taken.message.id)
                await asyncio.sleep(1)
            else:
                return


def _bind(file: sqlite3.Connection, bindings: Iterable[tuple[str, str]]) -> None:
    file.executemany("INSERT OR IGNORE INTO bindings VALUES (?, ?)", bindings)


def _take(file: sqlite3.Connection, queue_name: str, room: int, delivery_limit: int) -> tuple[list[_Taken], float | None]:
    """Mark the next messages as handed out; return them, and when the next delayed one is due."""
    file.execute(_PROMOTE, (queue_name, time.time()))
    taken = []
    for position, deliveries, *fields in sorted(file.execute(_TAKE, (queue_name, room)).fetchall()):
        if deliveries > delivery_limit + 1:
            reason = f"handed out {deliveries - 1} times without an answer"
            _settle(file, position, Bury(RETRIES_EXHAUSTED, reason))
        else:
            taken.append(_Taken(position, Message(*fields)))
    return taken, file.execute(_NEXT_DUE, (queue_name,)).fetchone()[0]


def _settle(file: sqlite3.Connection, position: int, verdict: Verdict) -> None:
    if isinstance(verdict, Retry):
        file.execute(_DELAY, (time.time() + verdict.after_seconds, position))
        return
    if isinstance(verdict, Bury):
        file.execute(_BURY, (verdict.code, verdict.reason, time.time(), position))
    file.execute(_REMOVE, (position,))
