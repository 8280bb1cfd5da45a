"""Who may touch guidance: the operator's administrators write the platform's, a product's provider what is added for it.

Everybody reads the platform's pages; a product's exist for those for whom the product does.
"""

from collections.abc import Sequence

from chassis.mongo import Reader
from services.catalog.guidance import repository
from services.catalog.guidance.domain import GuidancePage, Step
from services.catalog.products.access import product_to_manage, visible_by_ids
from services.catalog.products.domain import Product
from services.catalog.providers.domain import OperatorOnly


async def product_to_guide(reader: Reader, product_id: str | None) -> Product | None:
    """Return the product whose pages may be written, or None for the platform's.

    Raises ``SignInFirst``, ``OperatorOnly``, ``NotFound`` (also for strangers) or ``RoleNotAllowed``.
    """
    if product_id is not None:
        return await product_to_manage(reader, product_id)
    reader.principal.require_signed_in()
    if not reader.principal.has_platform_role("OPERATOR_ADMINISTRATOR"):
        raise OperatorOnly
    return None


async def platform_pages(reader: Reader, steps: Sequence[Step]) -> list[GuidancePage]:
    """Return the platform's pages."""
    return await repository.pages_of(reader, [None], steps)


async def visible_pages(reader: Reader, product_ids: Sequence[str], steps: Sequence[Step]) -> dict[str, list[GuidancePage]]:
    """Return for each product that exists for the one who asks the platform's pages with the product's own after them."""
    visible = await visible_by_ids(reader, product_ids)
    if not visible:
        return {}
    pages = await repository.pages_of(reader, [None, *visible], steps)
    return {each: [page for page in pages if page.product_id in (None, each)] for each in visible}
