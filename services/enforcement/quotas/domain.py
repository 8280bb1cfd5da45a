"""What is true of a quota in its running period: what is used, when it begins anew, and when it will be used up at this pace."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

THRESHOLDS = (50, 80, 100)
"""At so many percent those who are concerned are told."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A quota in its running period."""

    limit: int
    used: int
    period: str
    time_zone: str
    began_at: datetime
    resets_at: datetime

    @property
    def remaining(self) -> int:
        """Return how many calls are left."""
        return max(self.limit - self.used, 0)

    def exhausted_at(self, now: datetime) -> datetime | None:
        """Return when the quota will be used up at the pace of its period so far; None where it lasts, or is used up already."""
        if not 0 < self.used < self.limit or now <= self.began_at:
            return None
        through = (now - self.began_at) / self.used
        if through * self.limit >= self.resets_at - self.began_at:
            return None
        moment = self.began_at + through * self.limit
        return moment - timedelta(microseconds=moment.microsecond % 1000)

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
