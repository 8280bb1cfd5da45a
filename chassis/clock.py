"""The time, as something that is handed in, so that rules about time can be tested without waiting."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def steady_ns() -> int:
    """Return the time of a clock that never goes back, and goes on while the process or the machine stands still."""
    return time.clock_gettime_ns(_STEADY)


class Clock(Protocol):
    """Tells the time of day."""

    def now(self) -> datetime:
        """Return the present moment as an aware UTC datetime with millisecond precision."""
        ...


def to_millisecond(moment: datetime) -> datetime:
    """Return the moment cut to milliseconds, the precision that MongoDB keeps."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return to_millisecond(datetime.now(UTC))


class FixedClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime | None = None) -> None:
        self._now = to_millisecond(start or datetime(2030, 1, 1, tzinfo=UTC))

    def now(self) -> datetime:
        """Return the moment at which the clock stands."""
        return self._now

    def advance(self, by: timedelta) -> None:
        """Move the clock forward."""
        self._now = to_millisecond(self._now + by)
