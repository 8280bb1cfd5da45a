"""What notifications announces. Ids only: never what was said to whom in words, and never an address."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from chassis.acts import Recorded
from chassis.messages import Event


class ActRecorded(Recorded, service="notifications", version=1):
    """Somebody did something here or was refused it, for the audit trail: services hear it, it is meant for no organization."""


class NoticeOf(BaseModel):
    """One notice and whose it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    notice_id: str
    user_id: str


class NoticeSent(Event, service="notifications", version=1):
    """People were told of something: each has a notice. ``kind`` says of what, ``about`` is the id of the thing.

    One announcement for all whom one organization's side of it concerns (``organization_id``; None for the operator's staff and
    for who was named), so the organization may hear of it.
    """

    kind: str
    organization_id: str | None
    about: str | None
    notices: tuple[NoticeOf, ...]


class _SupportTold(BaseModel):
    """What every fact about a support request tells: ids and states, never what anybody wrote."""

    request_id: str
    organization_id: str | None
    opened_by: str | None
    about: str | None
    """The id of the thing that it is about, or a step of the procedures such as A5."""
    category: str
    status: str
    waits_for: str | None
    """On whose desk it lies: OPERATOR, USER or PROVIDER."""
    holder_id: str | None
    provider_id: str | None
    is_private: bool


class SupportOpened(_SupportTold, Event, service="notifications", version=1):
    """Somebody asks for help; `opened_by` is null for a mail of somebody who is not known by its address."""


class SupportReplied(_SupportTold, Event, service="notifications", version=1):
    """Somebody wrote in a support request. `side` is USER, OPERATOR or PROVIDER."""

    message_id: str
    side: str


class SupportClosed(_SupportTold, Event, service="notifications", version=1):
    """A support request is SOLVED, which an answer within 14 days takes back, or CLOSED for good."""


class SupportProviderInvolved(_SupportTold, Event, service="notifications", version=1):
    """The provider of what a support request is about is drawn in: it reads the thread, and is asked to answer."""


class WebhookTested(Event, service="notifications", version=1):
    """Somebody wants to see an event arrive at a webhook. It is sent to this webhook alone, whatever types it has chosen."""

    webhook_id: str
    organization_id: str


class WebhookDelivered(Event, service="notifications", version=1):
    """A webhook has taken an event: its first one, or the first one after it had failed. Not announced of each event."""

    webhook_id: str
    organization_id: str
    event_id: str
    failing_since: datetime | None


class WebhookFailed(Event, service="notifications", version=1):
    """Events were given up, since their webhook did not take them for a day. Announced at most once an hour for a webhook."""

    webhook_id: str
    organization_id: str
    given_up: int
    failing_since: datetime | None


class WebhookDisabled(Event, service="notifications", version=1):
    """A webhook gets nothing any more: somebody has disabled it, or it is gone, or it did nothing but fail for days."""

    webhook_id: str
    organization_id: str
    because: str
    given_up: int
