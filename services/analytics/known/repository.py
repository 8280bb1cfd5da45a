"""The local copies of applications, organizations, products, versions and plans: whose they are, and what they are called."""

from collections.abc import Iterable

from chassis.mongo import Document, Index, Reader

INDEXES = (
    Index("applications", (("organization_id", 1),)),
    Index("organizations", (("name", 1),)),
    Index("products", (("organization_id", 1),)),
    Index("versions", (("product_id", 1),)),
    Index("plans", (("product_id", 1),)),
)


async def find(reader: Reader, collection: str, ids: Iterable[str]) -> dict[str, Document]:
    """Return those of the things that have been heard of, by id."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    return {each["_id"]: each for each in await reader.collection(collection).find({"_id": {"$in": wanted}})}


async def find_owners(reader: Reader, collection: str, ids: Iterable[str]) -> dict[str, str]:
    """Return which organization each of the things belongs to, as far as they have been heard of."""
    return {key: each["organization_id"] for key, each in (await find(reader, collection, ids)).items()}
