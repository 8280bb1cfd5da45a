"""How often: the rate of a plan (GCRA, exact in whole numbers).

The generic cell rate algorithm keeps one number: the moment at which the caller's allowance will be whole again. Time is counted
in units of a nanosecond divided by ``requests``, so that one call costs a whole number of units and nothing is ever rounded.
"""

from typing import NamedTuple

_NANOSECONDS = 1_000_000_000
_NEVER = 2**200


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
    """The allowance of one caller under a rate.

    Whoever owns it keeps it ahead of what passes (``kept``), so that a successor gives nothing twice.
    """

    __slots__ = ("_cost", "is_loaded", "keeps_above", "kept", "key", "rate", "used_ns", "waits_above", "whole_at")

    def __init__(self, rate: Rate, key: str = "", *, is_loaded: bool = True) -> None:
        self.rate = rate
        self.key = key
        self.is_loaded = is_loaded
        self.used_ns = 0
        self.kept = 0
        """Up to where what is kept covers what has passed."""
        self.keeps_above = 0
        """Above this it is to be kept anew: most of what is kept ahead has passed."""
        self.waits_above = _NEVER
        """Above this so much more has passed than is kept that nothing may pass until it is."""
        self._cost = rate.seconds * _NANOSECONDS
        self.whole_at = 0

    def take(self, now_ns: int) -> Taken:
        """Take one call from the allowance at a moment of a clock that never goes back."""
        requests, _, burst = self.rate
        now = now_ns * requests
        whole_at = max(self.whole_at, now) + self._cost
        room = now + self._cost * burst - whole_at
        if room < 0:
            return Taken(is_allowed=False, remaining=0, wait_ns=-(room // requests))
        self.whole_at = whole_at
        return Taken(is_allowed=True, remaining=room // self._cost, wait_ns=-((now - whole_at) // requests))

    def charge(self, calls: int, now_ns: int) -> None:
        """Count calls that have passed elsewhere, even where none are left; a number below nought takes back."""
        since = max(self.whole_at, now_ns * self.rate.requests) if calls > 0 else self.whole_at
        self.whole_at = since + self._cost * calls

    @property
    def lot(self) -> int:
        """Return how many calls what is kept is ahead of what passes: a hundredth of the burst, or two seconds of the rate."""
        return max(self.rate.burst // 100, 2 * self.rate.requests // self.rate.seconds, 1)

    def keep(self, *, ahead: bool) -> int:
        """Return until when the allowance is not whole, by its clock, with what may pass until it is kept again; and note it."""
        self.kept = self.whole_at + (self._cost * self.lot if ahead else 0)
        self.keeps_above = self.kept - self._cost * (self.lot // 2)
        self.waits_above = self.kept + self._cost * (max(self.rate.burst // 100, 1) - 1)
        return -(-self.kept // self.rate.requests)

    def unkeep(self) -> None:
        """Note that nothing is kept that could be relied on."""
        self.kept = self.keeps_above = 0
        self.waits_above = _NEVER

    def never_keep(self) -> None:
        """Note that nobody keeps it."""
        self.keeps_above = _NEVER

    def restore(self, rate: Rate, whole_at_ns: int, now_ns: int) -> None:
        """Take over what was kept, under the rate of then: never more than all of it is missing."""
        now_rate, self.rate, self._cost = self.rate, rate, rate.seconds * _NANOSECONDS
        self.whole_at = min(whole_at_ns, now_ns + self._cost * rate.burst // rate.requests) * rate.requests
        self.change(now_rate, now_ns)

    def is_whole(self, now_ns: int) -> bool:
        """Say whether nothing is missing, so that a new bucket would serve as well."""
        return self.whole_at <= now_ns * self.rate.requests

    def forget(self) -> None:
        """Know nothing any more: what has passed has to be read again."""
        self.whole_at = 0
        self.unkeep()
        self.is_loaded = False

    def change(self, rate: Rate, now_ns: int) -> None:
        """Go over to another rate: the calls that count against the allowance go on counting."""
        if rate == self.rate:
            return
        missing = max(self.whole_at - now_ns * self.rate.requests, 0)
        cost = rate.seconds * _NANOSECONDS
        used = min(missing * cost // self._cost, cost * rate.burst)
        self.whole_at = now_ns * rate.requests + used
        self.unkeep()
        self.rate = rate
        self._cost = cost
