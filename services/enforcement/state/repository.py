"""How copies are kept: ``copies`` has one document a thing."""

from collections.abc import Iterable
from typing import Any

from chassis.mongo import Index, Reader
from services.enforcement.state import numbering
from services.enforcement.state.copies import PERMISSION, SUBSCRIPTION, Copy

INDEXES = (
    *numbering.INDEXES,
    Index(numbering.COPIES, (("application_id", 1), ("product_id", 1))),
    # Only revoked tokens have it: they need not be remembered for longer than they would be valid.
    Index(numbering.COPIES, (("expires_at", 1),), expire_after_seconds=60),
)


async def copies_after(reader: Reader, epoch: int | None) -> list[Copy]:
    """Return the copies of later epochs and those that no epoch has taken yet; all of them where none is given."""
    documents = await reader.collection(numbering.COPIES).find(_after(epoch))
    return [
        Copy(each["kind"], each["_id"], each["sequence"], each, each.get("announced_at"), numbering.epoch_of(each))
        for each in documents
    ]


async def count_after(reader: Reader, epoch: int | None) -> int:
    """Return how many copies there are of later epochs, or that no epoch has taken yet."""
    return await reader.collection(numbering.COPIES).count_documents(_after(epoch))


def _after(epoch: int | None) -> dict[str, Any]:
    return {} if epoch is None else {"epoch": {"$gte": epoch + 1}}


async def copies_of(reader: Reader, ids: Iterable[str]) -> dict[str, Copy]:
    """Return the copies of these things, as far as they have been heard of."""
    documents = await reader.collection(numbering.COPIES).find({"_id": {"$in": sorted(set(ids))}})
    return {each["_id"]: Copy(each["kind"], each["_id"], each["sequence"], each) for each in documents}


async def permissions_of(reader: Reader, application_id: str, product_id: str) -> list[Copy]:
    """Return what is known of an application's permissions for a product, in the order of their ids."""
    query = {"kind": PERMISSION, "application_id": application_id, "product_id": product_id}
    documents = await reader.collection(numbering.COPIES).find(query, sort=[("_id", 1)])
    return [Copy(each["kind"], each["_id"], each["sequence"], each) for each in documents]


async def active_subscriptions_of(reader: Reader, application_id: str, product_id: str) -> list[Copy]:
    """Return an application's active subscriptions to a product, the latest last; for a while there may be two."""
    query = {"kind": SUBSCRIPTION, "application_id": application_id, "product_id": product_id, "status": "ACTIVE"}
    documents = await reader.collection(numbering.COPIES).find(query, sort=[("_id", 1)])
    return [Copy(each["kind"], each["_id"], each["sequence"], each) for each in documents]
