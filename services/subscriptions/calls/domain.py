"""What is true of calls that were counted: in which period they lie, and how far the count is known to be whole."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DAY = "DAY"
MONTH = "MONTH"


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls that passed, as one announcement told of them: how many of each subscription on each day."""

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


def day_of(moment: datetime) -> datetime:
    """Return the beginning of the day (UTC) that a moment lies in."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def period_of(period: str, moment: datetime) -> tuple[datetime, datetime]:
    """Return the beginning and the end of the calendar day or month (UTC) that a moment lies in."""
    day = day_of(moment)
    if period == DAY:
        return day, day + timedelta(days=1)
    month = day.replace(day=1)
    return month, (month + timedelta(days=32)).replace(day=1)
