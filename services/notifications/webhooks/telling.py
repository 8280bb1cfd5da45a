"""What announcements and tries change: events wait to be sent, were taken, were not; endpoints that only fail are disabled."""

from dataclasses import replace
from itertools import chain

from chassis import messages
from chassis.ids import new_id
from chassis.messages import Heard
from chassis.mongo import Transaction
from services.notifications.webhooks import lanes, log, repository
from services.notifications.webhooks.actions import Desk, end
from services.notifications.webhooks.deliveries import (
    DELIVERY_PREFIX,
    GIVE_UP_AFTER,
    Attempt,
    Delivery,
    Lane,
    Outcome,
    shown_to,
)
from services.notifications.webhooks.domain import DisabledBecause, Webhook
from services.notifications.webhooks.event_types import TESTED


async def tell(tx: Transaction, desk: Desk, heard: Heard) -> None:
    """Let an event wait for each webhook of its audience that has chosen its type."""
    if not heard.audience:
        return
    found = await repository.find_of_organizations(tx, heard.audience)
    wanting = [each for each in chain.from_iterable(found.values()) if each.is_enabled and _wants(each, heard)]
    told = await log.find_told(tx, heard.id, [each.id for each in wanting]) if wanting else set()
    wanting = [each for each in wanting if each.id not in told]  # announced once more, long after it was first heard
    if not wanting:
        return
    bodies = {each: _body(heard, each) for each in {webhook.organization_id for webhook in wanting}}
    await log.add(tx, [_delivery(tx, webhook, heard, bodies[webhook.organization_id]) for webhook in wanting])
    tx.after_commit(desk.wanted.set)


def _wants(webhook: Webhook, heard: Heard) -> bool:
    if heard.key == TESTED:
        return heard.subject == webhook.id
    # That it fails is not told to the webhook that fails: it would fail for ever.
    return heard.subject != webhook.id and webhook.chooses(heard.key)


def _body(heard: Heard, organization_id: str) -> bytes:
    return messages.to_bytes(messages.envelope_again(heard, shown_to(heard, organization_id), [organization_id]))


def _delivery(tx: Transaction, webhook: Webhook, heard: Heard, body: bytes) -> Delivery:
    return Delivery(
        new_id(DELIVERY_PREFIX),
        webhook.id,
        heard.id,
        key=heard.key,
        subject=heard.subject,
        sequence=heard.sequence,
        body=body,
        created_at=tx.now,
        give_up_at=tx.now + GIVE_UP_AFTER,
    )


async def note_success(tx: Transaction, webhook: Webhook, event_id: str) -> Lane:
    """Note that a webhook takes events, which it had not done before or not lately: what waited while it rested is due now."""
    lane = await _lane(tx, webhook)
    has_rested = lane.rests_until is not None  # one that refuses a single event has never stopped taking the others
    if lane.untold:
        lane = await _tell_given_up(tx, lane, webhook, at_once=True)
    lane, fact = lane.succeed(webhook.organization_id, event_id, tx.now)
    await lanes.replace(tx, lane)
    if has_rested:
        await log.hurry(tx, webhook.id)
    await tx.emit(fact, subject=webhook.id, organization=webhook.organization_id, audience=[webhook.organization_id])
    return lane


async def note_failure(
    tx: Transaction, desk: Desk, delivery: Delivery, outcome: Outcome, *, is_news: bool, share: float
) -> Lane | None:
    """Note that a webhook did not take an event; return how its lane goes on, or None where it is disabled now."""
    webhook = (await repository.find(tx, [delivery.webhook_id])).get(delivery.webhook_id)
    if webhook is None or not webhook.is_enabled:
        return None
    next_at = None if outcome.is_gone else delivery.next_try(outcome, tx.now, share)
    await log.note_failed(tx, delivery, Attempt(tx.now, outcome, next_at), desk.kept_for)
    lane = (await _lane(tx, webhook)).fail(outcome, tx.now, is_news=is_news, share=share)
    lane = replace(lane, untold=lane.untold + (next_at is None))
    if lane.has_failed_for_a_day(tx.now):
        overdue = await log.give_up(tx, webhook.id, desk.kept_for, overdue_only=True)
        lane = replace(lane, untold=lane.untold + overdue)
    because = _end_of(lane, outcome, tx, desk)
    if because is not None:
        await lanes.replace(tx, replace(lane, untold=0))
        await end(tx, desk, webhook, because, untold=lane.untold)
        return None
    lane = await _tell_given_up(tx, lane, webhook)
    await lanes.replace(tx, lane)
    return lane


def _end_of(lane: Lane, outcome: Outcome, tx: Transaction, desk: Desk) -> DisabledBecause | None:
    if outcome.is_gone:
        return DisabledBecause.GONE
    if lane.failing_since is not None and tx.now - lane.failing_since >= desk.disable_after:
        return DisabledBecause.FAILING
    return None


async def _tell_given_up(tx: Transaction, lane: Lane, webhook: Webhook, *, at_once: bool = False) -> Lane:
    lane, fact = lane.tell(webhook.organization_id, tx.now, at_once=at_once)
    if fact is not None:
        await tx.emit(fact, subject=webhook.id, organization=webhook.organization_id, audience=[webhook.organization_id])
    return lane


async def _lane(tx: Transaction, webhook: Webhook) -> Lane:
    return (await lanes.find(tx, [webhook.id])).get(webhook.id) or Lane(webhook.id)
