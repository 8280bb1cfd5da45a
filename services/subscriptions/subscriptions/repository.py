"""How subscriptions are kept."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.mongo import Document, DuplicateKey, Index, Reader, Transaction
from chassis.paging import Page
from services.subscriptions.subscriptions.domain import (
    IN_FORCE,
    AlreadySubscribed,
    Cause,
    Change,
    Hold,
    PlanChange,
    Status,
    Subscription,
    What,
)

SUBSCRIPTIONS = "subscriptions"
RECONSIDERATIONS = "reconsiderations"

INDEXES = (
    # One live subscription per application and product, under any race.
    Index(SUBSCRIPTIONS, (("application_id", 1), ("product_id", 1)), unique=True, partial={"is_live": True}),
    Index(SUBSCRIPTIONS, (("application_id", 1), ("_id", -1))),
    Index(SUBSCRIPTIONS, (("provider_id", 1), ("status", 1), ("_id", 1))),
    Index(SUBSCRIPTIONS, (("provider_id", 1), ("_id", -1))),
    Index(SUBSCRIPTIONS, (("product_id", 1), ("_id", 1))),
    Index(SUBSCRIPTIONS, (("organization_id", 1), ("_id", 1))),
    Index(SUBSCRIPTIONS, (("plan_change_due_at", 1),), partial={"plan_change_is_due": True}),
    Index(RECONSIDERATIONS, (("due_at", 1),)),
)
# What a change is called where it was kept before changes had names.
_WHAT = {Status.PENDING: What.REQUESTED, Status.ACTIVE: What.ACTIVATED}


def _to_document(subscription: Subscription) -> Document:
    return {
        "_id": subscription.id,
        "application_id": subscription.application_id,
        "organization_id": subscription.organization_id,
        "product_id": subscription.product_id,
        "plan_id": subscription.plan_id,
        "provider_id": subscription.provider_id,
        "status": subscription.status.value,
        "is_live": subscription.is_live,
        "reason": subscription.reason,
        "created_at": subscription.created_at,
        "changed_at": subscription.changed_at,
        "history": [
            {
                "what": each.what.value,
                "status": each.status.value,
                "reason": each.reason,
                "actor": each.actor,
                "at": each.at,
                "causes": [cause.value for cause in each.causes],
                "plan_id": each.plan_id,
            }
            for each in subscription.history
        ],
        "holds": [
            {"cause": each.cause.value, "reason": each.reason, "actor": each.actor, "at": each.at} for each in subscription.holds
        ],
        **_plan_change_fields(subscription.plan_change),
    }


def _plan_change_fields(wished: PlanChange | None) -> Document:
    if wished is None:
        return {"plan_change": None, "plan_change_is_due": False}
    kept = {
        "plan_id": wished.plan_id,
        "requested_by": wished.requested_by,
        "requested_at": wished.requested_at,
        "due_at": wished.due_at,
        "awaits_approval": wished.awaits_approval,
    }
    # What waits for its time alone is found by it.
    return {"plan_change": kept, "plan_change_is_due": not wished.awaits_approval, "plan_change_due_at": wished.due_at}


def _to_change(kept: Mapping[str, Any]) -> Change:
    status = Status(kept["status"])
    what = What(kept["what"]) if "what" in kept else _WHAT.get(status) or What(status.value)
    causes = tuple(Cause(each) for each in kept.get("causes", ()))
    return Change(what, status, kept["reason"], kept["actor"], kept["at"], causes, kept.get("plan_id"))


def to_subscription(document: Mapping[str, Any]) -> Subscription:
    """Return the subscription that a document keeps."""
    wished = document.get("plan_change")
    return Subscription(
        id=document["_id"],
        application_id=document["application_id"],
        organization_id=document["organization_id"],
        product_id=document["product_id"],
        plan_id=document["plan_id"],
        provider_id=document["provider_id"],
        status=Status(document["status"]),
        reason=document["reason"],
        created_at=document["created_at"],
        changed_at=document["changed_at"],
        history=tuple(_to_change(each) for each in document["history"]),
        holds=tuple(Hold(Cause(each["cause"]), each["reason"], each["actor"], each["at"]) for each in document.get("holds", ())),
        plan_change=None if wished is None else PlanChange(**wished),
    )


async def add(tx: Transaction, subscription: Subscription) -> None:
    """Keep a new subscription. Raises ``AlreadySubscribed``."""
    try:
        await tx.collection(SUBSCRIPTIONS).insert_one(_to_document(subscription))
    except DuplicateKey as taken:
        raise AlreadySubscribed from taken


async def keep(tx: Transaction, subscription: Subscription) -> None:
    """Keep a subscription as it stands now."""
    await tx.collection(SUBSCRIPTIONS).replace_one({"_id": subscription.id}, _to_document(subscription))


async def find(reader: Reader, subscription_ids: Sequence[str]) -> dict[str, Subscription]:
    """Return those of the subscriptions that exist, by id."""
    documents = await reader.collection(SUBSCRIPTIONS).find({"_id": {"$in": list(subscription_ids)}})
    return {each["_id"]: to_subscription(each) for each in documents}


async def find_live_of_application(tx: Transaction, application_id: str) -> list[Subscription]:
    """Return the application's live subscriptions."""
    documents = await tx.collection(SUBSCRIPTIONS).find({"application_id": application_id, "is_live": True})
    return [to_subscription(each) for each in documents]


async def find_in_force(tx: Transaction, scope: Mapping[str, str], after: str, limit: int) -> list[Subscription]:
    """Return the next subscriptions of a scope that are in force, held or not, by id."""
    query = {**scope, "status": {"$in": [each.value for each in IN_FORCE]}, "_id": {"$gt": after}}
    documents = await tx.collection(SUBSCRIPTIONS).find(query, sort=[("_id", 1)], limit=limit)
    return [to_subscription(each) for each in documents]


async def touch(tx: Transaction, subscription_id: str) -> None:
    """Write the subscription without changing it, so that this transaction and another one about it cannot both pass unaware."""
    await tx.collection(SUBSCRIPTIONS).update_one({"_id": subscription_id}, {"$inc": {"touched": 1}})


async def note_rest(tx: Transaction, scope: Mapping[str, str], after: str = "", due_at: datetime | None = None) -> None:
    """Keep that the subscriptions of a scope after this one are still to be reconsidered, now or at a later moment."""
    name = _name_of(scope) if due_at is None else f"{_name_of(scope)}|again"
    row = {"_id": name, "scope": dict(scope), "after": after, "due_at": due_at or tx.now}
    await tx.collection(RECONSIDERATIONS).replace_one({"_id": name}, row, upsert=True)


async def take_rest(tx: Transaction) -> tuple[dict[str, str], str] | None:
    """Return what has waited longest to be reconsidered further, and after which subscription; or None. It is kept no more."""
    rows = await tx.collection(RECONSIDERATIONS).find({"due_at": {"$lte": tx.now}}, sort=[("due_at", 1)], limit=1)
    if not rows:
        return None
    await tx.collection(RECONSIDERATIONS).delete_one({"_id": rows[0]["_id"]})
    return rows[0]["scope"], rows[0]["after"]


async def find_due_plan_change(tx: Transaction) -> Subscription | None:
    """Return the subscription whose change of plan has been due longest, or None."""
    query = {"plan_change_is_due": True, "plan_change_due_at": {"$lte": tx.now}}
    rows = await tx.collection(SUBSCRIPTIONS).find(query, sort=[("plan_change_due_at", 1)], limit=1)
    return to_subscription(rows[0]) if rows else None


def _name_of(scope: Mapping[str, str]) -> str:
    return "|".join(f"{name}={value}" for name, value in sorted(scope.items()))


class Listing:
    """A list of subscriptions for each of many keys, read page by page: the counts of all together, then a page for each."""

    def __init__(self, by: str, query: Mapping[str, Any], *, newest_first: bool) -> None:
        self._by = by
        self._query = dict(query)
        self._newest_first = newest_first

    async def read(self, reader: Reader, keys: Sequence[str], page: Page) -> dict[str, tuple[list[Subscription], int]]:
        """Return for each key that has any: up to ``page.first + 1`` subscriptions, and how many there are in all."""
        matching = {self._by: {"$in": list(keys)}, **self._query}
        counted = await reader.collection(SUBSCRIPTIONS).aggregate(
            [{"$match": matching}, {"$group": {"_id": f"${self._by}", "total": {"$sum": 1}}}]
        )
        totals = {each["_id"]: int(each["total"]) for each in counted}
        pages = await asyncio.gather(*(self._page(reader, key, page) for key in totals))
        return {key: (rows, total) for (key, total), rows in zip(totals.items(), pages, strict=True)}

    async def _page(self, reader: Reader, key: str, page: Page) -> list[Subscription]:
        # A page for each key by itself, along its index: grouping all rows first would cost as much as there are rows.
        query: dict[str, Any] = {self._by: key, **self._query}
        if page.after is not None:
            query["_id"] = {"$lt" if self._newest_first else "$gt": page.after[0]}
        order = [("_id", -1 if self._newest_first else 1)]
        rows = await reader.collection(SUBSCRIPTIONS).find(query, sort=order, limit=page.first + 1)
        return [to_subscription(row) for row in rows]
