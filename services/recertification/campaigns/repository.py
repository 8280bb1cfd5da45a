"""How campaigns are kept: one document each, and one for each organization whose things are in it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction
from chassis.paging import Page
from services.recertification.campaigns.domain import Campaign, Scope, Side, Status, Which
from services.recertification.known.domain import Kind

CAMPAIGNS, SHARES = "campaigns", "shares"
INDEXES = (
    Index(CAMPAIGNS, (("side", 1), ("starter_id", 1), ("_id", -1))),
    Index(CAMPAIGNS, (("status", 1), ("due_at", 1))),
    Index(CAMPAIGNS, (("status", 1), ("next_reminder_at", 1))),
    Index(CAMPAIGNS, (("is_told", 1), ("status", 1))),
    Index(CAMPAIGNS, (("is_taking", 1),)),
    Index(SHARES, (("campaign_id", 1), ("organization_id", 1)), unique=True),
    Index(SHARES, (("organization_id", 1), ("campaign_id", -1))),
)


@dataclass(frozen=True, slots=True)
class Share:
    """How many things of an organization are in a campaign; ``told`` names what it was told of it."""

    id: str
    campaign_id: str
    organization_id: str
    items: int


def _to_document(campaign: Campaign) -> Document:
    scope = campaign.scope
    return {
        "_id": campaign.id,
        "side": scope.side.value,
        "starter_id": scope.starter_id,
        "kinds": [each.value for each in scope.kinds],
        "which": scope.which.value,
        "days": scope.days,
        "organization_ids": _listed(scope.organization_ids),
        "product_ids": _listed(scope.product_ids),
        "title": campaign.title,
        "reason": campaign.reason,
        "started_by": campaign.started_by,
        "started_at": campaign.started_at,
        "due_at": campaign.due_at,
        "reminder_days": list(campaign.reminder_days),
        "uses_known_since": campaign.uses_known_since,
        "status": campaign.status.value,
        "taken_after": campaign.taken_after,
        "is_taking": campaign.taken_after is not None and campaign.status is Status.RUNNING,
        "is_told": campaign.is_told,
        "reminded": sorted(campaign.reminded),
        "next_reminder_at": campaign.next_reminder_at,
        "is_settling": campaign.is_settling,
        "ended_at": campaign.ended_at,
        "ended_by": campaign.ended_by,
        "end_reason": campaign.end_reason,
    }


def _listed(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _tupled(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _to_campaign(row: Mapping[str, Any]) -> Campaign:
    return Campaign(
        id=row["_id"],
        scope=Scope(
            Side(row["side"]),
            row["starter_id"],
            tuple(Kind(each) for each in row["kinds"]),
            Which(row["which"]),
            row["days"],
            _tupled(row["organization_ids"]),
            _tupled(row["product_ids"]),
        ),
        title=row["title"],
        reason=row["reason"],
        started_by=row["started_by"],
        started_at=row["started_at"],
        due_at=row["due_at"],
        reminder_days=tuple(row["reminder_days"]),
        uses_known_since=row["uses_known_since"],
        status=Status(row["status"]),
        taken_after=row["taken_after"],
        is_told=row["is_told"],
        reminded=frozenset(row["reminded"]),
        is_settling=row["is_settling"],
        ended_at=row["ended_at"],
        ended_by=row["ended_by"],
        end_reason=row["end_reason"],
    )


async def keep(tx: Transaction, campaign: Campaign) -> None:
    """Keep a campaign as it stands now."""
    await tx.collection(CAMPAIGNS).update_one({"_id": campaign.id}, {"$set": _without_id(campaign)}, upsert=True)


def _without_id(campaign: Campaign) -> Document:
    return {name: value for name, value in _to_document(campaign).items() if name != "_id"}


async def touch(tx: Transaction, campaign_id: str) -> None:
    """Write a campaign without changing it, so that nothing about its end passes unaware of this transaction."""
    await tx.collection(CAMPAIGNS).update_one({"_id": campaign_id}, {"$inc": {"touched": 1}})


async def find(reader: Reader, campaign_ids: Iterable[str]) -> dict[str, Campaign]:
    """Return those of the campaigns that exist, by id."""
    rows = await reader.collection(CAMPAIGNS).find({"_id": {"$in": sorted(set(campaign_ids))}})
    return {each["_id"]: _to_campaign(each) for each in rows}


async def find_page(
    reader: Reader, sides: Sequence[Side], starter_id: str | None, status: Status | None, *, page: Page
) -> tuple[list[Campaign], int]:
    """Return a page of the campaigns that somebody has started, the newest first (and one more), and how many there are."""
    query: dict[str, Any] = {"side": {"$in": [str(each) for each in sides]}, "starter_id": starter_id}
    if status is not None:
        query["status"] = status.value
    total = await reader.collection(CAMPAIGNS).count_documents(query)
    after = {} if page.after is None else {"_id": {"$lt": page.after[0]}}
    rows = await reader.collection(CAMPAIGNS).find({**query, **after}, sort=[("_id", -1)], limit=page.first + 1) if total else []
    return [_to_campaign(each) for each in rows], total


async def find_one_to(tx: Transaction, query: Mapping[str, Any]) -> Campaign | None:
    """Return one campaign with which something is to be done, the one that is due first."""
    rows = await tx.collection(CAMPAIGNS).find(query, sort=[("due_at", 1)], limit=1)
    return _to_campaign(rows[0]) if rows else None


def to_take() -> dict[str, Any]:
    """Return what finds campaigns whose items are not all taken."""
    return {"is_taking": True}


def to_tell(status: Status) -> dict[str, Any]:
    """Return what finds campaigns of which organizations are still to be told."""
    return {"is_told": False, "status": status.value, "is_taking": False}


def to_remind(now: datetime) -> dict[str, Any]:
    """Return what finds campaigns of which somebody is to be reminded."""
    # What is over, or not told of yet, is nothing to remind of.
    due = {"next_reminder_at": {"$lte": now}, "due_at": {"$gt": now}, "is_settling": False}
    return {"status": Status.RUNNING.value, "is_told": True, **due}


def to_settle(now: datetime) -> dict[str, Any]:
    """Return what finds campaigns whose time is over."""
    return {"status": Status.RUNNING.value, "is_taking": False, "due_at": {"$lte": now}}


async def add_to_shares(tx: Transaction, campaign_id: str, counts: Mapping[str, int]) -> None:
    """Keep that so many more things of organizations are in a campaign."""
    for organization_id, items in sorted(counts.items()):
        key = {"_id": f"{campaign_id}:{organization_id}"}
        fields = {"campaign_id": campaign_id, "organization_id": organization_id}
        await tx.collection(SHARES).update_one(key, {"$inc": {"items": items}, "$set": fields}, upsert=True)


async def find_untold(tx: Transaction, campaign_id: str, news: str, most: int) -> list[Share]:
    """Return some organizations that were not told something about a campaign, and note that they are now."""
    query = {"campaign_id": campaign_id, "told": {"$ne": news}}
    rows = await tx.collection(SHARES).find(query, sort=[("_id", 1)], limit=most)
    for row in rows:
        await tx.collection(SHARES).update_one({"_id": row["_id"]}, {"$push": {"told": news}})
    return [Share(row["_id"], row["campaign_id"], row["organization_id"], row["items"]) for row in rows]


async def shared_with(reader: Reader, campaign_ids: Iterable[str], organization_ids: Iterable[str]) -> set[str]:
    """Return in which of the campaigns one of the organizations has things."""
    query = {"campaign_id": {"$in": sorted(set(campaign_ids))}, "organization_id": {"$in": sorted(set(organization_ids))}}
    return {each["campaign_id"] for each in await reader.collection(SHARES).find(query, projection={"campaign_id": 1})}


async def count_shares(reader: Reader, campaign_ids: Iterable[str]) -> dict[str, int]:
    """Return of how many organizations things are in each of the campaigns."""
    rows = await reader.collection(SHARES).aggregate(
        [
            {"$match": {"campaign_id": {"$in": sorted(set(campaign_ids))}}},
            {"$group": {"_id": "$campaign_id", "organizations": {"$sum": 1}}},
        ]
    )
    return {each["_id"]: int(each["organizations"]) for each in rows}
