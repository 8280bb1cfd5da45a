"""Whether something that a subscription is, or rests on, was not confirmed."""

from chassis.mongo import Reader
from services.subscriptions.agreements import access as agreements
from services.subscriptions.known.domain import Application, Product
from services.subscriptions.permissions import access as permissions
from services.subscriptions.recertifications import repository
from services.subscriptions.recertifications.domain import AGREEMENT, PERMISSION, SUBSCRIPTION


async def is_unconfirmed(reader: Reader, subscription_id: str | None, application: Application, product: Product) -> bool:
    """Say so of a subscription (None: one that shall begin), its application's permission, or an agreement it is covered by.

    What has been replaced meanwhile, by another permission or a successor of the agreement, holds nothing any more.
    """
    held = await repository.find_held(reader, application.organization_id)
    if not held:
        return False
    if (SUBSCRIPTION, subscription_id) in held:
        return True
    if any(kind == PERMISSION for kind, _ in held):
        permission = await permissions.in_force(reader, application.id, product.id)
        if permission is not None and (PERMISSION, permission.id) in held:
            return True
    agreement_ids = [subject_id for kind, subject_id in held if kind == AGREEMENT]
    return bool(agreement_ids) and await agreements.is_covered_by_one_of(reader, agreement_ids, product)
