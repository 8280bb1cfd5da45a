"""How categories are kept: one small document each; all of them are read together."""

from collections.abc import Sequence

from chassis.mongo import Document, DuplicateKey, Index, Reader, Transaction
from services.catalog.categories.domain import Category, CategorySlugTaken, Tree, names_from
from services.catalog.entries import repository as entries

INDEXES = (Index("categories", (("slug", 1),), unique=True),)


def _to_document(category: Category) -> Document:
    return {
        "_id": category.id,
        "slug": category.slug,
        "parent_id": category.parent_id,
        "names": [{"language": each.language.value, "name": each.name} for each in category.names],
    }


def to_category(kept: Document) -> Category:
    """Return the category that a document keeps."""
    return Category(kept["_id"], kept["slug"], names_from(kept["names"]), kept["parent_id"])


async def tree(reader: Reader) -> Tree:
    """Return all categories."""
    return Tree(to_category(each) for each in await reader.collection("categories").find({}))


async def known_among(reader: Reader, category_ids: Sequence[str]) -> set[str]:
    """Return those of the ids that are categories."""
    if not category_ids:
        return set()
    found = await reader.collection("categories").find({"_id": {"$in": list(category_ids)}}, projection={"_id": 1})
    return {each["_id"] for each in found}


async def insert(tx: Transaction, category: Category) -> None:
    """Keep a new category. Raises ``CategorySlugTaken``."""
    try:
        await tx.collection("categories").insert_one(_to_document(category))
    except DuplicateKey as error:
        raise CategorySlugTaken from error
    await entries.note_categories(tx)


async def replace(tx: Transaction, category: Category) -> None:
    """Keep a category as it is now. Raises ``CategorySlugTaken``."""
    try:
        await tx.collection("categories").replace_one({"_id": category.id}, _to_document(category))
    except DuplicateKey as error:
        raise CategorySlugTaken from error
    await entries.note_categories(tx)


async def remove(tx: Transaction, category_id: str) -> None:
    """Keep the category no more."""
    await tx.collection("categories").delete_one({"_id": category_id})
    await entries.note_categories(tx)
