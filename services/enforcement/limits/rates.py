"""How often: the rate of a plan (GCRA, exact in whole numbers).

The generic cell rate algorithm keeps one number: the moment at which the caller's allowance will be whole again. Time is counted
in units of a nanosecond divided by ``requests``, so that one call costs a whole number of units and nothing is ever rounded.
"""

from typing import NamedTuple

_NANOSECONDS = 1_000_000_000
_NEVER = 2**200
_LEAST_TAKEN_BACK = 3  # of a burst so large; of a smaller one half is no call


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
    """The allowance of one caller under a rate, at a ``place`` that says who owns it.

    Its owner keeps it ahead of what passes (``kept``), so that a successor gives nothing twice.
    """

    __slots__ = (
        "_cost",
        "_half",
        "eased_ns",
        "is_loaded",
        "keeps_above",
        "kept",
        "key",
        "place",
        "rate",
        "used_ns",
        "waits_above",
        "whole_at",
    )

    def __init__(self, rate: Rate, key: str = "", place: str = "", *, is_loaded: bool = True) -> None:
        self.rate = rate
        self.key = key
        self.place = place
        self.is_loaded = is_loaded
        self.used_ns = 0
        self.eased_ns = _NEVER
        """When half of it was left for the last time, as far as that is known: what was counted since may be taken back."""
        self.kept = 0
        """Up to where what is kept covers what has passed."""
        self.keeps_above = 0
        """Above this it is to be kept anew: most of what is kept ahead has passed."""
        self.waits_above = _NEVER
        """Above this so much more has passed than is kept that nothing may pass until it is."""
        self._cost = rate.seconds * _NANOSECONDS
        self._half = self._cost * (rate.burst - 1) // 2
        self.whole_at = 0

    def take(self, now_ns: int) -> Taken:
        """Take one call from the allowance at a moment of a clock that never goes back."""
        requests, _, burst = self.rate
        now, cost = now_ns * requests, self._cost
        whole_at = self.whole_at
        whole_at = cost + (whole_at if whole_at > now else now)  # noqa: FURB136 - half the time of max
        room = now + cost * burst - whole_at
        if room < 0:
            return Taken(False, 0, -(room // requests))
        self.whole_at = whole_at
        if room >= self._half:
            self.eased_ns = now_ns
        return Taken(True, room // cost, -((now - whole_at) // requests))

    def charge(self, calls: int, now_ns: int, missing_ns: int = _NEVER) -> None:
        """Count calls that have passed elsewhere, even where none are left.

        Where this instance was stood in for, ``missing_ns`` are missing: not more is than there and here together. Most of what
        passed there has come back since, but this one, which stood still, does not know of it.
        """
        requests = self.rate.requests
        now = now_ns * requests
        if self.whole_at <= now:
            self.whole_at = now
            self.eased_ns = now_ns
        self.whole_at += min(self._cost * calls, missing_ns * requests)

    def refund(self, now_ns: int, age_ns: int) -> bool:
        """Take back a call that was counted here at most so many nanoseconds ago, and say whether that was done.

        It is not where half of the allowance was left since: without the call it might have been whole.
        """
        if self.rate.burst < _LEAST_TAKEN_BACK or now_ns - age_ns < self.eased_ns:
            return False
        self.whole_at -= self._cost
        return True

    def missing_ns(self, now_ns: int) -> int:
        """Return for how long the allowance is not whole."""
        return max(self.whole_at // self.rate.requests - now_ns, 0)

    @property
    def lot(self) -> int:
        """Return how many calls what is kept is ahead of what passes: a hundredth of the burst, or two seconds of the rate."""
        return max(self.rate.burst // 100, 2 * self.rate.requests // self.rate.seconds, 1)

    @property
    def wants_keeping(self) -> bool:
        """Say whether more has passed than is to pass until it is kept anew."""
        return self.is_loaded and self.whole_at > self.keeps_above

    def ahead(self) -> int:
        """Return up to where it is to be kept: with what may pass until it is kept again."""
        return self.whole_at + self._cost * self.lot

    def was_kept(self, rate: Rate, kept: int) -> None:
        """Note what is kept of it now, under which rate."""
        if rate is not self.rate or not self.is_loaded:
            return
        self.kept = kept
        self.keeps_above = kept - self._cost * (self.lot // 2)
        self.waits_above = kept + self._cost * (max(rate.burst // 100, 1) - 1)

    def unkeep(self) -> None:
        """Note that nothing is kept that could be relied on."""
        self.kept = self.keeps_above = 0
        self.waits_above = _NEVER

    def never_keep(self) -> None:
        """Note that nobody keeps it."""
        self.keeps_above = _NEVER

    def restore(self, rate: Rate, whole_at_ns: int, now_ns: int) -> None:
        """Take over what was kept, under the rate of then: never more than all of it is missing.

        What has passed here meanwhile, since reading took too long, counts beside it.
        """
        meanwhile = max(self.whole_at - now_ns * self.rate.requests, 0)
        now_rate, self.rate, self._cost = self.rate, rate, rate.seconds * _NANOSECONDS
        self.whole_at = min(whole_at_ns, now_ns + self._cost * rate.burst // rate.requests) * rate.requests
        self.change(now_rate, now_ns)
        self.whole_at = max(self.whole_at, now_ns * now_rate.requests) + meanwhile
        self.eased_ns = now_ns

    def is_whole(self, now_ns: int) -> bool:
        """Say whether nothing is missing, so that a new bucket would serve as well."""
        return self.whole_at <= now_ns * self.rate.requests

    def forget(self) -> None:
        """Know nothing any more: what has passed has to be read again."""
        self.whole_at = 0
        self.eased_ns = _NEVER
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
        self.eased_ns = now_ns
        self.unkeep()
        self.rate = rate
        self._cost = cost
        self._half = cost * (rate.burst - 1) // 2
