"""What can be done with subscriptions. Each verb touches nothing but its transaction."""

from collections.abc import Sequence

from chassis.ids import new_id
from chassis.messages import Event
from chassis.mongo import Transaction
from services.subscriptions.grounds import access as grounds
from services.subscriptions.known import repository as known
from services.subscriptions.subscriptions import access, domain, repository
from services.subscriptions.subscriptions.domain import Step, Subscription, Wish

__all__ = ["approve_subscription", "cancel_all_of_application", "cancel_subscription", "reject_subscription", "subscribe"]


async def subscribe(tx: Transaction, application_id: str, product_id: str, plan_id: str) -> Subscription:
    """Subscribe an application to a plan of a product; a plan that approves automatically makes it active at once."""
    application = await access.application_to_subscribe(tx, application_id)
    product = await access.product_on_offer(tx, product_id)
    plan = await access.plan_on_offer(tx, plan_id, product)
    await grounds.require(tx, application, product)
    subscription, events = domain.subscribe(new_id("sub"), Wish(application, product, plan), _step(tx))
    await known.hold_application(tx, application.id)
    await repository.add(tx, subscription)
    await _announce(tx, subscription, events)
    return subscription


async def approve_subscription(tx: Transaction, subscription_id: str) -> Subscription:
    """Let the application call, as the provider of the product."""
    subscription = await access.subscription_to_decide(tx, subscription_id)
    return await _keep(tx, subscription.approve(_step(tx)))


async def reject_subscription(tx: Transaction, subscription_id: str, reason: str) -> Subscription:
    """Decline the request, as the provider of the product."""
    subscription = await access.subscription_to_decide(tx, subscription_id)
    return await _keep(tx, subscription.reject(_step(tx, reason)))


async def cancel_subscription(tx: Transaction, subscription_id: str, reason: str | None) -> Subscription:
    """End the subscription, as the organization whose application it is."""
    subscription = await access.subscription_to_cancel(tx, subscription_id)
    return await _keep(tx, subscription.cancel(_step(tx, reason)))


async def cancel_all_of_application(tx: Transaction, application_id: str, step: Step) -> None:
    """End the live subscriptions of an application that is no more."""
    for subscription in await repository.find_live_of_application(tx, application_id):
        await _keep(tx, subscription.cancel(step))


def _step(tx: Transaction, reason: str | None = None) -> Step:
    return Step(tx.principal.require_signed_in(), tx.now, reason)


async def _keep(tx: Transaction, outcome: tuple[Subscription, Event]) -> Subscription:
    subscription, event = outcome
    await repository.keep(tx, subscription)
    await _announce(tx, subscription, [event])
    return subscription


async def _announce(tx: Transaction, subscription: Subscription, events: Sequence[Event]) -> None:
    both_sides = dict.fromkeys([subscription.organization_id, subscription.provider_id])
    for event in events:
        await tx.emit(event, subject=subscription.id, organization=subscription.organization_id, audience=tuple(both_sides))
