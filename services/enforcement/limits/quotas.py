"""How many: the calls of a calendar period that a plan or a permission allows, and those counted against them."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_NANOSECONDS = 1_000_000_000
DAY = "DAY"
MONTH = "MONTH"


class Quota(NamedTuple):
    """``calls`` per calendar ``period`` (UTC)."""

    calls: int
    period: str


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
