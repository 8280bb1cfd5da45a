"""What a roll-up is: the figures of all calls that share a period and everything that one may ask by."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from services.analytics.sketch import Sketch

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PRODUCTION, SANDBOX = "PRODUCTION", "SANDBOX"


class Period(StrEnum):
    """The lengths of time that calls are rolled up into; days are UTC days."""

    MINUTE = "MINUTE"
    HOUR = "HOUR"
    DAY = "DAY"

    @property
    def length(self) -> timedelta:
        """Return how long the period is."""
        return _LENGTHS[self]


_LENGTHS = {Period.MINUTE: timedelta(minutes=1), Period.HOUR: timedelta(hours=1), Period.DAY: timedelta(days=1)}


def floor_to(moment: datetime, length: timedelta) -> datetime:
    """Return the last multiple of the length (since 1970, UTC) that is not after the moment."""
    return moment - (moment - EPOCH) % length


def ceil_to(moment: datetime, length: timedelta) -> datetime:
    """Return the first multiple of the length (since 1970, UTC) that is not before the moment."""
    return moment + (EPOCH - moment) % length


class Subject(NamedTuple):
    """What a call was about: everything that one may ask by. Ids are None where they are not known."""

    organization_id: str | None
    application_id: str | None
    secret_id: str | None
    product_id: str | None
    version_id: str | None
    operation_id: str | None
    plan_id: str | None
    status: int
    rejection: str | None
    environment: str | None


def environment_of(told: str | None, version_id: str | None) -> str | None:
    """Return what a call went to, or would have gone to: what is told of it, and where nothing is, what was so then.

    Before versions could have upstreams of their own, the sandbox answered for all. Without a version a call went nowhere.
    """
    return told or (None if version_id is None else SANDBOX)


def within_environment(environment: str) -> dict[str, Any]:
    """Return the query of the roll-ups of an environment, those too that were kept before there were two."""
    if environment != SANDBOX:
        return {"environment": environment}
    return {"$or": [{"environment": SANDBOX}, {"environment": None, "version_id": {"$ne": None}}]}


@dataclass(slots=True)
class Figures:
    """What is counted of the calls of one roll-up."""

    calls: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    latency: Sketch = field(default_factory=Sketch)


class Measured(NamedTuple):
    """One call as the roll-ups see it."""

    at: datetime
    subject: Subject
    bytes_in: int
    bytes_out: int
    duration_ms: float


RollUps = dict[tuple[Period, datetime, Subject], Figures]


def roll_up(calls: Iterable[Measured]) -> RollUps:
    """Return the roll-ups of some calls, each call in its own minute, hour and day."""
    made: RollUps = {}
    for call in calls:
        for period in Period:
            key = (period, floor_to(call.at, period.length), call.subject)
            figures = made.get(key)
            if figures is None:
                figures = made[key] = Figures()
            figures.calls += 1
            figures.bytes_in += call.bytes_in
            figures.bytes_out += call.bytes_out
            figures.latency.add(call.duration_ms)
    return made
