"""What can be done with permissions. Each verb touches nothing but its transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from chassis.ids import new_id
from chassis.messages import Event
from chassis.mongo import Transaction
from services.subscriptions.known import repository as known
from services.subscriptions.permissions import access, domain, repository
from services.subscriptions.permissions.domain import Act, ApplicationGone, Permission
from services.subscriptions.permissions.scope import Wish

__all__ = [
    "begin_due",
    "change_permission_request",
    "end_all_of_application",
    "extend_permission",
    "grant_permission",
    "grant_permission_to",
    "lapse_due",
    "refuse_permission",
    "request_permission",
    "return_permission",
    "revoke_permission",
    "revoke_unneeded",
    "withdraw_permission_request",
]
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be another one of a wish or a scope: what is not named stays."""

    scope: Mapping[str, Any]
    wish: Mapping[str, Any]

    def of(self, wish: Wish) -> Wish:
        """Return the wish as it is with the changes."""
        return replace(wish, scope=replace(wish.scope, **self.scope), **self.wish)


async def request_permission(tx: Transaction, application_id: str, product_id: str, wish: Wish) -> Permission:
    """Ask the provider of a product to let an application call it."""
    application = await access.application_to_permit(tx, application_id)
    product = await access.product_to_ask_for(tx, product_id)
    wish.scope.require_published(await access.operations_of(tx, product.id))
    outcome = domain.request(new_id("prm"), application, product, wish, act=_act(tx))
    await known.hold_application(tx, application.id)
    return await _add(tx, outcome)


async def change_permission_request(tx: Transaction, permission_id: str, changes: Changes, note: str | None) -> Permission:
    """Ask with other words, before it is decided; what was asked back goes to the provider again."""
    permission = await access.permission_to_change(tx, permission_id)
    wish = changes.of(permission.wish)
    if "operations" in changes.scope:
        wish.scope.require_published(await access.operations_of(tx, permission.product_id))
    return await _keep(tx, permission.change(wish, _act(tx, note)))


async def withdraw_permission_request(tx: Transaction, permission_id: str, reason: str | None) -> Permission:
    """Ask no more, before it is decided."""
    permission = await access.permission_to_change(tx, permission_id)
    return await _keep(tx, permission.withdraw(_act(tx, reason)))


async def grant_permission(tx: Transaction, permission_id: str, changes: Changes, note: str | None) -> Permission:
    """Let the application call, as the provider: as it asks, but for the changes."""
    permission = await access.permission_to_decide(tx, permission_id)
    scope = changes.of(permission.wish).scope
    if "operations" in changes.scope:
        scope.require_published(await access.operations_of(tx, permission.product_id))
    return await _keep(tx, permission.grant(scope, _act(tx, note)))


async def grant_permission_to(tx: Transaction, client_id: str, product_id: str, wish: Wish, *, note: str | None) -> Permission:
    """Let an application call that has not asked here, as the provider, by the Client ID that its owner has told."""
    product = await access.own_product(tx, product_id)
    application = await access.application_by_client_id(tx, client_id)
    wish.scope.require_published(await access.operations_of(tx, product.id))
    outcome = domain.grant_unasked(new_id("prm"), application, product, wish, act=_act(tx, note))
    await known.hold_application(tx, application.id)
    return await _add(tx, outcome)


async def refuse_permission(tx: Transaction, permission_id: str, reason: str) -> Permission:
    """Decline, as the provider."""
    permission = await access.permission_to_decide(tx, permission_id)
    return await _keep(tx, permission.refuse(_act(tx, reason)))


async def return_permission(tx: Transaction, permission_id: str, question: str) -> Permission:
    """Ask back before deciding, as the provider."""
    permission = await access.permission_to_decide(tx, permission_id)
    return await _keep(tx, permission.give_back(_act(tx, question)))


async def revoke_permission(tx: Transaction, permission_id: str, reason: str) -> Permission:
    """Take back what was granted, as the provider."""
    permission = await access.permission_to_decide(tx, permission_id)
    return await _keep(tx, permission.revoke(_act(tx, reason)))


async def extend_permission(tx: Transaction, permission_id: str, valid_to: datetime | None, note: str | None) -> Permission:
    """Let what was granted end at another moment, or never, as the provider; also after it has lapsed."""
    permission = await access.permission_to_decide(tx, permission_id)
    outcome = permission.extend(valid_to, _act(tx, note))
    if not await access.application_stands(tx, permission):
        raise ApplicationGone
    await known.hold_application(tx, permission.application_id)
    return await _keep(tx, outcome)


async def end_all_of_application(tx: Transaction, application_id: str, act: Act) -> None:
    """End what an application that is no more was permitted or asked for."""
    for permission in await repository.find_live_of_application(tx, application_id):
        await _keep(tx, permission.end(act))


async def revoke_unneeded(tx: Transaction, permission_id: str, reason: str) -> None:
    """Take back what the recipient does not need any more (for those who have heard so)."""
    permission = (await repository.find(tx, [permission_id])).get(permission_id)
    if permission is not None and permission.status is domain.Status.GRANTED:
        await _keep(tx, permission.revoke(_act(tx, reason)))


async def begin_due(tx: Transaction) -> int:
    """Announce some of what was granted ahead and has begun; return how many there were."""
    begun = await repository.find_begun(tx, tx.now, most=AT_ONCE)
    for permission in begun:
        await _keep(tx, permission.begin(_act(tx)))
    return len(begun)


async def lapse_due(tx: Transaction) -> int:
    """End some of what is granted and whose time is over; return how many there were."""
    over = await repository.find_over(tx, tx.now, most=AT_ONCE)
    for permission in over:
        await _keep(tx, permission.lapse(_act(tx)))
    return len(over)


def _act(tx: Transaction, reason: str | None = None) -> Act:
    return Act(tx.principal.require_signed_in(), tx.now, reason)


async def _add(tx: Transaction, outcome: tuple[Permission, Event]) -> Permission:
    permission, event = outcome
    await repository.add(tx, permission)
    return await _announced(tx, permission, event)


async def _keep(tx: Transaction, outcome: tuple[Permission, Event]) -> Permission:
    permission, event = outcome
    await repository.keep(tx, permission)
    return await _announced(tx, permission, event)


async def _announced(tx: Transaction, permission: Permission, event: Event) -> Permission:
    both_sides = dict.fromkeys([permission.organization_id, permission.provider_id])
    await tx.emit(event, subject=permission.id, organization=permission.organization_id, audience=tuple(both_sides))
    return permission
