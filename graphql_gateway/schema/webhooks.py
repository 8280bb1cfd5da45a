"""Webhooks: what happens to an organization is sent to addresses that it names."""

from enum import Enum
from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import Constant, Load, Parent, asks, does, loads, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.nodes import DEFAULT_FIRST, Connection, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import URL, DateTime
from graphql_gateway.schema.services import NOTIFICATIONS

MOST_WEBHOOKS = 20


@enum
class WebhookDeliveryStatus(Enum):
    """Where the delivery of an event to a webhook stands."""

    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    GIVEN_UP = "GIVEN_UP"


@enum
class WebhookFailure(Enum):
    """Why an attempt had no answer."""

    NOT_REACHABLE = "NOT_REACHABLE"
    TIMED_OUT = "TIMED_OUT"
    NOT_HTTP = "NOT_HTTP"
    ADDRESS_NOT_ALLOWED = "ADDRESS_NOT_ALLOWED"


@enum
class WebhookDisabledBecause(Enum):
    """Why a webhook gets nothing: somebody said so, its address answered 410, or it did nothing but fail for days."""

    BY_HAND = "BY_HAND"
    GONE = "GONE"
    FAILING = "FAILING"


@type_
class WebhookAttempt:
    """One attempt to deliver."""

    at: DateTime
    status_code: int | None = reads(says="What was answered; null where there was no answer.")
    failure: WebhookFailure | None
    duration_ms: int
    next_at: DateTime | None = reads(says="When the next attempt was to be; null after the last one.")


@type_
class WebhookDelivery:
    """An event that a webhook got, is to get, or did not take. It is kept for some days after it was finished."""

    id: strawberry.ID
    event_id: strawberry.ID = reads(says="The id of the event, and the header webhook-id: the same on each attempt.")
    event_type: str
    subject: str = reads(says="The id of the thing that the event is about.")
    status: WebhookDeliveryStatus
    created_at: DateTime
    finished_at: DateTime | None
    next_at: DateTime | None = reads(says="When the next attempt is due; null unless it is WAITING.")
    attempts: list[WebhookAttempt] = reads(size=3, says="The latest 50, the oldest of them first.")
    body: str = reads(says="The very text that is sent.")


WebhookDeliveryConnection = Connection[WebhookDelivery]


@type_
class Webhook(Node):
    """An address to which an organization's events are sent, signed, until it has taken them."""

    organization_id: strawberry.ID
    url: URL
    description: str
    event_types: list[str] = reads(size=3, says="What it has chosen: types, whole services (`subscriptions.*`), or `*`.")
    is_enabled: bool
    disabled_because: WebhookDisabledBecause | None
    disabled_at: DateTime | None
    created_at: DateTime
    failing_since: DateTime | None = reads(says="Since when it has taken nothing; null while it takes what is sent.")
    rests_until: DateTime | None = reads(says="Until when nothing is sent, since it did not answer or asked for a pause.")
    former_secret_ends_at: DateTime | None = reads(says="Until when the secret before the present one signs as well.")

    @asks(Load(NOTIFICATIONS, "deliveries_by_webhook", Parent("id"), weight=2.0))
    def deliveries(
        self, status: WebhookDeliveryStatus | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> WebhookDeliveryConnection | None:
        """List what is or was to be delivered, the newest first."""
        planned(status, first, after)


@type_
class WebhookQueries:
    """What may be asked of webhooks at the root."""

    webhook_event_types: list[str] | None = loads(
        Load(NOTIFICATIONS, "webhook_event_types", Constant("all"), size=100),
        says="The types of events that a webhook can choose; `contracts/events` says what each means.",
    )


@input_
class CreateWebhookInput:
    """Where which of an organization's events are to be sent."""

    organization_id: strawberry.ID
    url: str
    description: str = ""
    event_types: list[str] = strawberry.field(
        description="Types that `webhookEventTypes` lists, whole services (`subscriptions.*`), or `*` for everything."
    )


@input_
class ChangeWebhookInput:
    """What is to be different; what is left out stays as it is."""

    webhook_id: strawberry.ID
    url: str | None = strawberry.UNSET
    description: str | None = strawberry.UNSET
    event_types: list[str] | None = strawberry.UNSET


@input_
class DeleteWebhookInput:
    """Which webhook goes."""

    webhook_id: strawberry.ID


@input_
class RotateWebhookSecretInput:
    """Which webhook gets another secret, and for how long the one before signs as well: a day without this, a week at most."""

    webhook_id: strawberry.ID
    grace_seconds: int | None = strawberry.UNSET


@input_
class EnableWebhookInput:
    """Which webhook gets what happens from now on."""

    webhook_id: strawberry.ID


@input_
class DisableWebhookInput:
    """Which webhook gets nothing until somebody enables it."""

    webhook_id: strawberry.ID


@input_
class SendTestEventInput:
    """Which webhook gets an event to try it with."""

    webhook_id: strawberry.ID


@input_
class RedeliverInput:
    """What is delivered again: one delivery, or all that were given up since a time; one of the two is given."""

    webhook_id: strawberry.ID
    delivery_id: strawberry.ID | None = strawberry.UNSET
    given_up_since: DateTime | None = strawberry.UNSET


@type_
class CreatedWebhook:
    """A new webhook and its secret, which is shown here and never again."""

    webhook: Webhook
    secret: str


@type_
class RotatedWebhookSecret:
    """A webhook with a new secret, which is shown here and never again."""

    webhook: Webhook
    secret: str


@type_
class DeletedWebhook:
    """A webhook that is gone."""

    id: strawberry.ID
    organization_id: strawberry.ID


@type_
class Redelivered:
    """How many deliveries are under way again: the oldest thousand at most."""

    webhook: Webhook
    deliveries: int
    are_more: bool = reads(says="Whether more of them are left: ask again for these.")


@type_
class WebhookMutations:
    """What is done with webhooks."""

    @does(NOTIFICATIONS, "create_webhook")
    def create_webhook(
        self, input_: Annotated[CreateWebhookInput, strawberry.argument(name="input")]
    ) -> Annotated[CreatedWebhook | Problem, strawberry.union("CreateWebhookResult")]:
        """Send an organization's events to an address from now on. An organization has 20 webhooks at most."""
        planned(input_)

    @does(NOTIFICATIONS, "change_webhook")
    def change_webhook(
        self, input_: Annotated[ChangeWebhookInput, strawberry.argument(name="input")]
    ) -> Annotated[Webhook | Problem, strawberry.union("ChangeWebhookResult")]:
        """Change where a webhook leads to, what it says of itself, or what it gets from now on."""
        planned(input_)

    @does(NOTIFICATIONS, "delete_webhook")
    def delete_webhook(
        self, input_: Annotated[DeleteWebhookInput, strawberry.argument(name="input")]
    ) -> Annotated[DeletedWebhook | Problem, strawberry.union("DeleteWebhookResult")]:
        """Delete a webhook, with what waits for it and its log."""
        planned(input_)

    @does(NOTIFICATIONS, "rotate_webhook_secret")
    def rotate_webhook_secret(
        self, input_: Annotated[RotateWebhookSecretInput, strawberry.argument(name="input")]
    ) -> Annotated[RotatedWebhookSecret | Problem, strawberry.union("RotateWebhookSecretResult")]:
        """Let another secret sign. Until the grace is over both sign, so that no event fails to be verified."""
        planned(input_)

    @does(NOTIFICATIONS, "enable_webhook")
    def enable_webhook(
        self, input_: Annotated[EnableWebhookInput, strawberry.argument(name="input")]
    ) -> Annotated[Webhook | Problem, strawberry.union("EnableWebhookResult")]:
        """Send what happens from now on. What was given up before is sent by `redeliver`."""
        planned(input_)

    @does(NOTIFICATIONS, "disable_webhook")
    def disable_webhook(
        self, input_: Annotated[DisableWebhookInput, strawberry.argument(name="input")]
    ) -> Annotated[Webhook | Problem, strawberry.union("DisableWebhookResult")]:
        """Send nothing until somebody enables it; what waits is given up."""
        planned(input_)

    @does(NOTIFICATIONS, "send_test_event")
    def send_test_event(
        self, input_: Annotated[SendTestEventInput, strawberry.argument(name="input")]
    ) -> Annotated[Webhook | Problem, strawberry.union("SendTestEventResult")]:
        """Send `notifications.webhook_tested.v1` to this webhook alone; `deliveries` shows in a moment what came of it."""
        planned(input_)

    @does(NOTIFICATIONS, "redeliver")
    def redeliver(
        self, input_: Annotated[RedeliverInput, strawberry.argument(name="input")]
    ) -> Annotated[Redelivered | Problem, strawberry.union("RedeliverResult")]:
        """Deliver again: one delivery, whatever has become of it, or all that were given up since a time."""
        planned(input_)


WEBHOOKS = Load(NOTIFICATIONS, "webhooks_by_organization", Parent("id"), size=MOST_WEBHOOKS)
