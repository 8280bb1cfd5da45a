"""What can be done with webhooks."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chassis.errors import FieldProblem
from chassis.ids import new_id
from chassis.mongo import Transaction
from chassis.outward import AddressNotAllowed, Door
from services.notifications.sealing import Seal
from services.notifications.webhooks import access, lanes, log, repository
from services.notifications.webhooks.domain import (
    MANAGE,
    WEBHOOK_PREFIX,
    DisabledBecause,
    EventTypeNotKnown,
    NoSuchWebhook,
    Secret,
    TooManyWebhooks,
    Webhook,
    WebhookUrlNotAllowed,
)
from services.notifications.webhooks.event_types import is_choice
from services.notifications.webhooks.signing import new_secret

MOST_AT_ONCE = 1000


class NoSuchDelivery(NoSuchWebhook):
    """This webhook has no such delivery."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("delivery_id", "give the id of a delivery of this webhook")])


NoSuchDelivery.code = NoSuchWebhook.code


@dataclass(frozen=True, slots=True)
class Desk:
    """What webhooks stand on: the door outside, the seal of their secrets, how long is kept what was sent; ``wanted`` wakes."""

    door: Door
    seal: Seal
    kept_for: timedelta
    disable_after: timedelta
    wanted: asyncio.Event = field(default_factory=asyncio.Event)

    def read_url(self, url: str) -> str:
        """Return an address to which events may be sent. Raises ``WebhookUrlNotAllowed``."""
        try:
            self.door.read(url)
        except AddressNotAllowed as error:
            raise WebhookUrlNotAllowed from error
        return url


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a webhook is to be; what is None stays as it is."""

    url: str | None = None
    description: str | None = None
    event_types: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """How many deliveries are sent again, and whether more of them are left."""

    webhook: Webhook
    deliveries: int
    are_more: bool = False


def _read_choices(choices: Sequence[str]) -> tuple[str, ...]:
    unknown = [position for position, each in enumerate(choices) if not is_choice(each)]
    if unknown:
        raise EventTypeNotKnown(unknown)
    return tuple(dict.fromkeys(choices))


def _written(webhook: Webhook, wanted: Wanted, desk: Desk) -> Webhook:
    if wanted.url is not None:
        webhook = replace(webhook, url=desk.read_url(wanted.url))
    if wanted.description is not None:
        webhook = replace(webhook, description=wanted.description)
    if wanted.event_types is not None:
        webhook = replace(webhook, event_types=_read_choices(wanted.event_types))
    return webhook


async def create_webhook(tx: Transaction, desk: Desk, organization_id: str, wanted: Wanted) -> tuple[Webhook, str]:
    """Send an organization's events to an address from now on; return its secret, too, which is shown once.

    Raises ``SignInFirst``, ``NotFound``, ``RoleNotAllowed``, ``WebhookUrlNotAllowed``, ``EventTypeNotKnown`` or
    ``TooManyWebhooks``.
    """
    tx.principal.require(MANAGE, organization_id)
    webhook_id, secret = new_id(WEBHOOK_PREFIX), new_secret()
    sealed = Secret(desk.seal.close(secret, webhook_id), tx.now)
    blank = Webhook(webhook_id, organization_id, "", "", event_types=(), secrets=(sealed,), created_at=tx.now)
    webhook = _written(blank, wanted, desk)
    slot = await repository.free_slot(tx, organization_id)
    if slot is None:
        raise TooManyWebhooks
    await repository.add(tx, webhook, slot)
    await lanes.open_(tx, webhook.id)
    return webhook, secret


async def change_webhook(tx: Transaction, desk: Desk, webhook_id: str, wanted: Wanted) -> Webhook:
    """Change where a webhook leads to, what it says of itself, or what it gets from now on.

    Raises ``SignInFirst``, ``NoSuchWebhook``, ``RoleNotAllowed``, ``WebhookUrlNotAllowed`` or ``EventTypeNotKnown``.
    """
    webhook = _written(await access.require(tx, webhook_id), wanted, desk)
    await repository.replace(tx, webhook)
    if wanted.url is not None:
        await _begin_anew(tx, desk, webhook)
    return webhook


async def delete_webhook(tx: Transaction, webhook_id: str) -> Webhook:
    """Send nothing there any more, for good. Raises ``SignInFirst``, ``NoSuchWebhook`` or ``RoleNotAllowed``."""
    webhook = await access.require(tx, webhook_id)
    await _remove(tx, webhook.id)
    return webhook


async def delete_all_of(tx: Transaction, organization_id: str) -> None:
    """Delete the webhooks of an organization that is gone."""
    for webhook in (await repository.find_of_organizations(tx, [organization_id])).get(organization_id, []):
        await _remove(tx, webhook.id)


async def _remove(tx: Transaction, webhook_id: str) -> None:
    await repository.remove(tx, webhook_id)
    await lanes.close(tx, webhook_id)


async def rotate_webhook_secret(tx: Transaction, desk: Desk, webhook_id: str, grace: timedelta) -> tuple[Webhook, str]:
    """Let another secret sign; until the grace is over the one before signs as well.

    Raises ``SignInFirst``, ``NoSuchWebhook`` or ``RoleNotAllowed``.
    """
    secret = new_secret()
    webhook = (await access.require(tx, webhook_id)).rotate(desk.seal.close(secret, webhook_id), tx.now, grace)
    await repository.replace(tx, webhook)
    return webhook, secret


async def enable_webhook(tx: Transaction, desk: Desk, webhook_id: str) -> Webhook:
    """Send what happens from now on.

    Raises ``SignInFirst``, ``NoSuchWebhook``, ``RoleNotAllowed`` or ``WebhookAlreadyEnabled``.
    """
    webhook = (await access.require(tx, webhook_id)).enable()
    await repository.replace(tx, webhook)
    await _begin_anew(tx, desk, webhook)
    return webhook


async def disable_webhook(tx: Transaction, desk: Desk, webhook_id: str) -> Webhook:
    """Send nothing until somebody enables it; what waits is given up.

    Raises ``SignInFirst``, ``NoSuchWebhook``, ``RoleNotAllowed`` or ``WebhookAlreadyDisabled``.
    """
    webhook = await access.require(tx, webhook_id)
    return await end(tx, desk, webhook, DisabledBecause.BY_HAND)


async def end(tx: Transaction, desk: Desk, webhook: Webhook, because: DisabledBecause, *, untold: int = 0) -> Webhook:
    """Disable a webhook and announce it, with what was given up before and is ``untold``. Raises ``WebhookAlreadyDisabled``."""
    webhook = webhook.disable(because, tx.now)
    await repository.replace(tx, webhook)
    given_up = untold + await log.give_up(tx, webhook.id, desk.kept_for, overdue_only=False)
    own = webhook.organization_id
    await tx.emit(webhook.disabled(given_up), subject=webhook.id, organization=own, audience=[own])
    return webhook


async def send_test_event(tx: Transaction, webhook_id: str) -> Webhook:
    """Announce an event that goes to this webhook alone, the way that all others go.

    Raises ``SignInFirst``, ``NoSuchWebhook``, ``RoleNotAllowed`` or ``WebhookIsDisabled``.
    """
    webhook = await access.require(tx, webhook_id)
    webhook.require_enabled()
    own = webhook.organization_id
    await tx.emit(webhook.tested(), subject=webhook.id, organization=own, audience=[own])
    return webhook


async def redeliver(tx: Transaction, desk: Desk, webhook_id: str, delivery_id: str) -> Again:
    """Send one delivery again, whatever has become of it.

    Raises ``SignInFirst``, ``NoSuchWebhook``, ``RoleNotAllowed``, ``WebhookIsDisabled`` or ``NoSuchDelivery``.
    """
    webhook = await access.require(tx, webhook_id)
    webhook.require_enabled()
    delivery = await log.find_one(tx, webhook_id, delivery_id)
    if delivery is None:
        raise NoSuchDelivery
    await _begin_anew(tx, desk, webhook)
    return Again(webhook, await log.send_again(tx, [delivery.id]))


async def redeliver_since(tx: Transaction, desk: Desk, webhook_id: str, since: datetime) -> Again:
    """Send again what was given up since a time, the oldest first, a thousand at most.

    Raises ``SignInFirst``, ``NoSuchWebhook``, ``RoleNotAllowed`` or ``WebhookIsDisabled``.
    """
    webhook = await access.require(tx, webhook_id)
    webhook.require_enabled()
    found = await log.find_given_up(tx, webhook_id, since, MOST_AT_ONCE + 1)
    await _begin_anew(tx, desk, webhook)
    return Again(webhook, await log.send_again(tx, found[:MOST_AT_ONCE]), len(found) > MOST_AT_ONCE)


async def _begin_anew(tx: Transaction, desk: Desk, webhook: Webhook) -> None:
    """Forget that sending failed, and try what waits at once: somebody has done something about it."""
    tx.concerns(webhook.organization_id)
    lane = (await lanes.find(tx, [webhook.id])).get(webhook.id)
    if lane is not None:
        await lanes.replace(tx, lane.reset())
    await log.hurry(tx, webhook.id)
    tx.after_commit(desk.wanted.set)
