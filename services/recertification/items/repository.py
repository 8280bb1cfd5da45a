"""How items are kept: one document each, found by campaign, by organization, and by the thing that they are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction
from chassis.paging import Page
from services.recertification.items.domain import Item, Status
from services.recertification.known.domain import Kind, Names, Thing

ITEMS = "items"
INDEXES = (
    # A thing is in a campaign once, however often it is taken.
    Index(ITEMS, (("campaign_id", 1), ("key", 1)), unique=True),
    Index(ITEMS, (("campaign_id", 1), ("is_unsettled", 1), ("_id", 1))),
    Index(ITEMS, (("campaign_id", 1), ("organization_id", 1), ("_id", 1))),
    Index(ITEMS, (("campaign_id", 1), ("_id", 1))),
    Index(ITEMS, (("organization_id", 1), ("status", 1), ("_id", 1))),
    Index(ITEMS, (("key", 1), ("is_unsettled", 1))),
)
_DECIDED = ("is_settled", "decided_by", "decided_at", "reason", "is_late", "not_confirmed_at")


def _to_document(item: Item) -> Document:
    return {
        "_id": item.id,
        "campaign_id": item.campaign_id,
        "key": item.key,
        "organization_id": item.thing.organization_id,
        "kind": item.thing.kind.value,
        "thing": {**asdict(item.thing), "kind": item.thing.kind.value},
        "names": asdict(item.names),
        "taken_at": item.taken_at,
        "status": item.status.value,
        "is_unsettled": item.is_unsettled,
        **{name: getattr(item, name) for name in _DECIDED},
    }


def _to_item(row: Mapping[str, Any]) -> Item:
    return Item(
        id=row["_id"],
        campaign_id=row["campaign_id"],
        thing=Thing(**{**row["thing"], "kind": Kind(row["thing"]["kind"])}),
        names=Names(**row["names"]),
        taken_at=row["taken_at"],
        status=Status(row["status"]),
        **{name: row[name] for name in _DECIDED},
    )


async def add_all(tx: Transaction, items: Sequence[Item]) -> None:
    """Keep new items."""
    await tx.collection(ITEMS).insert_many([_to_document(each) for each in items])


async def keep(tx: Transaction, item: Item) -> None:
    """Keep an item as it stands now."""
    await tx.collection(ITEMS).replace_one({"_id": item.id}, _to_document(item))


async def find(reader: Reader, item_ids: Iterable[str]) -> dict[str, Item]:
    """Return those of the items that exist, by id."""
    rows = await reader.collection(ITEMS).find({"_id": {"$in": sorted(set(item_ids))}})
    return {each["_id"]: _to_item(each) for each in rows}


async def find_unsettled(tx: Transaction, campaign_id: str, most: int) -> list[Item]:
    """Return some items of a campaign of which the due date still makes something."""
    query = {"campaign_id": campaign_id, "is_unsettled": True}
    return [_to_item(each) for each in await tx.collection(ITEMS).find(query, sort=[("_id", 1)], limit=most)]


async def find_unsettled_of(tx: Transaction, query: Mapping[str, Any], most: int) -> list[Item]:
    """Return some items of a thing (by key), or of an organization, of which the due date still makes something."""
    found = await tx.collection(ITEMS).find({**query, "is_unsettled": True}, sort=[("_id", 1)], limit=most)
    return [_to_item(each) for each in found]


async def find_page(reader: Reader, query: Mapping[str, Any], page: Page) -> tuple[list[Item], int]:
    """Return a page of the items that match (and one more), in the order in which they were taken, and how many there are."""
    total = await reader.collection(ITEMS).count_documents(query)
    after = {} if page.after is None else {"_id": {"$gt": page.after[0]}}
    rows = await reader.collection(ITEMS).find({**query, **after}, sort=[("_id", 1)], limit=page.first + 1) if total else []
    return [_to_item(each) for each in rows], total


async def find_some(reader: Reader, campaign_id: str, after: str, most: int) -> list[Item]:
    """Return the next items of a campaign."""
    query = {"campaign_id": campaign_id, "_id": {"$gt": after}}
    return [_to_item(each) for each in await reader.collection(ITEMS).find(query, sort=[("_id", 1)], limit=most)]


async def counts(
    reader: Reader, campaign_ids: Iterable[str], organization_ids: Sequence[str] | None = None
) -> dict[str, dict[Status, int]]:
    """Return how many items of each campaign stand how; of all organizations, or of some."""
    query: dict[str, Any] = {"campaign_id": {"$in": sorted(set(campaign_ids))}}
    if organization_ids is not None:
        query["organization_id"] = {"$in": sorted(set(organization_ids))}
    rows = await reader.collection(ITEMS).aggregate(
        [{"$match": query}, {"$group": {"_id": {"campaign": "$campaign_id", "status": "$status"}, "items": {"$sum": 1}}}]
    )
    found: dict[str, dict[Status, int]] = {}
    for row in rows:
        found.setdefault(row["_id"]["campaign"], {})[Status(row["_id"]["status"])] = int(row["items"])
    return found
