"""What travels to and from the broker: headers, arguments, and the ways in which a broker fails to answer."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aio_pika.abc import AbstractIncomingMessage
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from pamqp.common import FieldTable

from chassis.bus import RETRIES_EXHAUSTED, BusUnavailable, DeadLetter, Message, is_asked_to_stop

EXCHANGE = "portico.events"
CONTENT_TYPE = "application/cloudevents+json"

# Headers of a message that left the exchange it was published to: its routing key then names a queue, not the event.
ID, KEY, ATTEMPT = "portico-id", "portico-key", "portico-attempt"
CODE, REASON, AT = "portico-code", "portico-reason", "portico-at"


@asynccontextmanager
async def bounded(seconds: float) -> AsyncIterator[None]:
    """Turn every way in which a broker fails to answer into `BusUnavailable`, after a bounded time."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise BusUnavailable(f"The message bus did not answer within {seconds:g} s.") from None
    except Exception as failed:
        # A channel that closes without a reason leaves a bare `Exception` to those who wait on it.
        if isinstance(failed, CONNECTION_EXCEPTIONS) or type(failed) is Exception:
            raise BusUnavailable(f"The message bus does not answer: {failed!r}") from failed
        raise
    except asyncio.CancelledError as stray:
        if is_asked_to_stop():
            raise
        raise BusUnavailable("The connection to the message bus was lost.") from stray


def milliseconds(seconds: float) -> int:
    """Return a pause in the broker's unit."""
    return round(seconds * 1000)


def retry_name(seconds: float) -> str:
    """Return the name of the exchange and the queue in which messages wait that long."""
    return f"portico.retry.{milliseconds(seconds)}"


def dead_letter_arguments(queue: str | None = None) -> FieldTable:
    """Return the arguments of a quorum queue that passes on what expires or is given up, without losing any of it."""
    arguments: FieldTable = {
        "x-queue-type": "quorum",
        "x-dead-letter-exchange": "",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",  # the strategy demands it
    }
    if queue is not None:
        arguments["x-dead-letter-routing-key"] = queue
    return arguments


def headers_for(message: Message, attempt: int) -> FieldTable:
    """Return what a message must carry along when its routing key becomes a queue's name."""
    return {KEY: message.key, ATTEMPT: attempt}


def _died(incoming: AbstractIncomingMessage) -> Mapping[str, Any]:
    """Return the broker's latest remark on why it moved the message."""
    remarks = incoming.headers.get("x-death")
    first = remarks[0] if isinstance(remarks, list) and remarks else None
    return first if isinstance(first, dict) else {}


def read(incoming: AbstractIncomingMessage) -> Message:
    """Read a message of ours or, tolerantly, one that somebody else published."""
    headers = incoming.headers
    key = headers.get(KEY) or next(iter(_died(incoming).get("routing-keys", ())), incoming.routing_key)
    identity = headers.get(ID) or incoming.message_id or hashlib.blake2b(incoming.body, digest_size=16).hexdigest()
    attempt = headers.get(ATTEMPT)
    return Message(str(identity), str(key), incoming.body, attempt if isinstance(attempt, int) else 1)


def read_dead(incoming: AbstractIncomingMessage) -> DeadLetter:
    """Read a dead letter, whether we buried it or the broker did."""
    headers, died = incoming.headers, _died(incoming)
    if CODE in headers:
        at = datetime.fromisoformat(str(headers[AT]))
        return DeadLetter(read(incoming), str(headers[CODE]), str(headers[REASON]), at)
    at = died.get("time") or datetime.now(UTC)
    return DeadLetter(read(incoming), RETRIES_EXHAUSTED, f"given up by the broker: {died.get('reason')}", at)
