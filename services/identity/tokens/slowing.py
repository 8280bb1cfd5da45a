"""Whoever keeps showing what does not prove a client is answered more slowly; the right secret is answered at once all the while.

Counted in this process alone: secrets are 256 random bits, so this is against load and noise, not against guessing.
"""

import asyncio
import time
from collections.abc import Callable

_WINDOW_SECONDS = 60.0
_ANSWERED_AT_ONCE = 10
_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.05, 1.0
_MOST_REMEMBERED = 10_000
_MOST_HELD = 200


class Slowing:
    """Counts wrong proofs by Client ID, known or not, and holds their answers back for up to a second."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._wrong: dict[str, tuple[int, float]] = {}
        self._held = 0

    def seconds_for(self, client_id: str) -> float:
        """Count a wrong proof and return for how long its answer is held back."""
        moment = self._now()
        tries, began_at = self._wrong.pop(client_id, (0, moment))
        if moment - began_at >= _WINDOW_SECONDS:
            tries, began_at = 0, moment
        while len(self._wrong) >= _MOST_REMEMBERED:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[client_id] = (tries + 1, began_at)
        beyond = tries + 1 - _ANSWERED_AT_ONCE
        return 0.0 if beyond <= 0 else min(_SHORTEST_SECONDS * 2.0 ** min(beyond - 1, 10), _LONGEST_SECONDS)

    async def hold_back(self, client_id: str) -> None:
        """Wait before a wrong proof is answered; when too many wait already, this one does not."""
        seconds = self.seconds_for(client_id)
        if not seconds or self._held >= _MOST_HELD:
            return
        self._held += 1
        try:
            await asyncio.sleep(seconds)
        finally:
            self._held -= 1
