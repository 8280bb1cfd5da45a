"""What is true of campaigns.

::

    start ──► RUNNING ──due, everything settled──► FINISHED
                 └──cancel──► CANCELLED

Until it is due, a campaign may end at another moment or be called off. From then on it is being settled, and that is not stopped.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict, FieldProblem, Invalid
from services.recertification.events import CampaignDueDateChanged
from services.recertification.known.domain import Kind, Thing

AT_LEAST_AHEAD = timedelta(days=1)
AT_MOST_AHEAD = timedelta(days=366)
LATE_FOR = timedelta(days=30)
MOST_ITEMS = 10_000
REMINDER_DAYS = (3, 1)


class Side(StrEnum):
    """Who starts a campaign."""

    OPERATOR = "OPERATOR"
    PROVIDER = "PROVIDER"
    ORGANIZATION = "ORGANIZATION"


KINDS_OF_SIDE: Mapping[Side, frozenset[Kind]] = {
    Side.OPERATOR: frozenset(Kind),
    Side.PROVIDER: frozenset({Kind.PERMISSION, Kind.AGREEMENT, Kind.SUBSCRIPTION}),
    Side.ORGANIZATION: frozenset({Kind.MEMBER, Kind.CERTIFICATE}),
}


class Which(StrEnum):
    """Which things of its kinds a campaign is about."""

    ALL = "ALL"
    UNUSED = "UNUSED"
    LAPSING = "LAPSING"


class Status(StrEnum):
    """Where a campaign stands."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    CANCELLED = "CANCELLED"


class DueDateNotUsable(Invalid):
    """A campaign is due at least one day ahead, and at most 366."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("due_at", "give a moment that is at least one day and at most 366 days ahead")])


class KindsNotYours(Invalid):
    """Who starts the campaign cannot ask for things of these kinds."""

    def __init__(self, side: Side) -> None:
        kinds = ", ".join(sorted(KINDS_OF_SIDE[side]))
        super().__init__(fields=[FieldProblem("kinds", f"as {side.lower()} give one or more of {kinds}")])


class ScopeNotYours(Invalid):
    """Who starts the campaign cannot narrow it so."""

    def __init__(self, name: str, mend: str) -> None:
        super().__init__(f"{name}: {mend}", fields=[FieldProblem(name, mend)])


class UseNotKnown(Invalid):
    """Of certificates nobody here knows when they were used: ask for all of them, or for those that lapse."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("kinds", "leave CERTIFICATE out, or ask for ALL or LAPSING")])


class DaysNotGiven(Invalid):
    """UNUSED and LAPSING need a number of days; ALL takes none."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("days", "give a number of days with UNUSED or LAPSING, and none with ALL")])


class NothingToConfirm(Conflict):
    """There is nothing that the campaign would be about."""


class CampaignTooLarge(Conflict):
    """A campaign is about at most 10,000 things: name organizations or products, or fewer kinds."""


class CampaignOver(Conflict):
    """The campaign is over, or its due date has passed."""


class CancelledAlready(Conflict):
    """The campaign was cancelled already."""


@dataclass(frozen=True, slots=True)
class Scope:
    """About what a campaign is, as of one moment."""

    side: Side
    starter_id: str | None
    kinds: tuple[Kind, ...]
    which: Which = Which.ALL
    days: int | None = None
    organization_ids: tuple[str, ...] | None = None
    product_ids: tuple[str, ...] | None = None

    def require_usable(self) -> None:
        """Refuse what cannot be asked for.

        Raises ``KindsNotYours``, ``ScopeNotYours``, ``DaysNotGiven`` or ``UseNotKnown``.
        """
        if not self.kinds or not set(self.kinds) <= KINDS_OF_SIDE[self.side]:
            raise KindsNotYours(self.side)
        if self.side is Side.ORGANIZATION and (self.organization_ids is not None or self.product_ids is not None):
            name = "organization_ids" if self.organization_ids is not None else "product_ids"
            raise ScopeNotYours(name, "leave it out: an organization's campaign is about its own members and certificates")
        if self.product_ids is not None and set(self.kinds) & {Kind.MEMBER, Kind.CERTIFICATE}:
            raise ScopeNotYours("product_ids", "leave it out with members and certificates, which belong to no product")
        if (self.which is Which.ALL) == (self.days is not None):
            raise DaysNotGiven
        if self.which is Which.UNUSED and Kind.CERTIFICATE in self.kinds:
            raise UseNotKnown

    def query(self, at: datetime) -> dict[str, Any]:
        """Return what finds the things, but for their use."""
        query: dict[str, Any] = {"kind": {"$in": [str(each) for each in self.kinds]}}
        if self.side is Side.PROVIDER:
            query["provider_id"] = self.starter_id
        if self.side is Side.ORGANIZATION:
            query["organization_id"] = self.starter_id
        if self.organization_ids is not None:
            query["organization_id"] = {"$in": list(self.organization_ids)}
        if self.product_ids is not None:
            query["product_id"] = {"$in": list(self.product_ids)}
        if self.which is Which.LAPSING:
            query["lapses_at"] = {"$gt": at, "$lte": at + timedelta(days=self.days or 0)}
        return query

    def includes(self, thing: Thing, at: datetime) -> bool:
        """Say whether the campaign is about a thing that its query has found: not one that began later, or was used lately."""
        if thing.since is not None and thing.since > at:
            return False
        if self.which is not Which.UNUSED:
            return True
        before = at - timedelta(days=self.days or 0)
        # What is younger than the days asked for cannot have been unused for so long.
        is_old = thing.since is None or thing.since <= before
        return is_old and (thing.last_used_at is None or thing.last_used_at + timedelta(days=1) <= before)


@dataclass(frozen=True, slots=True)
class Campaign:
    """A request to confirm what one holds, until a moment.

    ``taken_after`` is how far its items were taken (None: all of them); ``reminded`` are the days that were told before the due
    date; ``is_settling``: what is not confirmed is being suspended; ``is_told``: every organization was told that it started
    (while RUNNING), or that it is over or was called off.
    """

    id: str
    scope: Scope
    title: str
    reason: str
    started_by: str
    started_at: datetime
    due_at: datetime
    reminder_days: tuple[int, ...]
    uses_known_since: datetime | None
    status: Status = Status.RUNNING
    taken_after: str | None = ""
    is_told: bool = False
    reminded: frozenset[int] = field(default_factory=frozenset)
    is_settling: bool = False
    ended_at: datetime | None = None
    ended_by: str | None = None
    end_reason: str | None = None

    @property
    def confirmable_until(self) -> datetime:
        """Return until when what was not confirmed in time can be confirmed late."""
        return self.due_at + LATE_FOR

    @property
    def next_reminder_at(self) -> datetime | None:
        """Return when the next reminder is due, where one is left."""
        left = [self.due_at - timedelta(days=each) for each in self.reminder_days if each not in self.reminded]
        return min(left, default=None) if self.status is Status.RUNNING else None

    def is_open(self, now: datetime) -> bool:
        """Say whether its owners still have time to confirm or to give up."""
        return self.status is Status.RUNNING and not self.is_settling and now < self.due_at

    def require_open(self, now: datetime) -> None:
        """Refuse where it is over. Raises ``CampaignOver`` or ``CancelledAlready``."""
        if self.status is Status.CANCELLED:
            raise CancelledAlready
        if not self.is_open(now):
            raise CampaignOver

    def change_due_date(self, due_at: datetime, now: datetime) -> tuple["Campaign", CampaignDueDateChanged]:
        """Let it end at another moment. Raises ``CampaignOver``, ``CancelledAlready`` or ``DueDateNotUsable``."""
        self.require_open(now)
        require_ahead(due_at, now)
        changed = replace(self, due_at=due_at, reminded=passed_days(self.reminder_days, due_at, now))
        return changed, CampaignDueDateChanged(**changed.told(), former_due_at=self.due_at)

    def cancel(self, by: str, now: datetime, reason: str | None) -> "Campaign":
        """Call it off. Raises ``CampaignOver`` or ``CancelledAlready``."""
        self.require_open(now)
        return replace(self, status=Status.CANCELLED, ended_at=now, ended_by=by, end_reason=reason, is_told=False)

    def remind(self, now: datetime) -> tuple["Campaign", int | None]:
        """Return it with what is due noted, and how many days before the end that was: of several missed ones the last."""
        due = [each for each in self.reminder_days if each not in self.reminded and self.due_at - timedelta(days=each) <= now]
        return replace(self, reminded=self.reminded | frozenset(due)), min(due, default=None)

    def finish(self, now: datetime) -> "Campaign":
        """Return it over, with everything settled and nobody told yet."""
        return replace(self, status=Status.FINISHED, ended_at=now, is_settling=False, is_told=False)

    def told(self) -> dict[str, Any]:
        """Return what every fact about it tells."""
        return {
            "campaign_id": self.id,
            "title": self.title,
            "side": self.scope.side.value,
            "starter_id": self.scope.starter_id,
            "due_at": self.due_at,
        }


def require_ahead(due_at: datetime, now: datetime) -> None:
    """Refuse a due date that leaves too little time, or is too far away. Raises ``DueDateNotUsable``."""
    if not now + AT_LEAST_AHEAD <= due_at <= now + AT_MOST_AHEAD:
        raise DueDateNotUsable


def passed_days(days: tuple[int, ...], due_at: datetime, now: datetime) -> frozenset[int]:
    """Return of which reminders the moment is over already: they are not told."""
    return frozenset(each for each in days if due_at - timedelta(days=each) <= now)
