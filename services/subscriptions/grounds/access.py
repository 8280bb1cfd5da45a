"""Whether what a product asks for stands, for one application: asked when it subscribes, and ever after."""

from chassis.mongo import Reader
from services.subscriptions.grounds.domain import REFUSALS, Ground
from services.subscriptions.known.domain import Application, Product


async def missing(_reader: Reader, _application: Application, product: Product) -> tuple[Ground, ...]:
    """Return what the product asks for and the application does not have, in the order in which one gets it."""
    return (Ground.AGREEMENT,) if product.is_confidential else ()


async def require(reader: Reader, application: Application, product: Product) -> None:
    """Refuse unless everything stands that the product asks for. Raises the refusal of the first that is missing."""
    for ground in await missing(reader, application, product):
        raise REFUSALS[ground]
