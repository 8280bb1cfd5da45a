"""Sending: every publish is mandatory, persistent and confirmed."""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from itertools import count
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import PublishError
from pamqp.common import FieldTable

from chassis.bus import BusUnavailable, Message, NoSuchQueue
from chassis.rabbit.wire import CONTENT_TYPE, EXCHANGE, ID, bounded, headers_for

FORWARD_SECONDS = 5.0


class Outgoing:
    """Sends on one channel, which has confirms and raises for what no queue takes."""

    def __init__(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._in_flight: set[str] = set()
        self._numbers = count(1)

    async def publish(self, messages: Sequence[Message]) -> list[bool]:
        """Send all, then wait for all confirms."""
        return await _all_answers(self._send(EXCHANGE, each.key, {}, each) for each in messages)

    async def put(self, queue: str, messages: Sequence[Message]) -> None:
        """Send all to one queue by its name, then wait for all confirms. Raises `NoSuchQueue`."""
        sending = (self._send("", queue, headers_for(each, attempt=1), each) for each in messages)
        if not all(await _all_answers(sending)):
            raise NoSuchQueue(f"The bus has no queue {queue}.")

    async def forward(self, exchange: str, routing_key: str, headers: FieldTable, message: Message) -> None:
        """Send a message on inside the bus; raises `BusUnavailable` unless a queue has it for certain."""
        async with bounded(FORWARD_SECONDS):
            if not await self._send(exchange, routing_key, headers, message):
                raise BusUnavailable(f"No queue takes {routing_key} from {exchange or 'the default exchange'}.")

    async def _send(self, exchange: str, routing_key: str, headers: FieldTable, message: Message) -> bool:
        # A returned message is matched to its publish by message id alone: two in flight must never share one.
        wire_id = f"{message.id}+{next(self._numbers)}" if message.id in self._in_flight else message.id
        self._in_flight.add(wire_id)
        outgoing = aio_pika.Message(
            message.body,
            headers={ID: message.id, **headers},
            message_id=wire_id,
            content_type=CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        try:
            to = await self._channel.get_exchange(exchange, ensure=False)
            await to.publish(outgoing, routing_key, mandatory=True)
        except PublishError:
            return False
        finally:
            self._in_flight.discard(wire_id)
        return True


async def _all_answers(sending: Iterable[Coroutine[Any, Any, bool]]) -> list[bool]:
    """Wait for all, whatever becomes of each; then raise the first failure."""
    answers = await asyncio.gather(*sending, return_exceptions=True)
    routed = [answer for answer in answers if not isinstance(answer, BaseException)]
    for answer in answers:
        if isinstance(answer, asyncio.CancelledError):
            raise BusUnavailable("The connection to the message bus was lost.")
        if isinstance(answer, BaseException):
            raise answer
    return routed
