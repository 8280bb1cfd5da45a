"""What is true of webhooks: where they lead to, what they have chosen, when they are disabled, which secrets sign."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from chassis.errors import Conflict, FieldProblem, Invalid, NotFound
from services.notifications.events import WebhookDisabled, WebhookTested

WEBHOOK_PREFIX = "whk"
MANAGE = "MANAGE_WEBHOOKS"
MOST_WEBHOOKS = 20
MOST_CHOICES = 100
LONGEST_DESCRIPTION = 200
LONGEST_GRACE = timedelta(days=7)
DEFAULT_GRACE = timedelta(days=1)


class NoSuchWebhook(NotFound):
    """There is no such webhook."""


NoSuchWebhook.code = NotFound.code


class WebhookUrlNotAllowed(Invalid):
    """Events are not sent to such an address."""

    mend: ClassVar[str] = "give a public https address with a usual port and without user name and password"

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("url", self.mend)])


class EventTypeNotKnown(Invalid):
    """There is no such event type to choose."""

    def __init__(self, positions: Sequence[int]) -> None:
        mend = 'give a type that webhookEventTypes lists, a service such as "subscriptions.*", or "*" for everything'
        super().__init__(fields=[FieldProblem(f"event_types.{each}", mend) for each in positions])


class TooManyWebhooks(Conflict):
    """The organization has as many webhooks as it may have: delete one that is needed no more first."""


class WebhookIsDisabled(Conflict):
    """The webhook is disabled: enable it first."""


class WebhookAlreadyEnabled(Conflict):
    """The webhook is enabled already."""


class WebhookAlreadyDisabled(Conflict):
    """The webhook is disabled already."""


class DisabledBecause(StrEnum):
    """Why a webhook gets nothing: somebody said so, its address answered that it is gone, or it did nothing but fail."""

    BY_HAND = "BY_HAND"
    GONE = "GONE"
    FAILING = "FAILING"


@dataclass(frozen=True, slots=True)
class Secret:
    """What signs; it is kept sealed. ``ends_at`` is the end of the grace, once another one has taken its place."""

    sealed: str
    made_at: datetime
    ends_at: datetime | None = None

    def signs_at(self, moment: datetime) -> bool:
        """Say whether what is sent at a moment is signed with it."""
        return self.ends_at is None or moment < self.ends_at


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address to which an organization's events are sent; ``event_types`` are the choices as they were made."""

    id: str
    organization_id: str
    url: str
    description: str
    event_types: tuple[str, ...]
    secrets: tuple[Secret, ...]
    created_at: datetime
    disabled_because: DisabledBecause | None = None
    disabled_at: datetime | None = None

    @property
    def is_enabled(self) -> bool:
        """Say whether it gets what happens."""
        return self.disabled_because is None

    def chooses(self, key: str) -> bool:
        """Say whether it is to get events of this type."""
        return any(each == key or (each.endswith("*") and key.startswith(each[:-1])) for each in self.event_types)

    def secrets_at(self, moment: datetime) -> tuple[Secret, ...]:
        """Return what signs at a moment, the newest first."""
        return tuple(each for each in self.secrets if each.signs_at(moment))

    def rotate(self, sealed: str, now: datetime, grace: timedelta) -> "Webhook":
        """Let another secret sign; the one before signs as well until the grace is over, an older one no more."""
        former = [replace(each, ends_at=now + grace) for each in self.secrets_at(now) if each.ends_at is None and grace]
        return replace(self, secrets=(Secret(sealed, now), *former))

    def disable(self, because: DisabledBecause, now: datetime) -> "Webhook":
        """Send it nothing any more. Raises ``WebhookAlreadyDisabled``."""
        if not self.is_enabled:
            raise WebhookAlreadyDisabled
        return replace(self, disabled_because=because, disabled_at=now)

    def enable(self) -> "Webhook":
        """Send it what happens from now on. Raises ``WebhookAlreadyEnabled``."""
        if self.is_enabled:
            raise WebhookAlreadyEnabled
        return replace(self, disabled_because=None, disabled_at=None)

    def require_enabled(self) -> None:
        """Refuse where it gets nothing. Raises ``WebhookIsDisabled``."""
        if not self.is_enabled:
            raise WebhookIsDisabled

    def tested(self) -> WebhookTested:
        """Return the fact that somebody wants to see an event arrive."""
        return WebhookTested(webhook_id=self.id, organization_id=self.organization_id)

    def disabled(self, given_up: int) -> WebhookDisabled:
        """Return the fact that it gets nothing any more; so many events were given up with it."""
        because = str(self.disabled_because)
        return WebhookDisabled(webhook_id=self.id, organization_id=self.organization_id, because=because, given_up=given_up)
