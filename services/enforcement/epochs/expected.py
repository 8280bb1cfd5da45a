"""Changes that were heard of and whose copies nobody has seen yet.

Copies are written by a reaction, and its message may be in the hands of an instance that stands still: then it takes the bus half
a minute to notice. Whoever numbers changes does not wait for that, and writes the copy itself; the reaction's own marker sees to
it that it is written once. While copies come in their order, only late, the reactions are at work: then nothing is written twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from chassis.bus import Message
from chassis.telemetry import log
from services.enforcement.state.copies import Copy

Remember = Callable[[Message], Awaitable[None]]
_LATE_SECONDS = 1.0
_FORGOTTEN_SECONDS = 30.0
_MOST = 10_000
_MOST_AT_ONCE = 20
_log = log("enforcement.expected")


class _Heard(NamedTuple):
    sequence: int
    message: Message
    at: float


class Expected:
    """What was heard, until its copy is seen."""

    def __init__(self, remember: Remember) -> None:
        self._remember = remember
        self._heard: dict[str, _Heard] = {}
        self._come = 0.0
        """When that was heard whose copy has come, of all such the last."""
        self._came_at = 0.0

    def hear(self, copy: Copy, message: Message, now: float) -> None:
        """Expect the copy of a change that was heard of at a moment."""
        if len(self._heard) < _MOST and copy.sequence > self._sequence_of(copy.id):
            self._heard[copy.id] = _Heard(copy.sequence, message, now)

    def see(self, copies: Iterable[tuple[str, int]], now: float) -> None:
        """Expect these no more: their copies, by id and sequence, are there."""
        for copy_id, sequence in copies:
            heard = self._heard.get(copy_id)
            if heard is not None and heard.sequence <= sequence:
                del self._heard[copy_id]
                self._come, self._came_at = max(self._come, heard.at), now

    def is_anything_soon(self, now: float) -> bool:
        """Say whether a copy is expected at any moment."""
        return any(now - each.at < 2 * _LATE_SECONDS for each in self._heard.values())

    async def make_up(self, now: float) -> None:
        """Write the copies that are late."""
        until = now if now - self._came_at > _LATE_SECONDS else min(self._come, now)
        late = [key for key, each in self._heard.items() if until - each.at > _LATE_SECONDS][:_MOST_AT_ONCE]
        await asyncio.gather(*(self._write(self._heard.pop(key).message) for key in late))

    async def _write(self, message: Message) -> None:
        try:
            await self._remember(message)
        except Exception as error:  # noqa: BLE001 - the reaction itself says what is wrong, and keeps it as a dead letter
            _log.warning("a copy that is late cannot be written here", id=message.id, reason=str(error))

    def tidy(self, now: float) -> None:
        """Forget what nobody has written for so long that it was written before, or never will be."""
        self._heard = {key: each for key, each in self._heard.items() if now - each.at < _FORGOTTEN_SECONDS}

    def _sequence_of(self, copy_id: str) -> int:
        heard = self._heard.get(copy_id)
        return 0 if heard is None else heard.sequence
