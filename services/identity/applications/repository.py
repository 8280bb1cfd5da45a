"""How applications are kept: a deleted one stays as a trace, and leaves its name to others.

How many an organization has is counted along with every change, so that a page of a long list does not count them all.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction
from chassis.paging import Page
from services.identity.applications.domain import Application, ClientSecret
from services.identity.inputs import key_of
from services.identity.word_index import find_rows, index_of, indexed
from services.identity.words import Sought

_MOST_DUE = 50
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # of time; bounded on both sides every database reads the index alone
INDEXES = (
    Index("applications", (("client_id", 1),), unique=True),
    index_of("applications"),
    Index("applications", (("organization_id", 1), ("is_live", 1), ("name_key", 1))),
    Index("applications", (("due_at", 1),)),
    Index("application_totals", (("live", 1),)),
    Index("applications", (("organization_id", 1), ("name_key", 1)), unique=True, partial={"is_live": True}),
)


def to_application(row: Document) -> Application:
    """Return the application that a row keeps."""
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
    """Return what changes of an application; ``due_at`` says when time changes something next, and is left out when never."""
    due = {"due_at": application.due_at} if application.due_at is not None else {}
    return (
        due
        | indexed([application.name, application.client_id])
        | {
            "name": application.name,
            "name_key": key_of(application.name),
            "description": application.description,
            "secrets": [asdict(secret) for secret in application.secrets],
        }
    )


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
    await _count_change(tx, application.organization_id, 1)


async def save(tx: Transaction, application: Application) -> None:
    """Keep a changed application. Raises ``DuplicateKey`` where the organization has one of that name."""
    change: Document = {"$set": _changing_part(application)}
    if application.due_at is None:
        change["$unset"] = {"due_at": ""}
    await tx.collection("applications").update_one({"_id": application.id}, change)


async def bury(tx: Transaction, application: Application) -> None:
    """Keep only the trace of a deleted application."""
    change = {"$set": {"is_live": False, "deleted_at": tx.now, "secrets": []}, "$unset": {"due_at": ""}}
    await tx.collection("applications").update_one({"_id": application.id}, change)
    await _count_change(tx, application.organization_id, -1)


async def _count_change(tx: Transaction, organization_id: str, change: int) -> None:
    """Count an application made or gone, in its transaction and after it; what was never counted is counted now, once."""
    totals = tx.collection("application_totals")
    if not await totals.update_one({"_id": organization_id}, {"$inc": {"live": change}}):
        live = await tx.collection("applications").count_documents(_query(organization_id, None))
        await totals.insert_one({"_id": organization_id, "live": live})


async def find(reader: Reader, query: Mapping[str, Any]) -> Application | None:
    """Return the live application that matches."""
    row = await reader.collection("applications").find_one({**query, "is_live": True})
    return to_application(row) if row else None


async def find_all(reader: Reader, ids: Iterable[str]) -> dict[str, Application]:
    """Return live applications by id."""
    rows = await reader.collection("applications").find({"_id": {"$in": list(set(ids))}, "is_live": True})
    return {row["_id"]: to_application(row) for row in rows}


async def find_client_ids(reader: Reader, ids: Iterable[str]) -> dict[str, str]:
    """Return the Client IDs of applications, deleted ones too, by id."""
    query: Document = {"_id": {"$in": sorted(set(ids))}}
    rows = await reader.collection("applications").find(query, projection={"client_id": 1})
    return {row["_id"]: row["client_id"] for row in rows}


def names_in(row: Document) -> list[str | None]:
    """Return what an application is found by."""
    return [row["name"], row["client_id"]]


async def find_sought(reader: Reader, sought: Sought, limit: int) -> list[Application]:
    """Return live applications that answer what is looked for, the surest first."""
    rows = await find_rows(reader, "applications", sought, limit, within={"is_live": True})
    return [to_application(row) for row in rows]


async def find_due(reader: Reader) -> list[str]:
    """Return the ids of applications of whose secrets time has changed something, the longest due first."""
    query = {"due_at": {"$gt": _BEGINNING, "$lte": reader.now}}
    rows = await reader.collection("applications").find(query, sort=[("due_at", 1)], limit=_MOST_DUE, projection={"_id": 1})
    return [row["_id"] for row in rows]


def _query(organization_id: str, search: str | None) -> Document:
    """Return the query for an organization's applications: whose name holds the text, or whose Client ID begins with it."""
    query: Document = {"organization_id": organization_id, "is_live": True}
    if search and search.strip():
        by_name = {"name_key": {"$regex": re.escape(key_of(search))}}
        query["$or"] = [by_name, {"client_id": {"$regex": f"^{re.escape(search.strip())}"}}]
    return query


async def find_page(reader: Reader, organization_id: str, search: str | None, page: Page) -> list[Application]:
    """Return a page of an organization's live applications by name, and one more where there is one."""
    query = _query(organization_id, search)
    if page.after is not None:
        query["name_key"] = {"$gt": page.after[0]}
    rows = await reader.collection("applications").find(query, sort=[("name_key", 1)], limit=page.first + 1)
    return [to_application(row) for row in rows]


async def count(reader: Reader, organization_id: str, search: str | None) -> int:
    """Return how many live applications there are; without a search, as they were counted along."""
    if not (search and search.strip()):
        counted = await reader.collection("application_totals").find_one({"_id": organization_id})
        if counted is not None:
            return int(counted["live"])
    return await reader.collection("applications").count_documents(_query(organization_id, search))
