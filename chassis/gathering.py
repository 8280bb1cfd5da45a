"""Gathering: messages that wait at a moment are dealt with together, for a transaction a message is dear where there are many.

One that comes after a while is dealt with at once. What follows it gathers for a tenth of a second, and what comes while some are
being dealt with goes together next: so the more there is, the cheaper each becomes. Where together does not succeed each is dealt
with by itself, and fares as if it had been alone.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from chassis.bus import Handle, Message, in_fresh_context, is_asked_to_stop
from chassis.errors import Unavailable

MOST_TOGETHER = 50
_EVERY_SECONDS = 0.1
Waiting = tuple[Message, asyncio.Future[None]]
HandleAll = Callable[[Sequence[Message]], Awaitable[None]]


class Gathering:
    """Hands over messages, one where there is one, otherwise all that wait together; ``handle`` is a bus's handler."""

    def __init__(self, one: Handle, together: HandleAll) -> None:
        self._one = one
        self._together = together
        self._waiting: deque[Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._began = 0.0

    async def handle(self, message: Message) -> None:
        """Deal with a message, and return once it is dealt with. Raises what stands against that very message."""
        dealt_with: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((message, dealt_with))
        if self._task is None or self._task.done():
            self._task = in_fresh_context(self._work())
        await dealt_with

    async def _work(self) -> None:
        while self._waiting:
            if len(self._waiting) < MOST_TOGETHER:
                await asyncio.sleep(max(self._began + _EVERY_SECONDS - time.monotonic(), 0))
            self._began = time.monotonic()
            taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]
            try:
                await self._deal_with(taken)
            finally:
                for _, dealt_with in taken:
                    dealt_with.cancel()  # whatever ended this, nobody waits for ever

    async def _deal_with(self, taken: Sequence[Waiting]) -> None:
        if len(taken) > 1:
            failure = await _fails(self._together([message for message, _ in taken]))
            if failure is None or isinstance(failure, Unavailable):
                # What does not answer answers none of them by itself either.
                for _, dealt_with in taken:
                    _settle(dealt_with, failure)
                return
        await asyncio.gather(*(self._deal_with_one(*each) for each in taken))

    async def _deal_with_one(self, message: Message, dealt_with: asyncio.Future[None]) -> None:
        _settle(dealt_with, await _fails(self._one(message)))


async def _fails(work: Awaitable[None]) -> BaseException | None:
    """Return what work failed with, or None; a cancellation that nobody asked for is a failure like others."""
    try:
        await work
    except asyncio.CancelledError as stray:
        if is_asked_to_stop():
            raise
        return stray
    except Exception as failure:  # noqa: BLE001 - it is for whoever waits
        return failure
    return None


def _settle(dealt_with: asyncio.Future[None], failure: BaseException | None) -> None:
    if dealt_with.done():
        return  # whoever waited was told to stop; the bus hands its message out again
    if failure is None:
        dealt_with.set_result(None)
    elif isinstance(failure, asyncio.CancelledError):
        dealt_with.cancel()
    else:
        dealt_with.set_exception(failure)
