"""How subscriptions are kept, and the local copies of the applications, products and plans that they are about."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chassis.mongo import Document, DuplicateKey, Index, Reader, Transaction
from chassis.paging import Page
from services.subscriptions.domain import (
    AlreadySubscribed,
    Applicant,
    Application,
    Change,
    Plan,
    Product,
    Status,
    Subscription,
)

SUBSCRIPTIONS = "subscriptions"

INDEXES = (
    # One live subscription per application and product, under any race.
    Index(SUBSCRIPTIONS, (("application_id", 1), ("product_id", 1)), unique=True, partial={"is_live": True}),
    Index(SUBSCRIPTIONS, (("application_id", 1), ("_id", -1))),
    Index(SUBSCRIPTIONS, (("provider_id", 1), ("status", 1), ("_id", 1))),
    Index("applications", (("organization_id", 1),)),
    Index("ended_organizations", (("sequence", 1),)),
    Index("products", (("organization_id", 1),)),
    Index("published_versions", (("product_id", 1),)),
    Index("plans", (("product_id", 1),)),
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


async def find_application(tx: Transaction, application_id: str) -> Application | None:
    """Return the local copy of an application, or None where it is not heard of or is gone."""
    copy = await tx.collection("applications").find_one({"_id": application_id, "is_deleted": False})
    return None if copy is None else Application(copy["_id"], copy["organization_id"])


async def find_applicants(reader: Reader, subscriptions: Iterable[Subscription]) -> dict[str, Applicant]:
    """Return who asks for each of the subscriptions, by its id: one read for all applications, one for all organizations."""
    asked = list(subscriptions)
    applications, organizations = await asyncio.gather(
        _copies(reader, "application_names", {each.application_id for each in asked}),
        _copies(reader, "organization_names", {each.organization_id for each in asked}),
    )
    found = {}
    for each in asked:
        application = applications.get(each.application_id, {})
        organization = organizations.get(each.organization_id, {})
        found[each.id] = Applicant(application.get("name"), application.get("client_id"), organization.get("name"))
    return found


async def _copies(reader: Reader, collection: str, keys: set[str]) -> dict[str, Document]:
    if not keys:
        return {}
    return {each["_id"]: each for each in await reader.collection(collection).find({"_id": {"$in": sorted(keys)}})}


async def has_ended(tx: Transaction, organization_id: str) -> bool:
    """Say whether the organization was heard to have been deleted."""
    return await tx.collection("ended_organizations").find_one({"_id": organization_id}) is not None


async def hold_application(tx: Transaction, application_id: str) -> None:
    """Touch the copy, so that the application's deletion and this transaction cannot both pass unaware of each other."""
    await tx.collection("applications").update_one({"_id": application_id}, {"$inc": {"held": 1}})


async def find_published_product(tx: Transaction, product_id: str) -> Product | None:
    """Return the local copy of a product, or None where it is not heard of or has no published version."""
    if await tx.collection("published_versions").find_one({"product_id": product_id}, projection={"_id": 1}) is None:
        return None
    copy = await tx.collection("products").find_one({"_id": product_id})
    if copy is None:
        return None
    return Product(copy["_id"], copy["organization_id"], is_confidential=copy["sensitivity"] == "CONFIDENTIAL")


async def find_plan(tx: Transaction, plan_id: str) -> Plan | None:
    """Return the local copy of a plan, or None where it is not heard of."""
    copy = await tx.collection("plans").find_one({"_id": plan_id})
    if copy is None:
        return None
    return Plan(
        copy["_id"],
        copy["product_id"],
        approves_automatically=copy["approval"] == "AUTOMATIC",
        is_withdrawn=copy["is_withdrawn"],
    )
