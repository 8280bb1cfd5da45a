"""How onboarding requests are kept: one document each, with its form, its documents and its acts."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from enum import Enum
from typing import Any

from chassis.backlog import Held
from chassis.mongo import Document as Row
from chassis.mongo import Index, Reader, Transaction
from chassis.paging import Page
from services.identity.findings.domain import Judging
from services.identity.onboarding.domain import (
    Act,
    ActKind,
    Channel,
    Document,
    Reason,
    Request,
    Status,
    to_milliseconds,
)
from services.identity.onboarding.form import Contact, Form, Part, Registration
from services.identity.organizations.roles import Role

_NAME = "onboarding_requests"
_MOST_OF_ONE = 50
_CONTACTS = ("form.contact", "form.provider_contact")
_NO_CONTACT: Row = {"name": "", "email": "", "phone": None, "position": None}
INDEXES = (
    # One open request of an organization at a time; one that is recorded for nobody yet stands for itself.
    Index(_NAME, (("open_key", 1),), unique=True, partial={"is_open": True}),
    Index(_NAME, (("organization_id", 1), ("_id", -1))),
    Index(_NAME, (("is_filed", 1), ("status", 1), ("held_ms", 1), ("_id", 1))),
    Index(_NAME, (("registration_key", 1), ("_id", -1))),
    Index(_NAME, (("waits_for_judge", 1),), partial={"waits_for_judge": True}),
)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.value if isinstance(value, Enum) else value


def _to_document(request: Request) -> Row:
    row: Row = _plain(asdict(request))
    row["_id"] = row.pop("id")
    return row | {
        "is_open": request.is_open,
        "is_filed": request.is_filed,
        "open_key": request.organization_id or request.id,
        "held_ms": to_milliseconds(request.held_since),
        "registration_key": request.form.registration.key,
        "waits_for_judge": any(each.judging is Judging.WAITING for each in request.documents),
    }


_DERIVED = frozenset({"_id", "is_open", "is_filed", "open_key", "held_ms", "registration_key", "waits_for_judge"})


def to_request(row: Row) -> Request:
    """Return the request that a row keeps."""
    fields = {key: value for key, value in row.items() if key not in _DERIVED}
    fields["channel"], fields["status"] = Channel(row["channel"]), Status(row["status"])
    fields["form"] = _to_form(row["form"])
    fields["acts"] = tuple(_to_act(each) for each in row["acts"])
    fields["documents"] = tuple(Document(**{**each, "judging": Judging(each["judging"])}) for each in row["documents"])
    return Request(id=row["_id"], **fields)


def _to_form(row: Row) -> Form:
    parts = {
        "registration": Registration(**row["registration"]),
        "contact": Contact(**row["contact"]),
        "provider_contact": Contact(**row["provider_contact"]),
        "contact_role": Role(row["contact_role"]),
        "product_ids": tuple(row["product_ids"]),
    }
    return Form(**{**row, **parts})


def _to_act(row: Row) -> Act:
    reasons = tuple(Reason(Part(each["part"]), each["message"]) for each in row["reasons"])
    return Act(**{**row, "kind": ActKind(row["kind"]), "status": Status(row["status"]), "reasons": reasons})


async def add(tx: Transaction, request: Request) -> None:
    """Keep a new request. Raises ``DuplicateKey`` where the organization has an open one."""
    await tx.collection(_NAME).insert_one(_to_document(request))


async def save(tx: Transaction, request: Request) -> None:
    """Keep what has become of a request."""
    await tx.collection(_NAME).replace_one({"_id": request.id}, _to_document(request))


async def find(reader: Reader, request_id: str) -> Request | None:
    """Return a request."""
    row = await reader.collection(_NAME).find_one({"_id": request_id})
    return to_request(row) if row else None


async def find_all(reader: Reader, ids: Iterable[str]) -> dict[str, Request]:
    """Return requests by id."""
    rows = await reader.collection(_NAME).find({"_id": {"$in": list(set(ids))}})
    return {row["_id"]: to_request(row) for row in rows}


async def find_open(reader: Reader, organization_id: str) -> Request | None:
    """Return the open request of an organization."""
    row = await reader.collection(_NAME).find_one({"open_key": organization_id, "is_open": True})
    return to_request(row) if row else None


async def find_of_organization(reader: Reader, organization_id: str) -> list[Request]:
    """Return an organization's newest requests, the newest first."""
    query = {"organization_id": organization_id}
    rows = await reader.collection(_NAME).find(query, sort=[("_id", -1)], limit=_MOST_OF_ONE)
    return [to_request(row) for row in rows]


def _queued(statuses: Sequence[Status]) -> Row:
    return {"is_filed": True, "status": {"$in": [str(each) for each in statuses]}}


async def find_queue(reader: Reader, statuses: Sequence[Status], page: Page) -> list[Request]:
    """Return a page of the requests that the operator has had, the longest held first, and one more where there is one."""
    query = _queued(statuses)
    if page.after is not None:
        held_ms, last_id = page.after
        query["$or"] = [{"held_ms": {"$gt": held_ms}}, {"held_ms": held_ms, "_id": {"$gt": last_id}}]
    sort = [("held_ms", 1), ("_id", 1)]
    rows = await reader.collection(_NAME).find(query, sort=sort, limit=page.first + 1)
    return [to_request(row) for row in rows]


async def count_queue(reader: Reader, statuses: Sequence[Status]) -> int:
    """Return how many requests stand in one of these states."""
    return await reader.collection(_NAME).count_documents(_queued(statuses))


async def sum_up_queue(reader: Reader, statuses: Sequence[Status]) -> list[Held]:
    """Return for each person who took requests in these states (and for None) how many, and since when the oldest is held."""
    by_person = {"_id": "$taken_by", "waiting": {"$sum": 1}, "held_ms": {"$min": "$held_ms"}}
    rows = await reader.collection(_NAME).aggregate([{"$match": _queued(statuses)}, {"$group": by_person}])
    return [Held(row["_id"], row["waiting"], row["held_ms"]) for row in rows]


async def find_namesakes(reader: Reader, registration_keys: Iterable[str]) -> list[Request]:
    """Return the newest requests that give one of these registration numbers."""
    query = {"registration_key": {"$in": list(set(registration_keys))}, "is_filed": True}
    rows = await reader.collection(_NAME).find(query, sort=[("_id", -1)], limit=10 * _MOST_OF_ONE)
    return [to_request(row) for row in rows]


async def find_to_judge(reader: Reader, limit: int) -> list[Request]:
    """Return requests with documents whose signatures wait to be examined."""
    return [to_request(row) for row in await reader.collection(_NAME).find({"waits_for_judge": True}, limit=limit)]


async def leave_contact_blank(tx: Transaction, email: str) -> list[str]:
    """Forget a person whom requests name to write to, and return the requests' ids: they stay, being their organizations'."""
    spelled_anyhow = {"$regex": f"^{re.escape(email)}$", "$options": "i"}
    named = {"$or": [{f"{contact}.email": spelled_anyhow} for contact in _CONTACTS]}
    rows = await tx.collection(_NAME).find(named, projection={"_id": 1})
    for contact in _CONTACTS:
        blank = {f"{contact}.{part}": nothing for part, nothing in _NO_CONTACT.items()}
        await tx.collection(_NAME).update_many({f"{contact}.email": spelled_anyhow}, {"$set": blank})
    return [row["_id"] for row in rows]
