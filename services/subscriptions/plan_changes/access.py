"""Which plans may be changed to: found as subscribing finds them."""

from chassis.mongo import Transaction
from services.subscriptions.known import repository as known
from services.subscriptions.known.domain import Plan
from services.subscriptions.subscriptions import access, repository
from services.subscriptions.subscriptions.domain import Subscription


async def plan_to_change_to(tx: Transaction, plan_id: str, subscription: Subscription) -> Plan:
    """Return a plan of the subscription's product, or of any other that is published. Raises ``NotHeardOf``."""
    product = await access.product_subscribed_to(tx, subscription)
    return await access.plan_on_offer(tx, plan_id, product)


async def present_plan(tx: Transaction, subscription: Subscription) -> Plan | None:
    """Return the plan that the subscription is on, as far as it has been heard of."""
    return await known.find_plan(tx, subscription.plan_id)


async def wished_plan(tx: Transaction, subscription: Subscription) -> Plan | None:
    """Return the plan that the subscription waits for."""
    return None if subscription.plan_change is None else await known.find_plan(tx, subscription.plan_change.plan_id)


async def due(tx: Transaction) -> Subscription | None:
    """Return the subscription whose change of plan has been due longest, or None."""
    return await repository.find_due_plan_change(tx)
