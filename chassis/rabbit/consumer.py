"""Consuming one queue: hand out, judge, pass on, acknowledge."""

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from aio_pika.exceptions import CONNECTION_EXCEPTIONS

from chassis.bus import Bury, BusUnavailable, Reaction, Retry, in_fresh_context, try_once
from chassis.rabbit.outgoing import Outgoing
from chassis.rabbit.plan import Plan
from chassis.rabbit.wire import AT, CODE, REASON, bounded, headers_for, read, retry_name

HAND_BACK_SECONDS = 1.0
ANSWER_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Consumer:
    """Hands one queue's messages to its reaction, at most ``prefetch`` at a time, and acknowledges many at once."""

    def __init__(self, outgoing: Outgoing, channel: AbstractChannel, reaction: Reaction, plan: Plan) -> None:
        self._outgoing = outgoing
        self._channel = channel
        self._reaction = reaction
        self._plan = plan
        self._unanswered: dict[int, None] = {}  # delivery tags, in the order of their delivery
        self._settled: set[int] = set()
        self._acknowledging: asyncio.Task[None] | None = None
        self._tag = ""

    async def begin(self) -> None:
        """Consume."""
        self._queue = await self._channel.get_queue(self._reaction.queue, ensure=False)
        self._tag = await self._queue.consume(self._on_delivery)

    async def stop(self) -> None:
        """Take no more messages."""
        await self._queue.cancel(self._tag)

    def give_up(self) -> None:
        """Leave unacknowledged what is; the broker hands it out again."""
        if self._acknowledging is not None:
            self._acknowledging.cancel()

    async def acknowledged(self) -> None:
        """Wait until what was settled has been acknowledged."""
        if self._acknowledging is not None:
            await self._acknowledging

    async def _on_delivery(self, incoming: AbstractIncomingMessage) -> None:
        # Not awaited: a closing channel cancels what it called, and a handler shall not end in the middle for that.
        assert incoming.delivery_tag is not None
        self._unanswered[incoming.delivery_tag] = None
        task = in_fresh_context(self._handle(incoming, incoming.delivery_tag))
        self._plan.at_work.add(task)
        task.add_done_callback(self._plan.at_work.discard)

    async def _handle(self, incoming: AbstractIncomingMessage, tag: int) -> None:
        message = read(incoming)
        verdict = await try_once(self._reaction, message, self._plan.backoff_seconds)
        try:
            if isinstance(verdict, Retry):
                headers = headers_for(message, attempt=message.attempt + 1)
                await self._outgoing.forward(retry_name(verdict.after_seconds), self._reaction.queue, headers, message)
            elif isinstance(verdict, Bury):
                headers = headers_for(message, attempt=message.attempt)
                headers |= {CODE: verdict.code, REASON: verdict.reason, AT: datetime.now(UTC).isoformat()}
                await self._outgoing.forward("", self._reaction.queue + ".dead", headers, message)
        except BusUnavailable as failed:
            await self._hand_back(incoming, tag, failed)
        else:
            self._settle(tag)

    async def _hand_back(self, incoming: AbstractIncomingMessage, tag: int, failed: BusUnavailable) -> None:
        _log.warning("%s cannot pass on message %s: %s", self._reaction.queue, incoming.message_id, failed)
        await asyncio.sleep(HAND_BACK_SECONDS)
        with suppress(BusUnavailable):
            async with bounded(ANSWER_SECONDS):
                await incoming.nack(requeue=True)
            # Only now, and only if it is certain: no acknowledgement of many may cover a message that was not handed back.
            self._unanswered.pop(tag, None)

    def _settle(self, tag: int) -> None:
        self._settled.add(tag)
        if self._acknowledging is None or self._acknowledging.done():
            self._acknowledging = in_fresh_context(self._acknowledge())

    async def _acknowledge(self) -> None:
        channel = await self._channel.get_underlay_channel()
        with suppress(*CONNECTION_EXCEPTIONS):  # a session that ended: its messages come again on the next
            while self._settled:
                upto = 0
                for tag in list(self._unanswered):
                    if tag not in self._settled:
                        break
                    upto = tag
                    self._forget(tag)
                if upto:
                    await channel.basic_ack(upto, multiple=True, wait=False)
                for tag in list(self._settled):
                    self._forget(tag)
                    await channel.basic_ack(tag, wait=False)

    def _forget(self, tag: int) -> None:
        self._settled.discard(tag)
        self._unanswered.pop(tag, None)
