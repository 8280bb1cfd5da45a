"""Who may touch categories: the operator's administrators; everybody reads them."""

from collections.abc import Sequence

from chassis.errors import NotFound
from chassis.mongo import Reader
from services.catalog.categories import repository
from services.catalog.categories.domain import Category, NoSuchCategories, Tree
from services.catalog.providers.domain import OperatorOnly


async def tree_to_manage(reader: Reader) -> Tree:
    """Return all categories to change them. Raises ``SignInFirst`` or ``OperatorOnly``."""
    reader.principal.require_signed_in()
    if not reader.principal.has_platform_role("OPERATOR_ADMINISTRATOR"):
        raise OperatorOnly
    return await repository.tree(reader)


async def category_to_manage(reader: Reader, category_id: str) -> tuple[Tree, Category]:
    """Return a category to change, with all the others. Raises ``SignInFirst``, ``OperatorOnly`` or ``NotFound``."""
    tree = await tree_to_manage(reader)
    if category_id not in tree.by_id:
        raise NotFound
    return tree, tree.by_id[category_id]


async def tree_to_see(reader: Reader) -> Tree:
    """Return all categories."""
    return await repository.tree(reader)


async def require_known(reader: Reader, category_ids: Sequence[str]) -> None:
    """Refuse ids of which some are no categories. Raises ``NoSuchCategories``."""
    known = await repository.known_among(reader, category_ids)
    unknown = [each for each in category_ids if each not in known]
    if unknown:
        raise NoSuchCategories(unknown)
