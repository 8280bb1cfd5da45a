"""What is true of callers: what counts as a call, which days count, which subscriptions are live."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

COUNTED_DAYS = 30
KEPT_DAYS = 40
LIVE = ("PENDING", "ACTIVE", "SUSPENDED")
# The platform answered these in the API's place, after the check had let the call pass.
_PASSED = frozenset({None, "UPSTREAM_UNAVAILABLE", "UPSTREAM_TIMEOUT"})


@dataclass(frozen=True, slots=True)
class Call:
    """One call, as far as it matters here; ``at`` in milliseconds since 1970."""

    at: int
    application_id: str | None = None
    organization_id: str | None = None
    product_id: str | None = None
    version_id: str | None = None
    rejection: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """How often an application called a version on one day (UTC), and when last."""

    version_id: str
    product_id: str
    application_id: str
    organization_id: str
    day: date
    calls: int
    last_at: datetime

    @property
    def key(self) -> str:
        """Return the one key of version, application and day."""
        return f"{self.version_id}|{self.application_id}|{self.day.isoformat()}"


@dataclass(frozen=True, slots=True)
class Traffic:
    """How often an application called, and when last."""

    application_id: str
    organization_id: str
    calls: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Subscriber:
    """An application with a live subscription to a product."""

    application_id: str
    organization_id: str
    status: str


def first_counted_day(now: datetime) -> date:
    """Return the first day of the last 30: the one on which they begin counts whole."""
    return (now.astimezone(UTC) - timedelta(days=COUNTED_DAYS)).date()


def tallies(calls: Iterable[Call], now: datetime) -> list[Tally]:
    """Return what calls come to, one tally for each version, application and day; what was refused or is long ago is left out."""
    earliest = (now.astimezone(UTC) - timedelta(days=KEPT_DAYS)).date()
    counted: dict[tuple[str, str, date], Tally] = {}
    for call in calls:
        if call.rejection not in _PASSED:
            continue
        if call.version_id is None or call.product_id is None or call.application_id is None or call.organization_id is None:
            continue
        at = datetime.fromtimestamp(call.at / 1000, UTC)
        if at.date() < earliest:
            continue
        key = (call.version_id, call.application_id, at.date())
        before = counted.get(key)
        counted[key] = Tally(
            version_id=call.version_id,
            product_id=call.product_id,
            application_id=call.application_id,
            organization_id=call.organization_id,
            day=at.date(),
            calls=1 + (before.calls if before else 0),
            last_at=max(at, before.last_at) if before else at,
        )
    # Always in one order: two batches at the same moment then wait for each other instead of meeting crosswise.
    return [counted[key] for key in sorted(counted)]
