"""One connection to the broker and everything on it, from its making to its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import ChannelNotFoundEntity

from chassis.bus import Counts, Listener, NoSuchQueue, Reaction
from chassis.rabbit.consumer import Consumer
from chassis.rabbit.link import DISCONNECT_SECONDS, Link, within
from chassis.rabbit.outgoing import Outgoing
from chassis.rabbit.plan import Plan
from chassis.rabbit.wire import EXCHANGE, dead_letter_arguments, milliseconds, read, retry_name

# Reading dead letters hands them back, and each time counts as a delivery; newer brokers drop after twenty by default.
NEVER = 1_000_000


class Session:
    """One connection and everything on it."""

    def __init__(self, link: Link, events: AbstractChannel, plain: AbstractChannel) -> None:
        self.broken = asyncio.Event()
        self.cause: BaseException | None = None
        self._link = link
        self.outgoing = Outgoing(events)
        self._plain = plain
        self._arranging = asyncio.Lock()
        self._reading_dead = asyncio.Lock()
        self._dead: AbstractChannel | None = None
        self._declared: dict[str, tuple[str, ...]] = {}
        self._consumers: dict[str, Consumer] = {}
        self._listening: dict[Listener, AbstractChannel] = {}
        link.connection.close_callbacks.add(self._on_broken)
        for channel in (events, plain):
            channel.close_callbacks.add(self._on_broken)

    @classmethod
    async def open(cls, url: str, plan: Plan, heartbeat_seconds: int) -> "Session":
        """Connect, declare the topology and resume every consumer."""
        link = Link(url, heartbeat_seconds)
        try:
            await link.connection.connect()
            events = link.connection.channel(publisher_confirms=True, on_return_raises=True)
            plain = link.connection.channel()
            for channel in (events, plain):
                await channel.initialize()
            session = cls(link, events, plain)
            await session._declare_exchanges(plan)
            await session.arrange(plan)
        except BaseException:
            await link.close()
            raise
        return session

    async def _declare_exchanges(self, plan: Plan) -> None:
        await self._plain.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        for seconds in plan.backoff_seconds:
            name = retry_name(seconds)
            await self._plain.declare_exchange(name, aio_pika.ExchangeType.FANOUT, durable=True)
            arguments = dead_letter_arguments() | {"x-message-ttl": milliseconds(seconds)}
            waiting = await self._plain.declare_queue(name, durable=True, arguments=arguments)
            await waiting.bind(name)

    async def arrange(self, plan: Plan) -> None:
        """Bring this connection to what the plan asks for."""
        async with self._arranging:
            for reaction in list(plan.reactions.values()):
                await self._declare(reaction, plan)
            for queue in sorted(plan.consumed - self._consumers.keys()):
                await self._consume(plan.reactions[queue], plan)
            for listener in [each for each in plan.listeners if each not in self._listening]:
                await self._listen(listener)

    async def _declare(self, reaction: Reaction, plan: Plan) -> None:
        if self._declared.get(reaction.queue) == reaction.keys:
            return
        dead = reaction.queue + ".dead"
        await self._plain.declare_queue(dead, durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": NEVER})
        arguments = dead_letter_arguments(dead) | {"x-delivery-limit": plan.delivery_limit}
        queue = await self._plain.declare_queue(reaction.queue, durable=True, arguments=arguments)
        for key in reaction.keys:
            await queue.bind(EXCHANGE, key)
        self._declared[reaction.queue] = reaction.keys

    async def _consume(self, reaction: Reaction, plan: Plan) -> None:
        channel = await self._breakable_channel()
        await channel.set_qos(prefetch_count=reaction.prefetch)
        consumer = Consumer(self.outgoing, channel, reaction, plan)
        await consumer.begin()
        self._consumers[reaction.queue] = consumer

    async def _listen(self, listener: Listener) -> None:
        channel = await self._breakable_channel()
        queue = await channel.declare_queue(exclusive=True, auto_delete=True)
        for key in listener.keys:
            await queue.bind(EXCHANGE, key)

        async def hear(incoming: AbstractIncomingMessage) -> None:
            listener.offer(read(incoming))

        await queue.consume(hear, no_ack=True)
        self._listening[listener] = channel
        listener.renewed()

    async def _breakable_channel(self) -> AbstractChannel:
        channel = self._link.connection.channel()
        await channel.initialize()
        channel.close_callbacks.add(self._on_broken)
        (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(self._on_cancelled_consumer)
        return channel

    def _on_broken(self, _sender: object, cause: BaseException | None) -> None:
        self.cause = self.cause or cause
        self.broken.set()

    def _on_cancelled_consumer(self, frame: object) -> None:
        self._on_broken(None, RuntimeError(f"the broker cancelled a consumer: {frame!r}"))

    async def stop_listening(self, listener: Listener) -> None:
        """End a listener's channel, and with it its queue."""
        channel = self._listening.pop(listener, None)
        if channel is not None:
            channel.close_callbacks.discard(self._on_broken)
            await within(DISCONNECT_SECONDS, channel.close())

    @asynccontextmanager
    async def dead_letters(self, queue: str, most: int) -> AsyncIterator[list[AbstractIncomingMessage]]:
        """Take the dead letters of a queue in hand; those still in the list at the end go back in their order."""
        async with self._reading_dead:
            try:
                letters = await self._fetch_dead(queue, most)
                yield letters
                for letter in letters:
                    await letter.nack(requeue=True)
            except BaseException as failed:
                self._on_broken(None, failed)  # what is in hand goes back with the connection
                raise

    async def counts(self, queue: str) -> Counts:
        """Count what is ready in a queue, and its dead letters. Raises `NoSuchQueue`."""
        async with self._reading_dead:
            waiting = await self._count(queue)
            if waiting is None:
                raise NoSuchQueue(f"The bus has no queue {queue}.")
            return Counts(waiting, await self._count(queue + ".dead") or 0)

    async def _count(self, queue: str) -> int | None:
        channel = await self._looking_channel()
        with suppress(ChannelNotFoundEntity):  # this closes the channel
            return (await channel.declare_queue(queue, passive=True)).declaration_result.message_count
        return None

    async def _looking_channel(self) -> AbstractChannel:
        if self._dead is None or self._dead.is_closed:
            self._dead = self._link.connection.channel()
            await self._dead.initialize()
        return self._dead

    async def _fetch_dead(self, queue: str, most: int) -> list[AbstractIncomingMessage]:
        # Always on the same channel: the broker keeps the order of what it hands back and of the next look within one alone.
        channel = await self._looking_channel()
        letters: list[AbstractIncomingMessage] = []
        with suppress(ChannelNotFoundEntity):  # nothing was declared, so nothing died; this closes the channel
            source = await channel.declare_queue(queue + ".dead", passive=True)
            while len(letters) < most and (letter := await source.get(fail=False)):
                letters.append(letter)
        return letters

    async def finish(self, plan: Plan, seconds: float) -> None:
        """Take no more messages, and let the handlers at work end."""
        await within(seconds, self._finish(plan))

    async def _finish(self, plan: Plan) -> None:
        for consumer in self._consumers.values():
            await consumer.stop()
        if plan.at_work:
            await asyncio.wait(plan.at_work)
        for consumer in self._consumers.values():
            await consumer.acknowledged()

    async def close(self) -> None:
        """Disconnect, within a bounded time."""
        for consumer in self._consumers.values():
            consumer.give_up()
        await self._link.close()
