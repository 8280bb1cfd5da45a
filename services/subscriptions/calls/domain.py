"""What is true of calls that were counted: in which period they lie, and how far the count is known to be whole."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY = "DAY"
MONTH = "MONTH"


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls that passed, as one announcement told of them: how many of each subscription in each quarter of an hour."""

    source: str
    read_through: datetime | None
    passed: dict[tuple[str, datetime], int]


@dataclass(frozen=True, slots=True)
class Used:
    """The calls of a subscription in the running period and in the one before, as far as they are known."""

    period: str
    began_at: datetime
    ends_at: datetime
    calls: int
    calls_before: int
    known_through: datetime | None
    """Until when every call is counted; None where nothing has been heard lately."""


def quarter_of(moment: datetime) -> datetime:
    """Return the beginning of the quarter of an hour that a moment lies in: days of all zones begin with one."""
    moment = moment.astimezone(UTC)
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


@cache
def _zone(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC  # as enforcement counts where it has not heard of a zone


def period_of(period: str, moment: datetime, zone: str = "UTC") -> tuple[datetime, datetime]:
    """Return the beginning and the end of the calendar day or month of a zone that a moment lies in."""
    day = moment.astimezone(_zone(zone)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period == DAY:
        return day.astimezone(UTC), (day + timedelta(days=1)).astimezone(UTC)
    month = day.replace(day=1)
    return month.astimezone(UTC), (month + timedelta(days=32)).replace(day=1).astimezone(UTC)
