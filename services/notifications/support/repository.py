"""How support requests are kept: one document each, and one for each message."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Any

from chassis.backlog import Held
from chassis.mongo import Document, Index, Reader, Transaction
from chassis.paging import Page
from services.notifications.support.domain import (
    Category,
    Channel,
    Desk,
    Message,
    Priority,
    Side,
    Status,
    SupportRequest,
    Topic,
    to_milliseconds,
)

REQUESTS = "support_requests"
MESSAGES = "support_messages"
_ASKING = "support_asking"
Query = Mapping[str, Any]
INDEXES = (
    Index(REQUESTS, (("organization_id", 1), ("_id", -1))),
    Index(REQUESTS, (("provider_id", 1), ("_id", -1))),
    Index(REQUESTS, (("opened_by", 1), ("_id", -1))),
    Index(REQUESTS, (("writers", 1),)),
    Index(REQUESTS, (("holder_id", 1), ("is_open", 1))),
    Index(REQUESTS, (("waits_for", 1), ("held_ms", 1), ("_id", 1))),
    Index(REQUESTS, (("status", 1), ("held_ms", 1), ("_id", 1))),
    Index(MESSAGES, (("request_id", 1), ("is_note", 1), ("_id", 1))),
    Index(_ASKING, (("held", 1),)),
)


def _plain(fields: Mapping[str, Any]) -> Document:
    return {key: value.value if isinstance(value, StrEnum) else value for key, value in fields.items()}


def _to_document(request: SupportRequest) -> Document:
    document = _plain(asdict(request))
    return {
        "_id": document.pop("id"),
        **document,
        "writers": sorted(request.writers),
        "is_open": request.is_open,
        "is_shared": not request.is_private,
        "held_ms": to_milliseconds(request.held_since),
    }


def _to_request(row: Mapping[str, Any]) -> SupportRequest:
    fields = {key: value for key, value in row.items() if key not in ("_id", "is_open", "is_shared", "held_ms")}
    parts = {
        "status": Status(row["status"]),
        "category": Category(row["category"]),
        "priority": Priority(row["priority"]),
        "waits_for": Desk(row["waits_for"]) if row["waits_for"] else None,
        "topic": Topic(**row["topic"]) if row["topic"] else None,
        "writers": frozenset(row["writers"]),
    }
    return SupportRequest(id=row["_id"], **{**fields, **parts})


def _to_message(row: Mapping[str, Any]) -> Message:
    fields = {key: value for key, value in row.items() if key != "_id"}
    parts = {
        "side": Side(row["side"]),
        "channel": Channel(row["channel"]),
        "attachment_ids": tuple(row["attachment_ids"]),
    }
    return Message(id=row["_id"], **{**fields, **parts})


async def hold(tx: Transaction, who: str) -> None:
    """Touch who asks (a user, an organization), so that their end and a new request cannot both pass unaware of each other."""
    await tx.collection(_ASKING).update_one({"_id": who}, {"$inc": {"held": 1}}, upsert=True)


async def end(tx: Transaction, who: str) -> None:
    """Note that a user or an organization asks for nothing any more."""
    await tx.collection(_ASKING).update_one({"_id": who}, {"$set": {"has_ended": True}, "$inc": {"held": 1}}, upsert=True)


async def has_ended(reader: Reader, who: str) -> bool:
    """Say whether a user or an organization was heard to be gone."""
    return await reader.collection(_ASKING).find_one({"_id": who, "has_ended": True}) is not None


async def add(tx: Transaction, request: SupportRequest) -> None:
    """Keep a new request."""
    await tx.collection(REQUESTS).insert_one(_to_document(request))


async def keep(tx: Transaction, request: SupportRequest) -> None:
    """Keep a request as it stands now."""
    await tx.collection(REQUESTS).replace_one({"_id": request.id}, _to_document(request))


async def add_message(tx: Transaction, message: Message) -> None:
    """Keep what somebody wrote."""
    document = _plain(asdict(message))
    await tx.collection(MESSAGES).insert_one({"_id": document.pop("id"), **document})


async def forget(tx: Transaction, request_id: str) -> None:
    """Forget a request and what was written in it."""
    await tx.collection(MESSAGES).delete_many({"request_id": request_id})
    await tx.collection(REQUESTS).delete_one({"_id": request_id})


async def find(reader: Reader, ids: Iterable[str]) -> dict[str, SupportRequest]:
    """Return those of the requests that exist, by id."""
    wanted = sorted(set(ids))
    rows = await reader.collection(REQUESTS).find({"_id": {"$in": wanted}}) if wanted else []
    return {each["_id"]: _to_request(each) for each in rows}


async def find_all(reader: Reader, query: Query) -> list[SupportRequest]:
    """Return the requests that match, the oldest first."""
    return [_to_request(each) for each in await reader.collection(REQUESTS).find(query, sort=[("_id", 1)])]


async def count_open(reader: Reader, user_id: str) -> int:
    """Return how many unfinished requests a user has opened."""
    return await reader.collection(REQUESTS).count_documents({"opened_by": user_id, "is_open": True})


async def find_lapsed(reader: Reader, solved_before: datetime, limit: int) -> list[SupportRequest]:
    """Return requests that were solved at a moment or before and can be closed."""
    # Not $lte: in an index with more fields behind this one the embedded database leaves out what is equal.
    query = {"status": Status.SOLVED.value, "held_ms": {"$lt": to_milliseconds(solved_before) + 1}}
    rows = await reader.collection(REQUESTS).find(query, sort=[("held_ms", 1)], limit=limit)
    return [_to_request(each) for each in rows]


async def find_page(reader: Reader, query: Query, page: Page) -> tuple[list[SupportRequest], int]:
    """Return a page of requests (and one more where there is one), the newest first, and how many there are."""
    requests = reader.collection(REQUESTS)
    total = await requests.count_documents(query)
    after = {"_id": {"$lt": page.after[0]}} if page.after else {}
    rows = await requests.find({"$and": [query, after]}, sort=[("_id", -1)], limit=page.first + 1)
    return [_to_request(each) for each in rows], total


async def find_queue(reader: Reader, query: Query, page: Page) -> tuple[list[SupportRequest], int]:
    """Return a page of requests (and one more where there is one), the longest with their desk first, and how many there are."""
    requests = reader.collection(REQUESTS)
    total = await requests.count_documents(query)
    after: dict[str, Any] = {}
    if page.after is not None:
        held_ms, last_id = page.after
        after = {"$or": [{"held_ms": {"$gt": held_ms}}, {"held_ms": held_ms, "_id": {"$gt": last_id}}]}
    rows = await requests.find({"$and": [query, after]}, sort=[("held_ms", 1), ("_id", 1)], limit=page.first + 1)
    return [_to_request(each) for each in rows], total


async def sum_up_queue(reader: Reader) -> list[Held]:
    """Return for each of the staff (and for None) how many requests that wait for the operator they hold, and since when."""
    waiting = {"waits_for": Desk.OPERATOR.value}
    by_person = {"_id": "$holder_id", "waiting": {"$sum": 1}, "held_ms": {"$min": "$held_ms"}}
    rows = await reader.collection(REQUESTS).aggregate([{"$match": waiting}, {"$group": by_person}])
    return [Held(row["_id"], row["waiting"], row["held_ms"]) for row in rows]


async def find_messages(reader: Reader, request_id: str, page: Page, *, with_notes: bool) -> tuple[list[Message], int]:
    """Return a page of what was written in a request (and one more where there is one), the oldest first, and how much it is."""
    messages = reader.collection(MESSAGES)
    query: dict[str, Any] = {"request_id": request_id, **({} if with_notes else {"is_note": False})}
    total = await messages.count_documents(query)
    after = {"_id": {"$gt": page.after[0]}} if page.after else {}
    rows = await messages.find({"$and": [query, after]}, sort=[("_id", 1)], limit=page.first + 1)
    return [_to_message(each) for each in rows], total


async def find_newest_messages(reader: Reader, request_id: str, limit: int) -> list[Message]:
    """Return what was written last in a request for those who ask to see, the oldest of it first."""
    query = {"request_id": request_id, "is_note": False}
    rows = await reader.collection(MESSAGES).find(query, sort=[("_id", -1)], limit=limit)
    return [_to_message(each) for each in reversed(rows)]
