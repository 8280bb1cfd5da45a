"""What can be done about the plan of a subscription. Each verb touches nothing but its transaction."""

from dataclasses import dataclass
from datetime import datetime

from chassis.mongo import Transaction
from services.subscriptions.calls import repository as calls
from services.subscriptions.plan_changes import access, domain
from services.subscriptions.plan_changes.domain import NoPlanChange, Outcome, Preview, When
from services.subscriptions.subscriptions import access as subscriptions
from services.subscriptions.subscriptions.actions import keep, step
from services.subscriptions.subscriptions.domain import Subscription


@dataclass(frozen=True, slots=True)
class Asked:
    """Which subscription shall go over to which plan, and when."""

    subscription_id: str
    plan_id: str
    when: When = When.NOW
    at: datetime | None = None


async def preview_plan_change(tx: Transaction, asked: Asked) -> Preview:
    """Say what a change of plan would mean; nothing changes by it."""
    subscription = await subscriptions.subscription_to_change(tx, asked.subscription_id)
    plan = await access.plan_to_change_to(tx, asked.plan_id, subscription)
    present = await access.present_plan(tx, subscription)
    effective_at = domain.due_at(asked.when, asked.at, (present, plan), tx.now) or tx.now
    domain.require_possible(subscription, plan, effective_at)
    period = domain.counted_by(plan, present)
    used = None if period is None else await calls.used(tx, subscription.id, *period)
    return domain.preview(present, plan, effective_at, used)


async def change_subscription_plan(tx: Transaction, asked: Asked) -> Subscription:
    """Go over to another plan, at once or later; the id and the credentials stay. Some plans wait for the provider's word."""
    subscription = await subscriptions.subscription_to_change(tx, asked.subscription_id)
    plan = await access.plan_to_change_to(tx, asked.plan_id, subscription)
    due = domain.due_at(asked.when, asked.at, (await access.present_plan(tx, subscription), plan), tx.now)
    return await _keep(tx, domain.request(subscription, plan, due, step(tx)))


async def approve_plan_change(tx: Transaction, subscription_id: str) -> Subscription:
    """Agree to the change of plan that waits, as the provider of the product."""
    subscription = await subscriptions.subscription_to_decide(tx, subscription_id)
    plan = await access.wished_plan(tx, subscription)
    if plan is None:
        subscription.require_in_force()
        raise NoPlanChange
    return await _keep(tx, domain.approve(subscription, plan, step(tx)))


async def reject_plan_change(tx: Transaction, subscription_id: str, reason: str) -> Subscription:
    """Decline the change of plan that waits, as the provider of the product."""
    subscription = await subscriptions.subscription_to_decide(tx, subscription_id)
    return await _keep(tx, domain.reject(subscription, step(tx, reason)))


async def withdraw_plan_change(tx: Transaction, subscription_id: str) -> Subscription:
    """Take back the change of plan that waits, as the organization whose application is subscribed."""
    subscription = await subscriptions.subscription_to_change(tx, subscription_id)
    return await _keep(tx, domain.withdraw(subscription, step(tx)))


async def begin_due_plan_change(tx: Transaction) -> int:
    """Let the change of plan begin that has been due longest; return 0 where none is due."""
    subscription = await access.due(tx)
    if subscription is None:
        return 0
    await _keep(tx, domain.begin(subscription, await access.wished_plan(tx, subscription), step(tx)))
    return 1


async def _keep(tx: Transaction, outcome: Outcome) -> Subscription:
    subscription, events = outcome
    return await keep(tx, subscription, *events)
