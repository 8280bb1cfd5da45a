"""How to ask about webhooks."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from starlette.routing import BaseRoute

from chassis.errors import invalid
from chassis.outward import LONGEST
from chassis.paging import connection, read_page
from chassis.web import Asked, Edge, Json, Routes, read_input
from services.notifications.webhooks import access, actions
from services.notifications.webhooks.actions import Again, Desk, Wanted
from services.notifications.webhooks.deliveries import Attempt, Delivery, Lane, Status
from services.notifications.webhooks.domain import (
    DEFAULT_GRACE,
    LONGEST_DESCRIPTION,
    LONGEST_GRACE,
    MOST_CHOICES,
    Webhook,
)
from services.notifications.webhooks.event_types import EVENT_TYPES

_Url = Annotated[str, Field(max_length=LONGEST)]


def _read_description(text: str) -> str:
    """Return a description in one line. Raises ``ValueError`` naming the mend."""
    if not text.isprintable():
        raise ValueError("leave out control characters")
    return text.strip()


_Description = Annotated[str, Field(max_length=LONGEST_DESCRIPTION), AfterValidator(_read_description)]
_Choices = Annotated[list[str], Field(min_length=1, max_length=MOST_CHOICES)]


class _Input(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CreateWebhook(_Input):
    """What ``create_webhook`` takes."""

    organization_id: str
    url: _Url
    description: _Description = ""
    event_types: _Choices


class ChangeWebhook(_Input):
    """What ``change_webhook`` takes; what is left out stays as it is."""

    webhook_id: str
    url: _Url | None = None
    description: _Description | None = None
    event_types: _Choices | None = None


class OneWebhook(_Input):
    """What the verbs about one webhook take."""

    webhook_id: str


class RotateWebhookSecret(_Input):
    """What ``rotate_webhook_secret`` takes; ``grace_seconds`` is how long the one before signs as well."""

    webhook_id: str
    grace_seconds: int = Field(int(DEFAULT_GRACE.total_seconds()), ge=0, le=int(LONGEST_GRACE.total_seconds()))


class Redeliver(_Input):
    """What ``redeliver`` takes: one delivery, or all that were given up since a time."""

    webhook_id: str
    delivery_id: str | None = None
    given_up_since: AwareDatetime | None = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> "Redeliver":
        if (self.delivery_id is None) == (self.given_up_since is None):
            raise ValueError("give delivery_id or given_up_since, one of them")
        return self


class DeliveriesOf(_Input):
    """What a list of deliveries is narrowed to."""

    status: Status | None = None
    first: Any = None
    after: Any = None


def _row(webhook: Webhook, lane: Lane | None, now: datetime) -> dict[str, Any]:
    lane = lane or Lane(webhook.id)
    ends = [each.ends_at for each in webhook.secrets_at(now) if each.ends_at is not None]
    return {
        "id": webhook.id,
        "organization_id": webhook.organization_id,
        "url": webhook.url,
        "description": webhook.description,
        "event_types": list(webhook.event_types),
        "is_enabled": webhook.is_enabled,
        "disabled_because": webhook.disabled_because,
        "disabled_at": webhook.disabled_at,
        "created_at": webhook.created_at,
        "failing_since": lane.failing_since,
        "rests_until": lane.rests_until if lane.rests_at(now) else None,
        "former_secret_ends_at": max(ends, default=None),
    }


def _attempt_row(attempt: Attempt) -> dict[str, Any]:
    return {
        "at": attempt.at,
        "status_code": attempt.outcome.status,
        "failure": attempt.outcome.failure,
        "duration_ms": attempt.outcome.duration_ms,
        "next_at": attempt.next_at,
    }


def _delivery_row(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "event_type": delivery.key,
        "subject": delivery.subject,
        "status": delivery.status,
        "created_at": delivery.created_at,
        "finished_at": delivery.finished_at,
        "next_at": delivery.due_at,
        "attempts": [_attempt_row(each) for each in delivery.attempts],
        "body": delivery.body.decode(),
    }


async def _rows(asked: Asked, webhooks: Sequence[Webhook]) -> list[dict[str, Any]]:
    reader = asked.reader()
    lanes = await access.lanes_of(reader, webhooks)
    return [_row(each, lanes.get(each.id), reader.now) for each in webhooks]


async def _one(asked: Asked, webhook: Webhook) -> dict[str, Any]:
    return (await _rows(asked, [webhook]))[0]


class _Handlers:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def create_webhook(self, asked: Asked) -> Json:
        given = asked.read(CreateWebhook)
        wanted = Wanted(given.url, given.description, given.event_types)
        made = await asked.transact(lambda tx: actions.create_webhook(tx, self._desk, given.organization_id, wanted))
        return {"webhook": await _one(asked, made[0]), "secret": made[1]}

    async def change_webhook(self, asked: Asked) -> Json:
        given = asked.read(ChangeWebhook)
        wanted = Wanted(given.url, given.description, given.event_types)
        return await _one(
            asked, await asked.transact(lambda tx: actions.change_webhook(tx, self._desk, given.webhook_id, wanted))
        )

    async def delete_webhook(self, asked: Asked) -> Json:
        given = asked.read(OneWebhook)
        webhook = await asked.transact(lambda tx: actions.delete_webhook(tx, given.webhook_id))
        return {"id": webhook.id, "organization_id": webhook.organization_id}

    async def rotate_webhook_secret(self, asked: Asked) -> Json:
        given = asked.read(RotateWebhookSecret)
        grace = timedelta(seconds=given.grace_seconds)
        made = await asked.transact(lambda tx: actions.rotate_webhook_secret(tx, self._desk, given.webhook_id, grace))
        return {"webhook": await _one(asked, made[0]), "secret": made[1]}

    async def enable_webhook(self, asked: Asked) -> Json:
        given = asked.read(OneWebhook)
        return await _one(asked, await asked.transact(lambda tx: actions.enable_webhook(tx, self._desk, given.webhook_id)))

    async def disable_webhook(self, asked: Asked) -> Json:
        given = asked.read(OneWebhook)
        return await _one(asked, await asked.transact(lambda tx: actions.disable_webhook(tx, self._desk, given.webhook_id)))

    async def send_test_event(self, asked: Asked) -> Json:
        given = asked.read(OneWebhook)
        return await _one(asked, await asked.transact(lambda tx: actions.send_test_event(tx, given.webhook_id)))

    async def redeliver(self, asked: Asked) -> Json:
        given = asked.read(Redeliver)
        again: Again
        if given.delivery_id is not None:
            delivery_id = given.delivery_id
            again = await asked.transact(lambda tx: actions.redeliver(tx, self._desk, given.webhook_id, delivery_id))
        else:
            since = given.given_up_since
            assert since is not None
            again = await asked.transact(lambda tx: actions.redeliver_since(tx, self._desk, given.webhook_id, since))
        return {"webhook": await _one(asked, again.webhook), "deliveries": again.deliveries, "are_more": again.are_more}


async def _webhooks_by_id(asked: Asked) -> Json:
    ids = asked.ids
    found = await access.visible(asked.reader(), ids)
    rows = {row["id"]: row for row in await _rows(asked, list(found.values()))}
    return [rows.get(each) for each in ids]


async def _webhooks_by_organization(asked: Asked) -> Json:
    ids = asked.ids
    found = await access.of_organizations(asked.reader(), ids)
    rows = {row["id"]: row for row in await _rows(asked, [webhook for each in found.values() for webhook in each])}
    return [[rows[webhook.id] for webhook in found[each]] if each in found else None for each in ids]


async def _deliveries_by_webhook(asked: Asked) -> Json:
    ids, given = asked.ids, read_input(DeliveriesOf, asked.args)
    page = read_page(given.first, given.after)
    if page.after is not None and not isinstance(page.after[0], str):
        raise invalid("after", "give the endCursor of a page of this very list")
    found = await access.deliveries_of(asked.reader(), ids, given.status, page)
    shown = {key: connection([_delivery_row(each) for each in rows], page, _place_of) for key, rows in found.items()}
    return [shown.get(each) for each in ids]


def _place_of(row: dict[str, Any]) -> tuple[str]:
    return (row["id"],)


async def _webhook_event_types(asked: Asked) -> Json:
    return [list(EVENT_TYPES) for _ in asked.keys]


def routes(edge: Edge, desk: Desk) -> list[BaseRoute]:
    """Return the routes of webhooks."""
    handlers = _Handlers(desk)
    r = Routes(edge)
    r.do("create_webhook", handlers.create_webhook)
    r.do("change_webhook", handlers.change_webhook)
    r.do("delete_webhook", handlers.delete_webhook)
    r.do("rotate_webhook_secret", handlers.rotate_webhook_secret)
    r.do("enable_webhook", handlers.enable_webhook)
    r.do("disable_webhook", handlers.disable_webhook)
    r.do("send_test_event", handlers.send_test_event)
    r.do("redeliver", handlers.redeliver)
    r.load("webhooks_by_id", _webhooks_by_id)
    r.load("webhooks_by_organization", _webhooks_by_organization)
    r.load("deliveries_by_webhook", _deliveries_by_webhook)
    r.load("webhook_event_types", _webhook_event_types)
    return r.collected
