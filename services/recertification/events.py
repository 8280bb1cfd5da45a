"""What recertification announces: campaigns, organization by organization, and what came of each thing."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from chassis.acts import Recorded
from chassis.messages import Event

Side = Literal["OPERATOR", "PROVIDER", "ORGANIZATION"]
ThingKind = Literal["PERMISSION", "AGREEMENT", "SUBSCRIPTION", "MEMBER", "CERTIFICATE"]


class ActRecorded(Recorded, service="recertification", version=1):
    """Somebody did something here or was refused it, for the audit trail: services hear it, it is meant for no organization."""


class _OfCampaign(BaseModel):
    """What is told of a campaign. ``side`` started it; ``starter_id`` is its organization, none for the operator."""

    campaign_id: str
    title: str
    side: Side
    starter_id: str | None
    due_at: datetime


class _OfShare(_OfCampaign):
    """What is told of a campaign to one organization whose things are in it."""

    organization_id: str


class CampaignStarted(_OfShare, Event, service="recertification", version=1):
    """An organization is asked to confirm so many of its things until ``due_at``; told once for each organization."""

    items: int


class CampaignReminded(_OfShare, Event, service="recertification", version=1):
    """So many things of an organization are still not confirmed, and so many days are left."""

    open_items: int
    days_left: int


class CampaignDueDateChanged(_OfCampaign, Event, service="recertification", version=1):
    """A campaign ends at another moment than was said."""

    former_due_at: datetime


class CampaignCancelled(_OfShare, Event, service="recertification", version=1):
    """A campaign was called off: nothing of an organization is suspended or ended because of it."""


class ItemSuspended(_OfShare, Event, service="recertification", version=1):
    """So many things of an organization were not confirmed in time and are suspended; told once for each organization.

    Until ``confirmable_until`` a late confirmation lets each of them go on.
    """

    items: int
    confirmable_until: datetime


class CampaignFinished(_OfShare, Event, service="recertification", version=1):
    """A campaign is over; what came of an organization's things is told to it."""

    confirmed: int
    given_up: int
    not_confirmed: int
    ended: int


class _OfItem(BaseModel):
    """What came of one thing. ``subject_id`` is its id; a member's is the user's, within ``organization_id``."""

    campaign_id: str
    item_id: str
    kind: ThingKind
    subject_id: str
    organization_id: str
    provider_id: str | None


class ItemConfirmed(_OfItem, Event, service="recertification", version=1):
    """Whoever holds a thing needs it; where it was suspended for want of this, it goes on (``is_late``)."""

    is_late: bool


class ItemGivenUp(_OfItem, Event, service="recertification", version=1):
    """Whoever holds a thing does not need it any more: whoever owns it ends it."""


class ItemNotConfirmed(_OfItem, Event, service="recertification", version=1):
    """Nobody has confirmed a thing in time: whoever owns it suspends it, until it is confirmed after all."""

    confirmable_until: datetime


class ReportMade(Event, service="recertification", version=1):
    """The signed report of a campaign is there. ``sha256`` is that of its bytes."""

    campaign_id: str
    report_id: str
    language: Literal["LV", "RU", "EN"]
    sha256: str
    size: int
