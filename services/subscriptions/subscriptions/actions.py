"""What can be done with subscriptions. Each verb touches nothing but its transaction."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from chassis.ids import new_id
from chassis.messages import Event
from chassis.mongo import Transaction
from services.subscriptions.grounds import access as grounds
from services.subscriptions.known import repository as known
from services.subscriptions.recertifications import access as recertifications
from services.subscriptions.subscriptions import access, domain, repository
from services.subscriptions.subscriptions.domain import IN_FORCE, MISSING, SIDES, Cause, Step, Subscription, Wish

__all__ = [
    "approve_subscription",
    "asked_for",
    "cancel_all_of_application",
    "cancel_subscription",
    "end_subscription",
    "end_unneeded",
    "keep",
    "reconsider",
    "reconsider_more",
    "reconsider_subscription",
    "reject_subscription",
    "resume_subscription",
    "step",
    "subscribe",
    "suspend_subscription",
]

_RECONSIDERED_AT_ONCE = 50
# Longer than any transaction takes: whoever subscribed by what was announced before is looked at once more.
_LOOKED_AT_AGAIN_AFTER = timedelta(seconds=60)


async def subscribe(tx: Transaction, application_id: str, product_id: str, plan_id: str) -> Subscription:
    """Subscribe an application to a plan of a product; a plan that approves automatically makes it active at once."""
    application = await access.application_to_subscribe(tx, application_id)
    product = await access.product_on_offer(tx, product_id)
    plan = await access.plan_on_offer(tx, plan_id, product)
    await grounds.require(tx, application, product)
    subscription, events = domain.subscribe(new_id("sub"), Wish(application, product, plan), step(tx))
    await known.hold_application(tx, application.id)
    await repository.add(tx, subscription)
    await _announce(tx, subscription, events)
    return subscription


async def approve_subscription(tx: Transaction, subscription_id: str) -> Subscription:
    """Let the application call, as the provider of the product; what the product asks for has to stand by now."""
    subscription = await access.subscription_to_decide(tx, subscription_id)
    approved = subscription.approve(step(tx))
    application = await known.find_application(tx, subscription.application_id)
    product = await known.find_product(tx, subscription.product_id)
    if application is not None and product is not None:
        await grounds.require(tx, application, product)
    return await keep(tx, *approved)


async def reject_subscription(tx: Transaction, subscription_id: str, reason: str) -> Subscription:
    """Decline the request, as the provider of the product."""
    subscription = await access.subscription_to_decide(tx, subscription_id)
    return await keep(tx, *subscription.reject(step(tx, reason)))


async def cancel_subscription(tx: Transaction, subscription_id: str, reason: str | None) -> Subscription:
    """End the subscription, as the organization whose application it is."""
    subscription = await access.subscription_to_cancel(tx, subscription_id)
    return await keep(tx, *subscription.cancel(step(tx, reason)))


async def end_subscription(tx: Transaction, subscription_id: str, reason: str) -> Subscription:
    """End the subscription, as the provider of the product or as the operator, who have to say why."""
    subscription = await access.subscription_to_end(tx, subscription_id)
    return await keep(tx, *subscription.cancel(step(tx, reason)))


async def suspend_subscription(tx: Transaction, subscription_id: str, reason: str, side: Cause | None) -> Subscription:
    """Hold the subscription, as one of its sides: no call passes until that side lifts its hold."""
    subscription, cause = await access.subscription_to_suspend(tx, subscription_id, side)
    return await keep(tx, *subscription.suspend(cause, step(tx, reason)))


async def resume_subscription(tx: Transaction, subscription_id: str, side: Cause | None) -> Subscription:
    """Lift one's own hold; the subscription is in force again once nobody and nothing else holds it."""
    subscription, causes = await access.subscription_to_resume(tx, subscription_id, side)
    return await keep(tx, *subscription.resume(causes, step(tx)))


async def cancel_all_of_application(tx: Transaction, application_id: str, step: Step) -> None:
    """End the live subscriptions of an application that is no more."""
    for subscription in await repository.find_live_of_application(tx, application_id):
        await keep(tx, *subscription.cancel(step))


async def end_unneeded(tx: Transaction, subscription_id: str, reason: str) -> None:
    """End a subscription that its organization does not need any more (for those who have heard so)."""
    subscription = (await repository.find(tx, [subscription_id])).get(subscription_id)
    if subscription is not None and subscription.is_live:
        await keep(tx, *subscription.cancel(step(tx, reason)))


async def asked_for(tx: Transaction, product_id: str) -> frozenset[str] | None:
    """Return what a product asks for, as it is known now; None where the product is not heard of."""
    product = await known.find_product(tx, product_id)
    return None if product is None else product.prerequisites


async def reconsider(
    tx: Transaction,
    product_id: str | None,
    *,
    application_id: str | None = None,
    organization_id: str | None = None,
    once_more: bool = False,
) -> None:
    """Hold or let go the subscriptions concerned, as what their product asks for stands now: whoever called it, and how often.

    ``once_more`` is for what a subscription does not write to when it begins: one that began unaware is looked at again later.
    """
    named = {"product_id": product_id, "application_id": application_id, "organization_id": organization_id}
    scope = {name: value for name, value in named.items() if value is not None}
    assert scope, "say which subscriptions"
    if once_more:
        await repository.note_rest(tx, scope, due_at=tx.now + _LOOKED_AT_AGAIN_AFTER)
    await _reconsider_some(tx, scope)


async def reconsider_subscription(tx: Transaction, subscription_id: str) -> None:
    """Hold or let go one subscription, as everything stands now; nothing happens where it is not in force."""
    subscription = (await repository.find(tx, [subscription_id])).get(subscription_id)
    if subscription is not None and subscription.status in IN_FORCE:
        await _reconsider_one(tx, subscription)


async def reconsider_more(tx: Transaction) -> int:
    """Go on where reconsidering many has stopped; return 0 where there is nothing left."""
    rest = await repository.take_rest(tx)
    if rest is None:
        return 0
    await _reconsider_some(tx, *rest)
    return 1


async def _reconsider_some(tx: Transaction, scope: Mapping[str, str], after: str = "") -> None:
    found = await repository.find_in_force(tx, scope, after, _RECONSIDERED_AT_ONCE)
    for subscription in found:
        await _reconsider_one(tx, subscription)
    if len(found) == _RECONSIDERED_AT_ONCE:
        await repository.note_rest(tx, scope, found[-1].id)


async def _reconsider_one(tx: Transaction, subscription: Subscription) -> None:
    application = await known.find_application(tx, subscription.application_id)
    product = await known.find_product(tx, subscription.product_id)
    if application is None or product is None:
        return
    missing = [Cause(each.value) for each in await grounds.missing(tx, application, product)]
    if await recertifications.is_unconfirmed(tx, subscription.id, application, product):
        missing.append(Cause.RECERTIFICATION)
    new = [each for each in missing if each not in subscription.causes]
    over = [each for each in subscription.causes if each not in SIDES and each not in missing]
    for cause in new:
        subscription = await keep(tx, *subscription.suspend(cause, step(tx, MISSING[cause])))
    if over:
        await keep(tx, *subscription.resume(over, step(tx)))
    if not new and not over:
        await repository.touch(tx, subscription.id)


def step(tx: Transaction, reason: str | None = None) -> Step:
    """Return the step that whoever acts takes now."""
    return Step(tx.principal.require_signed_in(), tx.now, reason)


async def keep(tx: Transaction, subscription: Subscription, *events: Event) -> Subscription:
    """Keep a subscription as it stands now, and announce what has happened to it."""
    await repository.keep(tx, subscription)
    await _announce(tx, subscription, events)
    return subscription


async def _announce(tx: Transaction, subscription: Subscription, events: Sequence[Event]) -> None:
    both_sides = dict.fromkeys([subscription.organization_id, subscription.provider_id])
    for event in events:
        await tx.emit(event, subject=subscription.id, organization=subscription.organization_id, audience=tuple(both_sides))
