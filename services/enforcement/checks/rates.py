"""How often: the rate of a plan (GCRA, exact in whole numbers) and its quota per day or month.

The generic cell rate algorithm keeps one number: the moment at which the caller's allowance will be whole again. Time is counted
in units of a nanosecond divided by ``requests``, so that one call costs a whole number of units and nothing is ever rounded.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_NANOSECONDS = 1_000_000_000
DAY = "DAY"
MONTH = "MONTH"


class Rate(NamedTuple):
    """``requests`` per ``seconds`` on average, at most ``burst`` at once."""

    requests: int
    seconds: int
    burst: int


class Quota(NamedTuple):
    """``calls`` per calendar ``period`` (UTC)."""

    calls: int
    period: str


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


def period_of(period: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the beginning and the end of the calendar day or month (UTC) that a moment lies in."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == DAY:
        return day, day + timedelta(days=1)
    month = day.replace(day=1)
    return month, (month + timedelta(days=32)).replace(day=1)


class Counter:
    """The calls of one subscription in the running period: those known to the database, and those not saved yet."""

    __slots__ = ("began_at", "ends_at_ns", "period", "saved", "unsaved")

    def __init__(self, period: str, now_ns: int) -> None:
        self.period = period
        self.began_at = ""
        self.ends_at_ns = 0
        self.saved = 0
        self.unsaved = 0
        self.turn(now_ns)

    @property
    def used(self) -> int:
        """Return the calls counted in the running period."""
        return self.saved + self.unsaved

    def turn(self, now_ns: int) -> None:
        """Begin the period that the moment lies in, unless it is the running one."""
        if now_ns < self.ends_at_ns:
            return
        began_at, ends_at = period_of(self.period, datetime.fromtimestamp(now_ns // _NANOSECONDS, UTC))
        self.began_at = began_at.date().isoformat()
        self.ends_at_ns = int(ends_at.timestamp()) * _NANOSECONDS
        self.saved = 0
        self.unsaved = 0
