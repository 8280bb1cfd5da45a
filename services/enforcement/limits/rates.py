"""How often: the rate of a plan (GCRA, exact in whole numbers).

The generic cell rate algorithm keeps one number: the moment at which the caller's allowance will be whole again. Time is counted
in units of a nanosecond divided by ``requests``, so that one call costs a whole number of units and nothing is ever rounded.
"""

from typing import NamedTuple

_NANOSECONDS = 1_000_000_000


class Rate(NamedTuple):
    """``requests`` per ``seconds`` on average, at most ``burst`` at once."""

    requests: int
    seconds: int
    burst: int


class Taken(NamedTuple):
    """The outcome of asking a bucket for one call."""

    is_allowed: bool
    remaining: int
    """Calls that would pass right now."""
    wait_ns: int
    """Allowed: until the allowance is whole again. Refused: until one call passes."""


class Bucket:
    """The allowance of one caller under a rate."""

    __slots__ = ("_cost", "_whole_at", "rate")

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._cost = rate.seconds * _NANOSECONDS
        self._whole_at = 0

    def take(self, now_ns: int) -> Taken:
        """Take one call from the allowance at a moment of a clock that never goes back."""
        requests, _, burst = self.rate
        now = now_ns * requests
        whole_at = max(self._whole_at, now) + self._cost
        room = now + self._cost * burst - whole_at
        if room < 0:
            return Taken(is_allowed=False, remaining=0, wait_ns=-(room // requests))
        self._whole_at = whole_at
        return Taken(is_allowed=True, remaining=room // self._cost, wait_ns=-((now - whole_at) // requests))

    def look(self, now_ns: int) -> Taken:
        """Return what asking for one call would give, and take none."""
        whole_at = self._whole_at
        taken = self.take(now_ns)
        self._whole_at = whole_at
        return taken

    def is_whole(self, now_ns: int) -> bool:
        """Say whether nothing is missing, so that a new bucket would serve as well."""
        return self._whole_at <= now_ns * self.rate.requests

    def change(self, rate: Rate, now_ns: int) -> None:
        """Go over to another rate: the calls that count against the allowance go on counting."""
        if rate == self.rate:
            return
        missing = max(self._whole_at - now_ns * self.rate.requests, 0)
        cost = rate.seconds * _NANOSECONDS
        used = min(missing * cost // self._cost, cost * rate.burst)
        self._whole_at = now_ns * rate.requests + used
        self.rate = rate
        self._cost = cost
