"""Whether what a product asks for stands, for one application: asked when it subscribes, and ever after."""

from chassis.mongo import Reader, Transaction
from services.subscriptions.agreements import access as agreements
from services.subscriptions.grounds.domain import REFUSALS, Ground
from services.subscriptions.known.domain import Application, Product


async def missing(reader: Reader, application: Application, product: Product) -> tuple[Ground, ...]:
    """Return what the product asks for and the application does not have, in the order in which one gets it."""
    lacks_agreement = Ground.AGREEMENT in product.prerequisites and not await _agreement_stands(
        reader, application.organization_id, product.id
    )
    return (Ground.AGREEMENT,) if lacks_agreement else ()


async def require(tx: Transaction, application: Application, product: Product) -> None:
    """Refuse unless everything stands that the product asks for. Raises the refusal of the first that is missing.

    What the caller rests on is held: if it ends at the same moment, one of the two transactions comes after the other.
    """
    for ground in await missing(tx, application, product):
        raise REFUSALS[ground]
    if Ground.AGREEMENT in product.prerequisites:
        await agreements.hold(tx, application.organization_id, product.id)


async def _agreement_stands(reader: Reader, organization_id: str, product_id: str) -> bool:
    """Say whether an agreement is in force between the organization and the product's provider."""
    return await agreements.is_in_force(reader, organization_id, product_id)
