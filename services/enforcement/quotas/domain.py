"""What is true of a quota in its running period: what is used, when it begins anew, and when it will be used up at this pace."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

THRESHOLDS = (50, 80, 100)
"""At so many percent those who are concerned are told."""
_TELLING_PART = 48  # half an hour of a day, fifteen hours of a month


@dataclass(frozen=True, slots=True)
class Usage:
    """A quota in its running period."""

    limit: int
    used: int
    period: str
    time_zone: str
    began_at: datetime
    resets_at: datetime
    since: datetime | None = None
    """When the first call of the period was counted."""

    @property
    def remaining(self) -> int:
        """Return how many calls are left."""
        return max(self.limit - self.used, 0)

    def exhausted_at(self, now: datetime) -> datetime | None:
        """Return when the quota will be used up at the pace since its first call of the period.

        None where it lasts, is used up already, or there is too little to go on: one call, or less than a 48th of the period.
        """
        since = max(self.began_at, self.since or self.began_at)
        if not 1 < self.used < self.limit or (now - since) * _TELLING_PART < self.resets_at - self.began_at:
            return None
        moment = now + (now - since) / self.used * (self.limit - self.used)
        return None if moment >= self.resets_at else moment - timedelta(microseconds=moment.microsecond % 1000)

    def row(self, now: datetime) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "limit": self.limit,
            "used": min(self.used, self.limit),
            "remaining": self.remaining,
            "period": self.period,
            "time_zone": self.time_zone,
            "resets_at": self.resets_at,
            "forecast_exhausted_at": self.exhausted_at(now),
        }


def reached(used: int, limit: int) -> tuple[int, ...]:
    """Return the thresholds that so many calls have reached."""
    return tuple(each for each in THRESHOLDS if limit > 0 and used * 100 >= limit * each)
