"""One try: asking an endpoint to take a body, bounded in time, following it nowhere, and reading almost nothing of its answer."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from chassis.outward import AddressNotAllowed, AddressNotReachable, AnswerNotReadable, Door
from services.notifications.webhooks.deliveries import Failure, Outcome

READ_OF_ANSWER_BYTES = 16 * 1024
_LONGEST_RETRY_AFTER = timedelta(hours=24)


async def post(door: Door, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, seconds: float) -> Outcome:
    """Return what came of it. What an endpoint says is its status and when to come again; the rest is not kept."""
    began_at = time.perf_counter()
    status, failure, retry_after = None, None, None
    try:
        async with asyncio.timeout(seconds), door.ask(door.read(url), "POST", headers, body) as answer:
            status = answer.status
            retry_after = None if 200 <= status < 300 else read_retry_after(answer.headers, datetime.now(UTC))
            read = 0
            async for piece in answer.aiter_stream():
                read += len(piece)
                if read > READ_OF_ANSWER_BYTES:
                    break
    except AddressNotAllowed:
        failure = Failure.ADDRESS_NOT_ALLOWED
    except TimeoutError:
        failure = Failure.TIMED_OUT
    except AddressNotReachable:
        failure = Failure.NOT_REACHABLE
    except AnswerNotReadable:
        failure = Failure.NOT_HTTP
    duration_ms = round((time.perf_counter() - began_at) * 1000)
    if status is not None:
        failure = None  # it has answered; what became of the rest of its answer says nothing
    return Outcome(status, failure, duration_ms, retry_after)


def read_retry_after(headers: Sequence[tuple[bytes, bytes]], now: datetime) -> timedelta | None:
    """Return how long an endpoint asks to be left alone: seconds, or until a moment; a day at most."""
    told = next((value.decode("latin-1").strip() for name, value in headers if name.lower() == b"retry-after"), "")
    if told.isascii() and told.isdigit():
        return min(timedelta(seconds=int(told[:9])), _LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(told)
    except (ValueError, OverflowError):  # a moment that no calendar holds is none
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), _LONGEST_RETRY_AFTER)
