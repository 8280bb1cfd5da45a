"""What is true of the things in a campaign.

::

    taken ──► OPEN ◄──confirm, give up──► CONFIRMED, GIVEN_UP      until the due date, as often as one likes
               │ └─due──► NOT_CONFIRMED ──confirm, late──► CONFIRMED
               └─the thing ends──► ENDED

At the due date what was given up is ended by whoever owns it, and is settled; what nobody has decided about is suspended. Of a
campaign that was cancelled, what was not confirmed is WITHDRAWN.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict, Forbidden
from chassis.messages import Event
from services.recertification.campaigns.domain import Campaign
from services.recertification.campaigns.domain import Status as CampaignStatus
from services.recertification.events import ItemConfirmed, ItemGivenUp, ItemNotConfirmed
from services.recertification.known.domain import Kind, Names, Thing, key_of


class Status(StrEnum):
    """What came of a thing in a campaign, so far."""

    OPEN = "OPEN"
    CONFIRMED = "CONFIRMED"
    GIVEN_UP = "GIVEN_UP"
    NOT_CONFIRMED = "NOT_CONFIRMED"
    ENDED = "ENDED"
    WITHDRAWN = "WITHDRAWN"


class DecidedByOneself(Forbidden):
    """Nobody confirms or gives up their own membership: another Owner or Administrator of the organization does."""


class ItemEnded(Conflict):
    """The thing has ended meanwhile; there is nothing to decide about it any more."""


class GivenUpForGood(Conflict):
    """The thing was given up, and the campaign is over: it has been ended."""


class CampaignNotRunning(Conflict):
    """The campaign was cancelled; nothing is asked for any more."""


class TooLateToConfirm(Conflict):
    """What was not confirmed can be confirmed for 30 days after the due date, and these are over."""


class DueDatePassed(Conflict):
    """The due date has passed: what was not confirmed can still be confirmed, but not be given up here."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who decides, when, and why."""

    by: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A thing in a campaign, as it was when it was taken, and what came of it."""

    id: str
    campaign_id: str
    thing: Thing
    names: Names
    taken_at: datetime
    status: Status = Status.OPEN
    is_settled: bool = False
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    is_late: bool = False
    not_confirmed_at: datetime | None = None

    @property
    def is_unsettled(self) -> bool:
        """Say whether the due date still makes something of it."""
        return not self.is_settled and self.status in (Status.OPEN, Status.GIVEN_UP)

    @property
    def key(self) -> str:
        """Return the thing's own key."""
        return key_of(self.thing.kind, self.thing.subject_id, self.thing.organization_id)

    def require_of_others(self, user_id: str) -> None:
        """Refuse whoever decides about themselves. Raises ``DecidedByOneself``."""
        if self.thing.kind is Kind.MEMBER and self.thing.subject_id == user_id:
            raise DecidedByOneself

    def confirm(self, campaign: Campaign, act: Act) -> tuple["Item", list[Event]]:
        """Keep the thing; what was suspended for want of this goes on.

        Raises ``CampaignNotRunning``, ``ItemEnded``, ``GivenUpForGood`` or ``TooLateToConfirm``.
        """
        self._require_decidable(campaign)
        is_late = not campaign.is_open(act.at)
        if is_late and act.at >= campaign.confirmable_until:
            raise TooLateToConfirm
        if self.status is Status.CONFIRMED:
            return self, []
        confirmed = replace(self._decided(Status.CONFIRMED, act), is_late=is_late)
        return confirmed, [ItemConfirmed(**self._told(), is_late=is_late)]

    def give_up(self, campaign: Campaign, act: Act) -> tuple["Item", list[Event]]:
        """Let the thing go when the campaign is due. Raises ``CampaignNotRunning``, ``ItemEnded`` or ``DueDatePassed``."""
        self._require_decidable(campaign)
        if not campaign.is_open(act.at):
            raise DueDatePassed
        return self._decided(Status.GIVEN_UP, act), []

    def end(self, at: datetime) -> "Item":
        """Note that the thing has ended by itself."""
        return replace(self, status=Status.ENDED, is_settled=True, decided_at=at, decided_by=None, reason=None)

    def withdraw(self) -> "Item":
        """Note that nobody asks any more."""
        return replace(self, status=Status.WITHDRAWN, is_settled=True)

    def settle(self, campaign: Campaign, now: datetime, *, is_held: bool) -> tuple["Item", list[Event]]:
        """Do what the due date makes of it; ``is_held`` says whether the thing is still there."""
        if not is_held:
            return self.end(now), []
        if self.status is Status.GIVEN_UP:
            return replace(self, is_settled=True), [ItemGivenUp(**self._told())]
        settled = replace(self, status=Status.NOT_CONFIRMED, is_settled=True, not_confirmed_at=now)
        return settled, [ItemNotConfirmed(**self._told(), confirmable_until=campaign.confirmable_until)]

    def _require_decidable(self, campaign: Campaign) -> None:
        if self.status is Status.ENDED:
            raise ItemEnded
        if campaign.status is CampaignStatus.CANCELLED:
            raise CampaignNotRunning
        if self.status is Status.GIVEN_UP and self.is_settled:
            raise GivenUpForGood

    def _decided(self, status: Status, act: Act) -> "Item":
        return replace(self, status=status, decided_by=act.by, decided_at=act.at, reason=act.reason)

    def _told(self) -> dict[str, Any]:
        thing = self.thing
        return {
            "campaign_id": self.campaign_id,
            "item_id": self.id,
            "kind": thing.kind.value,
            "subject_id": thing.subject_id,
            "organization_id": thing.organization_id,
            "provider_id": thing.provider_id,
        }
