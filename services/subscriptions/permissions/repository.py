"""How permissions are kept."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.mongo import Document, DuplicateKey, Index, Reader, Transaction
from chassis.paging import Page
from services.subscriptions.permissions.domain import (
    Change,
    Deed,
    Permission,
    PermissionAskedAlready,
    Status,
)
from services.subscriptions.permissions.scope import Quota, Scope, Wish

PERMISSIONS = "permissions"
Pair = tuple[str, str]
"""An application and a product."""

INDEXES = (
    # One live permission per application and product, under any race.
    Index(PERMISSIONS, (("application_id", 1), ("product_id", 1)), unique=True, partial={"is_live": True}),
    Index(PERMISSIONS, (("application_id", 1), ("_id", -1))),
    Index(PERMISSIONS, (("provider_id", 1), ("_id", 1))),
    Index(PERMISSIONS, (("provider_id", 1), ("status", 1), ("_id", 1))),
    Index(PERMISSIONS, (("provider_id", 1), ("organization_id", 1), ("_id", -1))),
    Index(PERMISSIONS, (("ends_at", 1),)),
    Index(PERMISSIONS, (("begins_at", 1),)),
)


def _scope_document(scope: Scope) -> Document:
    return {
        "operations": None if scope.operations is None else list(scope.operations),
        "valid_from": scope.valid_from,
        "valid_to": scope.valid_to,
        "quota": None if scope.quota is None else {"calls": scope.quota.calls, "period": scope.quota.period},
    }


def _to_scope(document: Mapping[str, Any]) -> Scope:
    operations, quota = document["operations"], document["quota"]
    return Scope(
        operations=None if operations is None else tuple(operations),
        valid_from=document["valid_from"],
        valid_to=document["valid_to"],
        quota=None if quota is None else Quota(quota["calls"], quota["period"]),
    )


def _to_document(permission: Permission) -> Document:
    return {
        "_id": permission.id,
        "application_id": permission.application_id,
        "organization_id": permission.organization_id,
        "product_id": permission.product_id,
        "provider_id": permission.provider_id,
        "status": permission.status.value,
        "is_live": permission.is_live,
        "asked": _scope_document(permission.wish.scope),
        "purpose": permission.wish.purpose,
        "legal_basis": permission.wish.legal_basis,
        "granted": None if permission.granted is None else _scope_document(permission.granted),
        "reason": permission.reason,
        "created_at": permission.created_at,
        "changed_at": permission.changed_at,
        "begins_at": permission.begins_at,
        "ends_at": permission.ends_at,
        "history": [
            {
                "deed": each.deed.value,
                "status": each.status.value,
                "reason": each.reason,
                "actor": each.actor,
                "at": each.at,
                "valid_to": each.valid_to,
            }
            for each in permission.history
        ],
    }


def to_permission(document: Mapping[str, Any]) -> Permission:
    """Return the permission that a document keeps."""
    return Permission(
        id=document["_id"],
        application_id=document["application_id"],
        organization_id=document["organization_id"],
        product_id=document["product_id"],
        provider_id=document["provider_id"],
        status=Status(document["status"]),
        wish=Wish(_to_scope(document["asked"]), document["purpose"], document["legal_basis"]),
        granted=None if document["granted"] is None else _to_scope(document["granted"]),
        reason=document["reason"],
        created_at=document["created_at"],
        changed_at=document["changed_at"],
        history=tuple(
            Change(Deed(each["deed"]), Status(each["status"]), each["reason"], each["actor"], each["at"], each["valid_to"])
            for each in document["history"]
        ),
    )


async def add(tx: Transaction, permission: Permission) -> None:
    """Keep a new permission. Raises ``PermissionAskedAlready``."""
    try:
        await tx.collection(PERMISSIONS).insert_one(_to_document(permission))
    except DuplicateKey as taken:
        raise PermissionAskedAlready from taken


async def keep(tx: Transaction, permission: Permission) -> None:
    """Keep a permission as it stands now. Raises ``PermissionAskedAlready`` where another one has taken its place meanwhile."""
    try:
        await tx.collection(PERMISSIONS).replace_one({"_id": permission.id}, _to_document(permission))
    except DuplicateKey as taken:
        raise PermissionAskedAlready from taken


async def hold(tx: Transaction, permission_id: str) -> None:
    """Touch a permission, so that its end and what rests on it in this transaction cannot both pass unaware of each other."""
    await tx.collection(PERMISSIONS).update_one({"_id": permission_id}, {"$inc": {"held": 1}})


async def find(reader: Reader, permission_ids: Iterable[str]) -> dict[str, Permission]:
    """Return those of the permissions that exist, by id."""
    documents = await reader.collection(PERMISSIONS).find({"_id": {"$in": sorted(set(permission_ids))}})
    return {each["_id"]: to_permission(each) for each in documents}


async def find_live(reader: Reader, application_id: str, product_id: str) -> Permission | None:
    """Return the permission of the application for the product that stands, decided or not."""
    query = {"application_id": application_id, "product_id": product_id, "is_live": True}
    document = await reader.collection(PERMISSIONS).find_one(query)
    return None if document is None else to_permission(document)


async def find_live_of_application(tx: Transaction, application_id: str) -> list[Permission]:
    """Return the application's permissions that stand, decided or not."""
    documents = await tx.collection(PERMISSIONS).find({"application_id": application_id, "is_live": True})
    return [to_permission(each) for each in documents]


async def find_latest(reader: Reader, pairs: Iterable[Pair]) -> dict[Pair, Permission]:
    """Return for each application and product the newest permission, or the one that stands: one read for all pairs."""
    wanted = set(pairs)
    if not wanted:
        return {}
    query = {
        "application_id": {"$in": sorted({application for application, _ in wanted})},
        "product_id": {"$in": sorted({product for _, product in wanted})},
    }
    found: dict[Pair, Permission] = {}
    for each in await reader.collection(PERMISSIONS).find(query, sort=[("is_live", 1), ("_id", 1)]):
        found[each["application_id"], each["product_id"]] = to_permission(each)
    return {pair: permission for pair, permission in found.items() if pair in wanted}


async def find_beside(reader: Reader, provider_id: str, organization_id: str, *, most: int) -> list[Permission]:
    """Return what else an organization has asked a provider for or has been granted by it, the newest first."""
    query = {"provider_id": provider_id, "organization_id": organization_id}
    documents = await reader.collection(PERMISSIONS).find(query, sort=[("_id", -1)], limit=most)
    return [to_permission(each) for each in documents]


async def find_begun(tx: Transaction, now: datetime, *, most: int) -> list[Permission]:
    """Return what was granted ahead and has begun by now."""
    return await _find_due(tx, "begins_at", now, most)


async def find_over(tx: Transaction, now: datetime, *, most: int) -> list[Permission]:
    """Return what is granted and whose time is over by now."""
    return await _find_due(tx, "ends_at", now, most)


async def _find_due(tx: Transaction, field: str, now: datetime, most: int) -> list[Permission]:
    # A comparison with a moment matches moments alone, so what has none is passed over.
    documents = await tx.collection(PERMISSIONS).find({field: {"$lte": now}}, sort=[(field, 1)], limit=most)
    return [to_permission(each) for each in documents]


class Listing:
    """A list of permissions for each of many keys, read page by page: the counts of all together, then a page for each."""

    def __init__(self, by: str, query: Mapping[str, Any], *, newest_first: bool) -> None:
        self._by = by
        self._query = dict(query)
        self._newest_first = newest_first

    async def read(self, reader: Reader, keys: Sequence[str], page: Page) -> dict[str, tuple[list[Permission], int]]:
        """Return for each key that has any: up to ``page.first + 1`` permissions, and how many there are in all."""
        matching = {self._by: {"$in": list(keys)}, **self._query}
        counted = await reader.collection(PERMISSIONS).aggregate(
            [{"$match": matching}, {"$group": {"_id": f"${self._by}", "total": {"$sum": 1}}}]
        )
        totals = {each["_id"]: int(each["total"]) for each in counted}
        pages = await asyncio.gather(*(self._page(reader, key, page) for key in totals))
        return {key: (rows, total) for (key, total), rows in zip(totals.items(), pages, strict=True)}

    async def _page(self, reader: Reader, key: str, page: Page) -> list[Permission]:
        query: dict[str, Any] = {self._by: key, **self._query}
        if page.after is not None:
            query["_id"] = {"$lt" if self._newest_first else "$gt": page.after[0]}
        order = [("_id", -1 if self._newest_first else 1)]
        rows = await reader.collection(PERMISSIONS).find(query, sort=order, limit=page.first + 1)
        return [to_permission(row) for row in rows]
