"""How applications are kept: a deleted one stays as a trace, and leaves its name to others."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction
from chassis.paging import Page
from services.identity.applications.domain import Application, ClientSecret
from services.identity.inputs import key_of

INDEXES = (
    Index("applications", (("client_id", 1),), unique=True),
    Index("applications", (("organization_id", 1), ("name_key", 1)), unique=True, partial={"is_live": True}),
)


def _to_application(row: Document) -> Application:
    return Application(
        row["_id"],
        row["organization_id"],
        row["name"],
        row["description"],
        row["client_id"],
        row["created_at"],
        tuple(ClientSecret(**secret) for secret in row["secrets"]),
    )


def _changing_part(application: Application) -> Document:
    return {
        "name": application.name,
        "name_key": key_of(application.name),
        "description": application.description,
        "secrets": [asdict(secret) for secret in application.secrets],
    }


async def add(tx: Transaction, application: Application) -> None:
    """Keep a new application. Raises ``DuplicateKey`` where the organization has one of that name."""
    fixed = {
        "_id": application.id,
        "organization_id": application.organization_id,
        "client_id": application.client_id,
        "created_at": application.created_at,
        "is_live": True,
    }
    await tx.collection("applications").insert_one(fixed | _changing_part(application))


async def save(tx: Transaction, application: Application) -> None:
    """Keep a changed application. Raises ``DuplicateKey`` where the organization has one of that name."""
    await tx.collection("applications").update_one({"_id": application.id}, {"$set": _changing_part(application)})


async def bury(tx: Transaction, application: Application) -> None:
    """Keep only the trace of a deleted application."""
    change = {"is_live": False, "deleted_at": tx.now, "secrets": []}
    await tx.collection("applications").update_one({"_id": application.id}, {"$set": change})


async def find(reader: Reader, query: Mapping[str, Any]) -> Application | None:
    """Return the live application that matches."""
    row = await reader.collection("applications").find_one({**query, "is_live": True})
    return _to_application(row) if row else None


async def find_all(reader: Reader, ids: Iterable[str]) -> dict[str, Application]:
    """Return live applications by id."""
    rows = await reader.collection("applications").find({"_id": {"$in": list(set(ids))}, "is_live": True})
    return {row["_id"]: _to_application(row) for row in rows}


def _query(organization_id: str, search: str | None) -> Document:
    query: Document = {"organization_id": organization_id, "is_live": True}
    if search and search.strip():
        query["name_key"] = {"$regex": re.escape(key_of(search))}
    return query


async def find_page(reader: Reader, organization_id: str, search: str | None, page: Page) -> list[Application]:
    """Return a page of an organization's live applications by name, and one more where there is one."""
    query = _query(organization_id, search)
    if page.after is not None:
        query["name_key"] = {**query.get("name_key", {}), "$gt": page.after[0]}
    rows = await reader.collection("applications").find(query, sort=[("name_key", 1)], limit=page.first + 1)
    return [_to_application(row) for row in rows]


async def count(reader: Reader, organization_id: str, search: str | None) -> int:
    """Return how many live applications there are."""
    return await reader.collection("applications").count_documents(_query(organization_id, search))
