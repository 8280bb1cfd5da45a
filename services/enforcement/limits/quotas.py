"""How many: the calls of a calendar period that a plan or a permission allows, and those counted against them.

Calls are reserved in the database before they pass, in lots: what is reserved and lost counts as used, so that a quota is never
overrun. ``Counter`` is one owner's part of it: what is reserved altogether, and what of its own lots is free.
"""

from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_NANOSECONDS = 1_000_000_000
_QUARTER_NS = 900 * _NANOSECONDS
DAY = "DAY"
MONTH = "MONTH"
_LOTS = 300  # with the next lot fetched when half of one is used, at most 0.5 % is reserved ahead


class Quota(NamedTuple):
    """``calls`` per calendar ``period`` of a time ``zone`` (an IANA name)."""

    calls: int
    period: str
    zone: str = "UTC"

    @property
    def lot(self) -> int:
        """Return how many calls are reserved at once."""
        return max(self.calls // _LOTS, 1)


@cache
def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        # A zone that this machine has not heard of: better another midnight than no quota.
        return UTC


def period_of(period: str, now: datetime, zone: str = "UTC") -> tuple[datetime, datetime]:
    """Return the beginning and the end of the calendar day or month of a zone that a moment lies in, as the zone tells them."""
    day = now.astimezone(_zone(zone)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period == DAY:
        return day, day + timedelta(days=1)
    month = day.replace(day=1)
    return month, (month + timedelta(days=32)).replace(day=1)


@lru_cache(maxsize=1000)
def _running(period: str, zone: str, quarter: int) -> tuple[str, int]:
    """Return when the period began that a quarter of an hour lies in, and when it ends: days begin with one, in every zone."""
    began_at, ends_at = period_of(period, datetime.fromtimestamp(quarter * _QUARTER_NS // _NANOSECONDS, UTC), zone)
    return began_at.date().isoformat(), int(ends_at.timestamp()) * _NANOSECONDS


class Counter:
    """The calls of one subscription or permission in the running period, as their owner counts them."""

    __slots__ = (
        "began_at",
        "ends_at_ns",
        "free",
        "id",
        "is_loaded",
        "is_told",
        "limit",
        "period",
        "place",
        "refills_at",
        "reserved",
        "zone",
    )

    def __init__(self, identifier: str, quota: Quota, now_ns: int, place: str = "") -> None:
        self.id = identifier
        self.place = place
        """Whose it is: what its owner is found by."""
        self.limit = quota.calls
        """How many calls the quota allows, as it was last heard."""
        self.period = quota.period
        self.zone = quota.zone
        self.began_at = ""
        self.ends_at_ns = 0
        self.reserved = 0
        """Calls that are reserved in the period, by anybody."""
        self.free = 0
        """Calls of them that are ours and have not passed yet."""
        self.refills_at = 0
        """Once so many of ours are left, the next lot is to be reserved; below nought where there is none."""
        self.is_loaded = False
        self.is_told = True
        """Whether what was used is kept where others read it."""
        self.turn(now_ns)

    @property
    def used(self) -> int:
        """Return the calls counted in the running period."""
        return self.reserved - self.free

    @property
    def key(self) -> str:
        """Return what the running period's count is kept under."""
        return f"{self.id}|{self.period}|{self.began_at}"

    def turn(self, now_ns: int) -> None:
        """Begin the period that the moment lies in, unless it is the running one."""
        if now_ns < self.ends_at_ns:
            return
        self.began_at, self.ends_at_ns = _running(self.period, self.zone, now_ns // _QUARTER_NS)
        self.forget()

    def forget(self) -> None:
        """Know nothing any more: what is reserved has to be read again."""
        self.reserved = self.free = 0
        self.is_loaded = False
        self.is_told = True

    def move(self, quota: Quota, now_ns: int) -> None:
        """Count against another quota of the same kind of period from now on, in its zone."""
        self.limit = quota.calls
        if self.zone != quota.zone:
            self.zone, self.ends_at_ns = quota.zone, 0
            self.turn(now_ns)

    def is_used_up(self, quota: Quota) -> bool:
        """Say whether no call of the quota is left, as far as is known."""
        return self.is_loaded and (self.used >= quota.calls or (self.free == 0 and self.reserved >= quota.calls))

    def needs_lot(self, quota: Quota) -> bool:
        """Say whether the next lot is to be reserved."""
        return not self.is_loaded or (self.free <= quota.lot // 2 and self.reserved < quota.calls)

    def grant(self, calls: int, reserved: int, quota: Quota) -> None:
        """Take over calls that were reserved for this owner, and how many are reserved altogether."""
        self.refills_at = quota.lot // 2 if reserved < quota.calls else -1
        self.free += calls
        self.reserved = reserved
        self.is_loaded = True
