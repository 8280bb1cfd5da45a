"""What can be done with categories."""

from collections.abc import Callable

from chassis.ids import new_id
from chassis.mongo import Transaction
from services.catalog.categories import access, repository
from services.catalog.categories.domain import Category, CategoryName
from services.catalog.texts.domain import in_order


async def create_category(tx: Transaction, slug: str, names: tuple[CategoryName, ...], parent_id: str | None) -> Category:
    """Add a category to the tree. Raises as access and the tree do."""
    tree = await access.tree_to_manage(tx)
    tree.require_room()
    category = Category(new_id("ctg"), slug, in_order(names), parent_id)
    tree.require_place(category)
    await repository.insert(tx, category)
    await tx.emit(category.created(), subject=category.id)
    return category


async def change_category(tx: Transaction, category_id: str, change: Callable[[Category], Category]) -> Category:
    """Name a category otherwise or put it elsewhere; what is the same as before changes and announces nothing."""
    tree, present = await access.category_to_manage(tx, category_id)
    category, changed = present.change(change(present))
    tree.require_place(category)
    if changed is not None:
        await repository.replace(tx, category)
        await tx.emit(changed, subject=category.id)
    return category


async def remove_category(tx: Transaction, category_id: str) -> Category:
    """Take a category out of the tree; its products stay, and are in it no more. Raises ``CategoryHasChildren``."""
    tree, category = await access.category_to_manage(tx, category_id)
    tree.require_no_children(category_id)
    await repository.remove(tx, category_id)
    await tx.emit(category.removed(), subject=category.id)
    return category
