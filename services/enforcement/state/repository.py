"""How copies are kept: ``copies`` has one document a thing."""

from collections.abc import Iterable
from datetime import datetime

from chassis.mongo import Index, Reader
from services.enforcement.state.copies import PERMISSION, Copy

INDEXES = (
    Index("copies", (("heard_at", 1),)),
    Index("copies", (("application_id", 1), ("product_id", 1))),
    # Only revoked tokens have it: they need not be remembered for longer than they would be valid.
    Index("copies", (("expires_at", 1),), expire_after_seconds=60),
)


async def copies_since(reader: Reader, moment: datetime | None) -> list[Copy]:
    """Return the copies that were written at or after a moment; all of them where none is given."""
    query = {} if moment is None else {"heard_at": {"$gte": moment}}
    documents = await reader.collection("copies").find(query)
    return [Copy(each["kind"], each["_id"], each["sequence"], each) for each in documents]


async def copies_of(reader: Reader, ids: Iterable[str]) -> dict[str, Copy]:
    """Return the copies of these things, as far as they have been heard of."""
    documents = await reader.collection("copies").find({"_id": {"$in": sorted(set(ids))}})
    return {each["_id"]: Copy(each["kind"], each["_id"], each["sequence"], each) for each in documents}


async def permissions_of(reader: Reader, application_id: str, product_id: str) -> list[Copy]:
    """Return what is known of an application's permissions for a product, in the order of their ids."""
    query = {"kind": PERMISSION, "application_id": application_id, "product_id": product_id}
    documents = await reader.collection("copies").find(query, sort=[("_id", 1)])
    return [Copy(each["kind"], each["_id"], each["sequence"], each) for each in documents]
