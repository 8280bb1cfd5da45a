"""What is sent to recertification."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from services.recertification.campaigns.domain import REMINDER_DAYS, Scope, Side, Status, Which
from services.recertification.items.access import Filter
from services.recertification.items.domain import Status as ItemStatus
from services.recertification.items.taking import Announced
from services.recertification.known.domain import Kind

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Ids = Annotated[list[Id], Field(min_length=1, max_length=500)]


class Input(BaseModel):
    """What is sent: nothing but the fields that are named."""

    model_config = ConfigDict(extra="forbid")


class ScopeInput(Input):
    """About what a campaign is, and who starts it: the operator, or ``organization_id`` as a provider or as itself."""

    side: Side
    organization_id: Id | None = None
    kinds: Annotated[list[Kind], Field(min_length=1, max_length=len(Kind))]
    which: Which = Which.ALL
    days: Annotated[int, Field(ge=1, le=3650)] | None = None
    organization_ids: Ids | None = None
    product_ids: Ids | None = None

    def scope(self) -> Scope:
        """Return the scope; kinds in their order, each once."""
        return Scope(
            self.side,
            None if self.side is Side.OPERATOR else self.organization_id,
            tuple(each for each in Kind if each in self.kinds),
            self.which,
            self.days,
            _each_once(self.organization_ids),
            _each_once(self.product_ids),
        )


class StartInput(ScopeInput):
    """What ``start_campaign`` takes: about what, and what those who are asked are told."""

    title: Title
    reason: Reason
    due_at: AwareDatetime
    reminder_days: Annotated[list[Annotated[int, Field(ge=1, le=90)]], Field(max_length=10)] = list(REMINDER_DAYS)

    def announced(self) -> Announced:
        """Return what those who are asked are told."""
        days = tuple(sorted(set(self.reminder_days), reverse=True))
        return Announced(self.title, self.reason, whole(self.due_at), days)


class CampaignInput(Input):
    """Which campaign to cancel, and why (if one likes to say)."""

    campaign_id: Id
    reason: Reason | None = None


class DueDateInput(Input):
    """When a campaign is to end instead."""

    campaign_id: Id
    due_at: AwareDatetime


class DecideInput(Input):
    """Which items to confirm or to give up, and why (if one likes to say)."""

    item_ids: list[Id]
    reason: Reason | None = None


class PageArguments(Input):
    """Which page of a list."""

    first: int | None = None
    after: str | None = None


class CampaignsArguments(PageArguments):
    """Which page of campaigns, of which status only."""

    status: Status | None = None


class ItemsArguments(PageArguments):
    """Which page of items, and which only."""

    status: ItemStatus | None = None
    kind: Kind | None = None
    organization_id: Id | None = None

    def filter(self) -> Filter:
        """Return which only."""
        return Filter(self.status, self.kind, self.organization_id)


def whole(moment: datetime) -> datetime:
    """Return a moment in UTC, to the millisecond: as the database keeps it."""
    exact = moment.astimezone(UTC)
    return exact.replace(microsecond=exact.microsecond // 1000 * 1000)


def _each_once(ids: list[str] | None) -> tuple[str, ...] | None:
    return None if ids is None else tuple(sorted(set(ids)))
