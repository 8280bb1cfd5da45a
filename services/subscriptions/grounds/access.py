"""Whether what a product asks for stands, for one application: asked when it subscribes, and ever after."""

from collections.abc import Iterable

from chassis.messages import to_timestamp
from chassis.mongo import Reader, Transaction
from services.subscriptions.agreements import access as agreements
from services.subscriptions.grounds.domain import REFUSALS, ConfirmationRequired, Ground, PermissionRequired
from services.subscriptions.known import repository as known
from services.subscriptions.known.domain import Application, Product
from services.subscriptions.permissions import access as permissions
from services.subscriptions.recertifications import access as recertifications


async def missing(reader: Reader, application: Application, product: Product) -> tuple[Ground, ...]:
    """Return what the product asks for and the application does not have, in the order in which one gets it."""
    return tuple(
        [each for each in Ground if each in product.prerequisites and not await _stands(reader, each, application, product)]
    )


async def require(tx: Transaction, application: Application, product: Product) -> None:
    """Refuse unless everything stands that the product asks for. Raises the refusal of the first that is missing.

    What the caller rests on is held: if it ends at the same moment, one of the two transactions comes after the other.
    """
    for ground in await missing(tx, application, product):
        if ground is Ground.PERMISSION:
            await _tell_when_permitted(tx, application, product)
        raise REFUSALS[ground]
    if await recertifications.is_unconfirmed(tx, None, application, product):
        raise ConfirmationRequired
    if Ground.AGREEMENT in product.prerequisites:
        await agreements.hold(tx, application.organization_id, product.id)
    if Ground.PERMISSION in product.prerequisites:
        await permissions.hold(tx, application.id, product.id)


async def agreements_of(reader: Reader, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return for which of the organizations and products an agreement is in force."""
    return {pair for pair in set(pairs) if await _agreement_stands(reader, *pair)}


async def _stands(reader: Reader, ground: Ground, application: Application, product: Product) -> bool:
    if ground is Ground.ONBOARDING:
        return await known.is_onboarded(reader, application.organization_id)
    if ground is Ground.AGREEMENT:
        return await _agreement_stands(reader, application.organization_id, product.id)
    return await permissions.in_force(reader, application.id, product.id) is not None


async def _agreement_stands(reader: Reader, organization_id: str, product_id: str) -> bool:
    """Say whether an agreement is in force between the organization and the product's provider."""
    return await agreements.is_in_force(reader, organization_id, product_id)


async def _tell_when_permitted(reader: Reader, application: Application, product: Product) -> None:
    ahead = await permissions.granted_ahead(reader, application.id, product.id)
    if ahead is not None and ahead.scope.valid_from is not None:
        begins = to_timestamp(ahead.scope.valid_from)
        raise PermissionRequired(f"The application is permitted to call from {begins} on: subscribe it then.")
