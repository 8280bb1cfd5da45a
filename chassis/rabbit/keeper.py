"""The bus itself: it keeps a session alive and hands work to it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aio_pika.abc import AbstractIncomingMessage

from chassis.bus import (
    BACKOFF_SECONDS,
    DEAD_LETTERS_SHOWN,
    DELIVERY_LIMIT,
    BusUnavailable,
    Counts,
    DeadLetter,
    Handle,
    Listener,
    Message,
    NoSuchDeadLetter,
    Reaction,
    in_fresh_context,
)
from chassis.rabbit.plan import Plan
from chassis.rabbit.session import Session
from chassis.rabbit.wire import bounded, headers_for, read, read_dead
from chassis.tasks import end_task

RECONNECT_SECONDS = 1.0
HEARTBEAT_SECONDS = 10  # a broker that falls silent is given up after three times as long
CONNECT_SECONDS = 10.0
PUBLISH_SECONDS = 5.0
CLOSE_SECONDS = 5.0
_READ_A_SECOND = 500
DEAD_LETTERS_REACHED = 10_000
"""Among how many of a queue's dead letters one is looked for: the broker hands them over one by one, and takes them back."""

_log = logging.getLogger(__name__)


class RabbitBus:
    """A bus on a RabbitMQ broker; see `chassis.bus` for what it promises."""

    def __init__(
        self,
        url: str,
        *,
        backoff_seconds: Sequence[float] = BACKOFF_SECONDS,
        delivery_limit: int = DELIVERY_LIMIT,
        connect_seconds: float = CONNECT_SECONDS,
        publish_seconds: float = PUBLISH_SECONDS,
        close_seconds: float = CLOSE_SECONDS,
        heartbeat_seconds: int = HEARTBEAT_SECONDS,
    ) -> None:
        self._url = url
        self._plan = Plan(tuple(backoff_seconds), delivery_limit)
        self._connect_seconds = connect_seconds
        self._publish_seconds = publish_seconds
        self._close_seconds = close_seconds
        self._heartbeat_seconds = heartbeat_seconds
        self._session: Session | None = None
        self._is_up = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._last_failure: BaseException | None = None

    @property
    def is_connected(self) -> bool:
        """Whether there is a working connection."""
        return self._is_up.is_set()

    async def start(self) -> None:
        """Connect; from now on a lost connection is made again by itself."""
        self._keeper = in_fresh_context(self._keep_connected())
        try:
            await self._connected(self._connect_seconds)
        except BaseException:
            await self._stop_keeper()
            raise

    async def close(self) -> None:
        """Let handlers end for a bounded time, then disconnect; what was not acknowledged comes again."""
        for listener in self._plan.listeners:
            listener.stop()
        await self._stop_keeper()
        session, self._session = self._session, None
        self._is_up.clear()
        plan, at_work = self._plan, self._plan.at_work
        if session is not None:
            await session.finish(plan, self._close_seconds)
        await asyncio.gather(*(end_task(task, seconds=self._close_seconds) for task in list(at_work)))
        if session is not None:
            await session.close()
        self._plan = Plan(self._plan.backoff_seconds, self._plan.delivery_limit)

    async def declare(self, reactions: Sequence[Reaction]) -> None:
        """Make the reactions' queues and bindings exist."""
        self._plan.reactions.update({each.queue: each for each in reactions})
        await self._arrange()

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        """Publish all at once, and wait for the broker's confirms."""
        async with bounded(self._publish_seconds):
            session = await self._connected(self._publish_seconds)
            return await session.outgoing.publish(messages)

    async def react(self, reaction: Reaction) -> None:
        """Consume the reaction's queue, now and after every reconnection."""
        if reaction.queue in self._plan.consumed:
            raise ValueError(f"{reaction.queue} has its reaction already")
        self._plan.reactions[reaction.queue] = reaction
        self._plan.consumed.add(reaction.queue)
        await self._arrange()

    async def listen(self, keys: Sequence[str], handle: Handle) -> Listener:
        """Hear matching messages by an exclusive queue, which each reconnection makes anew."""
        listener = Listener(keys, handle, self._forget)
        self._plan.listeners.append(listener)
        await self._arrange()
        return listener

    async def put(self, queue: str, messages: Sequence[Message]) -> None:
        """Send all to the queue by its name at once, and wait for the broker's confirms."""
        async with bounded(self._publish_seconds):
            session = await self._connected(self._publish_seconds)
            await session.outgoing.put(queue, messages)

    async def counts(self, queue: str) -> Counts:
        """Ask the broker how much is ready in the queue, and in that of its dead letters."""
        async with bounded(self._publish_seconds):
            session = await self._connected(self._publish_seconds)
            return await session.counts(queue)

    async def dead_letters(self, queue: str, most: int = DEAD_LETTERS_SHOWN) -> list[DeadLetter]:
        """Return the queue's dead letters, oldest first, leaving them where they are."""
        async with self._dead(queue, most) as (_, letters):
            found = {letter.message.id: letter for letter in (read_dead(each) for each in letters)}
            return list(found.values())

    async def replay_dead(self, queue: str, id: str) -> None:  # noqa: A002 - it is the message's id
        """Put a dead letter back into its queue: the copy is confirmed before the dead letter goes."""
        await self._take_out(queue, id, replays=True)

    async def discard_dead(self, queue: str, id: str) -> None:  # noqa: A002 - it is the message's id
        """Remove a dead letter."""
        await self._take_out(queue, id, replays=False)

    async def _take_out(self, queue: str, message_id: str, *, replays: bool) -> None:
        async with self._dead(queue) as (session, letters):
            meant = [each for each in letters if read(each).id == message_id]
            if meant and replays:
                message = read(meant[-1])
                await session.outgoing.forward("", queue, headers_for(message, attempt=1), message)
            for each in meant:  # at least once: the same message may have died twice
                letters.remove(each)
                await each.ack()
        if not meant:
            raise NoSuchDeadLetter

    @asynccontextmanager
    async def _dead(
        self, queue: str, most: int = DEAD_LETTERS_REACHED
    ) -> AsyncIterator[tuple[Session, list[AbstractIncomingMessage]]]:
        """Take the dead letters in hand; those still in the list at the end go back."""
        async with bounded(self._publish_seconds * 2 + most / _READ_A_SECOND):
            session = await self._connected(self._publish_seconds)
            async with session.dead_letters(queue, most) as letters:
                yield session, letters

    async def _arrange(self) -> None:
        async with bounded(self._connect_seconds):
            session = await self._connected(self._connect_seconds)
            await session.arrange(self._plan)

    async def _forget(self, listener: Listener) -> None:
        if listener in self._plan.listeners:
            self._plan.listeners.remove(listener)
        if self._session is not None:
            await self._session.stop_listening(listener)

    async def _connected(self, seconds: float) -> "Session":
        if self._keeper is None:
            raise BusUnavailable("The message bus is not started.")
        try:
            async with asyncio.timeout(seconds):
                while self._session is None:
                    await self._is_up.wait()
        except TimeoutError:
            raise BusUnavailable(f"There is no connection to the message bus: {self._last_failure!r}") from None
        return self._session

    async def _keep_connected(self) -> None:
        while True:
            try:
                async with bounded(self._connect_seconds):
                    session = await Session.open(self._url, self._plan, self._heartbeat_seconds)
            except BusUnavailable as failed:
                self._last_failure = failed
                _log.warning("%s Next try in %g s.", failed, RECONNECT_SECONDS)
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            self._session = session
            self._is_up.set()
            await session.broken.wait()
            self._is_up.clear()
            self._session = None
            _log.warning("the connection to the message bus was lost: %r", session.cause)
            await session.close()

    async def _stop_keeper(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await end_task(keeper)
