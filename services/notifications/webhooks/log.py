"""How deliveries are kept: they wait, and stay for a while when they are over, with what was sent and what came of each try."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction
from chassis.paging import Page
from services.notifications.webhooks.deliveries import (
    GIVE_UP_AFTER,
    HOLDS_ITS_SUBJECT_FOR_TRIES,
    Attempt,
    Delivery,
    Failure,
    Outcome,
    Status,
)

_DELIVERIES = "webhook_deliveries"
_ATTEMPTS_KEPT = 50
_MOST_HELD = 1000
_WAITING = str(Status.WAITING)
INDEXES = (
    Index(_DELIVERIES, (("webhook_id", 1), ("event_id", 1)), unique=True),
    Index(_DELIVERIES, (("status", 1), ("webhook_id", 1), ("_id", 1))),
    Index(_DELIVERIES, (("webhook_id", 1), ("_id", 1))),
    Index(_DELIVERIES, (("expires_at", 1),), expire_after_seconds=0),
)


def _to_attempt(row: Document) -> Attempt:
    failure = row["failure"]
    outcome = Outcome(row["status"], Failure(failure) if failure else None, row["duration_ms"])
    return Attempt(row["at"], outcome, row["next_at"])


def _to_delivery(row: Document) -> Delivery:
    return Delivery(
        row["_id"],
        row["webhook_id"],
        row["event_id"],
        key=row["key"],
        subject=row["subject"],
        sequence=row["sequence"],
        body=bytes(row["body"]),
        created_at=row["created_at"],
        give_up_at=row["give_up_at"],
        status=Status(row["status"]),
        tries=row["tries"],
        due_at=row["due_at"],
        finished_at=row.get("finished_at"),
        attempts=tuple(_to_attempt(each) for each in row["attempts"]),
    )


def _row_of(attempt: Attempt) -> Document:
    outcome = attempt.outcome
    told = {"status": outcome.status, "failure": outcome.failure, "duration_ms": outcome.duration_ms}
    return {"at": attempt.at, **told, "next_at": attempt.next_at}


async def add(tx: Transaction, deliveries: Sequence[Delivery]) -> None:
    """Keep what is to be sent."""
    rows = [
        {
            "_id": each.id,
            "webhook_id": each.webhook_id,
            "event_id": each.event_id,
            "key": each.key,
            "subject": each.subject,
            "sequence": each.sequence,
            "body": each.body,
            "created_at": each.created_at,
            "give_up_at": each.give_up_at,
            "status": _WAITING,
            "tries": 0,
            "due_at": tx.now,
            "attempts": [],
        }
        for each in deliveries
    ]
    await tx.collection(_DELIVERIES).insert_many(rows)


async def find_told(tx: Transaction, event_id: str, webhook_ids: Iterable[str]) -> set[str]:
    """Return those of the webhooks for which an event waits or has waited already."""
    query = {"webhook_id": {"$in": sorted(webhook_ids)}, "event_id": event_id}
    return {row["webhook_id"] for row in await tx.collection(_DELIVERIES).find(query, projection={"webhook_id": 1})}


async def find_webhooks_with_due(reader: Reader) -> list[str]:
    """Return the ids of webhooks for which something is due: one short look for each of them, however much waits."""
    found: list[str] = []
    query: dict[str, Any] = {"status": _WAITING, "due_at": {"$lte": reader.now}}
    while True:
        after = {"webhook_id": {"$gt": found[-1]}} if found else {}
        rows = await reader.collection(_DELIVERIES).find(
            {**query, **after}, sort=[("webhook_id", 1)], limit=1, projection={"webhook_id": 1}
        )
        if not rows:
            return found
        found.append(rows[0]["webhook_id"])


async def find_due(reader: Reader, webhook_id: str, limit: int) -> list[Delivery]:
    """Return what may be sent to a webhook now, the oldest first; what waits behind a failed one of its subject is left out."""
    waiting: dict[str, Any] = {"status": _WAITING, "webhook_id": webhook_id}
    held = await reader.collection(_DELIVERIES).find(
        {**waiting, "tries": {"$gte": 1, "$lt": HOLDS_ITS_SUBJECT_FOR_TRIES}, "due_at": {"$gt": reader.now}},
        limit=_MOST_HELD,
        projection={"subject": 1},
    )
    query = {**waiting, "due_at": {"$lte": reader.now}}
    if held:
        query["subject"] = {"$nin": sorted({row["subject"] for row in held})}
    rows = await reader.collection(_DELIVERIES).find(query, sort=[("_id", 1)], limit=limit)
    return [_to_delivery(row) for row in rows]


async def note_delivered(reader: Reader, delivery_id: str, attempt: Attempt, kept_for: timedelta) -> None:
    """Note that an event was taken."""
    await reader.collection(_DELIVERIES).update_one(
        {"_id": delivery_id},
        {
            "$set": {
                "status": str(Status.DELIVERED),
                "finished_at": attempt.at,
                "expires_at": attempt.at + kept_for,
                "due_at": None,
            },
            "$push": {"attempts": {"$each": [_row_of(attempt)], "$slice": -_ATTEMPTS_KEPT}},
        },
    )


async def note_failed(tx: Transaction, delivery: Delivery, attempt: Attempt, kept_for: timedelta) -> None:
    """Note that an event was not taken, and when it is tried again: not at all where the attempt has no next one."""
    change: Document = {"due_at": attempt.next_at, "give_up_at": delivery.last_try_at(attempt.at)}
    if attempt.next_at is None:
        change |= _given_up(attempt.at, kept_for)
    await tx.collection(_DELIVERIES).update_one(
        {"_id": delivery.id, "status": _WAITING},
        {
            "$set": change,
            "$inc": {"tries": 1},
            "$push": {"attempts": {"$each": [_row_of(attempt)], "$slice": -_ATTEMPTS_KEPT}},
        },
    )


def _given_up(now: datetime, kept_for: timedelta) -> Document:
    return {"status": str(Status.GIVEN_UP), "finished_at": now, "expires_at": now + kept_for, "due_at": None}


async def give_up(tx: Transaction, webhook_id: str, kept_for: timedelta, *, overdue_only: bool) -> int:
    """Give up what waits for a webhook, all of it or only what has waited too long, and return how many those were."""
    query: Document = {"status": _WAITING, "webhook_id": webhook_id}
    if overdue_only:
        query["give_up_at"] = {"$lte": tx.now}
    return await tx.collection(_DELIVERIES).update_many(query, {"$set": _given_up(tx.now, kept_for)})


async def hurry(tx: Transaction, webhook_id: str) -> None:
    """Let everything that waits for a webhook be due: it answers again."""
    query = {"status": _WAITING, "webhook_id": webhook_id, "due_at": {"$gt": tx.now}}
    await tx.collection(_DELIVERIES).update_many(query, {"$set": {"due_at": tx.now}})


async def send_again(tx: Transaction, delivery_ids: Sequence[str]) -> int:
    """Let deliveries wait anew, whatever has become of them, and return how many those are."""
    again = {"status": _WAITING, "tries": 0, "due_at": tx.now, "give_up_at": tx.now + GIVE_UP_AFTER}
    change = {"$set": again, "$unset": {"finished_at": "", "expires_at": ""}}
    return await tx.collection(_DELIVERIES).update_many({"_id": {"$in": list(delivery_ids)}}, change)


async def find_given_up(reader: Reader, webhook_id: str, since: datetime, limit: int) -> list[str]:
    """Return the ids of deliveries since a time that were given up, the oldest first."""
    query = {"status": str(Status.GIVEN_UP), "webhook_id": webhook_id, "created_at": {"$gte": since}}
    rows = await reader.collection(_DELIVERIES).find(query, sort=[("_id", 1)], limit=limit, projection={"_id": 1})
    return [row["_id"] for row in rows]


async def find_one(reader: Reader, webhook_id: str, delivery_id: str) -> Delivery | None:
    """Return a delivery of a webhook."""
    row = await reader.collection(_DELIVERIES).find_one({"_id": delivery_id, "webhook_id": webhook_id})
    return _to_delivery(row) if row else None


async def find_page(reader: Reader, webhook_id: str, status: Status | None, page: Page) -> list[Delivery]:
    """Return a page of what is or was to be sent to a webhook, the newest first, and one more where there is one."""
    query: Document = {"webhook_id": webhook_id}
    if status is not None:
        query["status"] = str(status)
    if page.after is not None:
        query["_id"] = {"$lt": page.after[0]}
    rows = await reader.collection(_DELIVERIES).find(query, sort=[("_id", -1)], limit=page.first + 1)
    return [_to_delivery(row) for row in rows]


async def forget(reader: Reader, webhook_ids: Iterable[str]) -> None:
    """Forget what waits for webhooks that there are no more."""
    query = {"status": _WAITING, "webhook_id": {"$in": sorted(webhook_ids)}}
    await reader.collection(_DELIVERIES).delete_many(query)
