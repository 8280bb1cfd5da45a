"""How subscriptions are kept."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from chassis.mongo import Document, DuplicateKey, Index, Reader, Transaction
from chassis.paging import Page
from services.subscriptions.subscriptions.domain import AlreadySubscribed, Change, Status, Subscription

SUBSCRIPTIONS = "subscriptions"

INDEXES = (
    # One live subscription per application and product, under any race.
    Index(SUBSCRIPTIONS, (("application_id", 1), ("product_id", 1)), unique=True, partial={"is_live": True}),
    Index(SUBSCRIPTIONS, (("application_id", 1), ("_id", -1))),
    Index(SUBSCRIPTIONS, (("provider_id", 1), ("status", 1), ("_id", 1))),
)


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
            {"status": each.status.value, "reason": each.reason, "actor": each.actor, "at": each.at}
            for each in subscription.history
        ],
    }


def _to_subscription(document: Mapping[str, Any]) -> Subscription:
    history = tuple(Change(Status(each["status"]), each["reason"], each["actor"], each["at"]) for each in document["history"])
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
        history=history,
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
    return {each["_id"]: _to_subscription(each) for each in documents}


async def find_live_of_application(tx: Transaction, application_id: str) -> list[Subscription]:
    """Return the application's live subscriptions."""
    documents = await tx.collection(SUBSCRIPTIONS).find({"application_id": application_id, "is_live": True})
    return [_to_subscription(each) for each in documents]


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
        return [_to_subscription(row) for row in rows]
