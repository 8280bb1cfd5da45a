"""How callers are kept: copies of what others announced, and one tally a version, application and day."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction, UpdateOne
from services.catalog.callers.domain import KEPT_DAYS, LIVE, Subscriber, Tally, Traffic, first_counted_day

INDEXES = (
    Index("application_names", (("organization_id", 1),)),
    Index("ended_applications", (("sequence", 1),)),
    Index("subscriptions", (("product_id", 1), ("status", 1))),
    Index("subscriptions", (("organization_id", 1), ("status", 1))),
    Index("agreements", (("product_id", 1), ("is_in_force", 1))),
    Index("tallies", (("version_id", 1), ("day", 1))),
    Index("tallies", (("product_id", 1), ("day", 1))),
    Index("tallies", (("organization_id", 1), ("day", 1))),
    Index("tallies", (("expires_at", 1),), expire_after_seconds=0),
)


async def add(tx: Transaction, tallies: Sequence[Tally]) -> None:
    """Add calls to what is counted of their versions, applications and days."""
    await tx.collection("tallies").bulk_write([_to_update(each) for each in tallies])


def _to_update(tally: Tally) -> Any:
    ids = {
        "version_id": tally.version_id,
        "product_id": tally.product_id,
        "application_id": tally.application_id,
        "organization_id": tally.organization_id,
        "day": tally.day.isoformat(),
    }
    begins = datetime(tally.day.year, tally.day.month, tally.day.day, tzinfo=UTC)
    update = {
        "$inc": {"calls": tally.calls},
        "$max": {"last_at": tally.last_at},
        "$setOnInsert": {**ids, "expires_at": begins + timedelta(days=KEPT_DAYS + 1)},
    }
    return UpdateOne({"_id": tally.key}, update, upsert=True)


async def traffic(reader: Reader, field: str, ids: Sequence[str]) -> dict[str, list[Traffic]]:
    """Return for each of these versions or products (``field``) who has called it in the last 30 days, the most calls first."""
    found: dict[str, list[Traffic]] = {each: [] for each in ids}
    rows = await _summed(reader, {field: {"$in": list(ids)}}, {field: f"${field}", "application_id": "$application_id"})
    for each in sorted(rows, key=lambda row: (-row["calls"], row["_id"]["application_id"])):
        application_id = each["_id"]["application_id"]
        found[each["_id"][field]].append(Traffic(application_id, each["organization_id"], int(each["calls"]), each["last_at"]))
    return found


async def called_by(reader: Reader, organization_ids: Sequence[str]) -> dict[str, dict[str, tuple[int, datetime]]]:
    """Return for each organization the versions that it has called in the last 30 days: how often, and when last."""
    by = {"organization_id": "$organization_id", "version_id": "$version_id"}
    found: dict[str, dict[str, tuple[int, datetime]]] = {each: {} for each in organization_ids}
    for each in await _summed(reader, {"organization_id": {"$in": list(organization_ids)}}, by):
        found[each["_id"]["organization_id"]][each["_id"]["version_id"]] = (int(each["calls"]), each["last_at"])
    return found


async def _summed(reader: Reader, query: Mapping[str, Any], by: Mapping[str, str]) -> list[Document]:
    since = first_counted_day(reader.now).isoformat()
    summed = {
        "_id": dict(by),
        "calls": {"$sum": "$calls"},
        "last_at": {"$max": "$last_at"},
        "organization_id": {"$max": "$organization_id"},
    }
    return await reader.collection("tallies").aggregate([{"$match": {**query, "day": {"$gte": since}}}, {"$group": summed}])


async def subscribers(reader: Reader, product_id: str) -> list[Subscriber]:
    """Return the applications with a live subscription to a product."""
    query = {"product_id": product_id, "status": {"$in": list(LIVE)}}
    found = await reader.collection("subscriptions").find(query, sort=[("_id", 1)])
    return [Subscriber(each["application_id"], each["organization_id"], each["status"]) for each in found]


async def count_subscribers(reader: Reader, product_ids: Sequence[str]) -> int:
    """Return how many live subscriptions there are to these products."""
    query = {"product_id": {"$in": list(product_ids)}, "status": {"$in": list(LIVE)}}
    return await reader.collection("subscriptions").count_documents(query)


async def subscribed_products(reader: Reader, organization_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return for each organization the products that any of its applications has a live subscription to."""
    query = {"organization_id": {"$in": list(organization_ids)}, "status": {"$in": list(LIVE)}}
    products: dict[str, set[str]] = {each: set() for each in organization_ids}
    for each in await reader.collection("subscriptions").find(query):
        products[each["organization_id"]].add(each["product_id"])
    return products


async def agreements_in_force(reader: Reader, product_id: str) -> int:
    """Return how many agreements to a product are in force."""
    return await reader.collection("agreements").count_documents({"product_id": product_id, "is_in_force": True})


async def ended_among(reader: Reader, application_ids: Sequence[str]) -> set[str]:
    """Return those of the applications that have been deleted: they call nothing any more."""
    if not application_ids:
        return set()
    found = await reader.collection("ended_applications").find({"_id": {"$in": list(application_ids)}}, projection={"_id": 1})
    return {each["_id"] for each in found}


async def names(reader: Reader, application_ids: Sequence[str], organization_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of those applications and organizations that were heard of."""
    found = await asyncio.gather(
        _names(reader, "application_names", application_ids), _names(reader, "organizations", organization_ids)
    )
    return {each["_id"]: each["name"] for some in found for each in some}


async def _names(reader: Reader, collection: str, ids: Sequence[str]) -> list[Document]:
    return await reader.collection(collection).find({"_id": {"$in": sorted(set(ids))}}, projection={"name": 1}) if ids else []
