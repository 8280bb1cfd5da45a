"""Mails as they are kept: sealed while they wait, without their text once that is over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chassis.mongo import Index, Reader, Transaction

_MAILS = "mails"
_KEPT_FOR = timedelta(days=30)

INDEXES = (
    Index(_MAILS, (("state", 1), ("due_at", 1))),
    Index(_MAILS, (("user_id", 1), ("state", 1))),
    Index(_MAILS, (("expires_at", 1),), expire_after_seconds=0),
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail that waits to be sent; for the user, or for the address that is sealed with it."""

    id: str
    sealed: str
    user_id: str | None
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ToKeep:
    """A mail to be kept until it is sent."""

    id: str
    sealed: str
    user_id: str | None


async def put(tx: Transaction, mails: Sequence[ToKeep]) -> None:
    """Keep sealed mails until they are sent."""
    await tx.collection(_MAILS).insert_many(
        [
            {
                "_id": each.id,
                "state": "WAITING",
                "sealed": each.sealed,
                "user_id": each.user_id,
                "attempts": 0,
                "due_at": tx.now,
                "created_at": tx.now,
            }
            for each in mails
        ]
    )


async def withdraw(tx: Transaction, user_id: str) -> None:
    """Forget the mails of a user, sent or not."""
    await tx.collection(_MAILS).delete_many({"user_id": user_id})


async def claim(reader: Reader, hold: timedelta) -> Waiting | None:
    """Take the mail that has been due for longest; it becomes due again after ``hold``, should the one who took it die."""
    due = {"state": "WAITING", "due_at": {"$lte": reader.now}}
    change = {"$set": {"due_at": reader.now + hold}, "$inc": {"attempts": 1}}
    for _ in range(10):
        first = await reader.collection(_MAILS).find(due, sort=[("due_at", 1)], limit=1)
        if not first:
            return None
        row = first[0]
        if await reader.collection(_MAILS).update_one({"_id": row["_id"], "state": "WAITING", "due_at": row["due_at"]}, change):
            return Waiting(row["_id"], row["sealed"], row["user_id"], row["attempts"] + 1, created_at=row["created_at"])
    return None


async def finish(reader: Reader, mail_id: str, state: str, reason: str | None = None) -> None:
    """Note what became of a mail (SENT, REFUSED, GIVEN_UP or WITHDRAWN), and forget what it said."""
    change: dict[str, Any] = {"state": state, "reason": reason, "finished_at": reader.now, "expires_at": reader.now + _KEPT_FOR}
    await reader.collection(_MAILS).update_one({"_id": mail_id}, {"$set": change, "$unset": {"sealed": "", "due_at": ""}})


async def postpone(reader: Reader, mail_id: str, until: datetime) -> None:
    """Note when a mail is to be tried again."""
    await reader.collection(_MAILS).update_one({"_id": mail_id, "state": "WAITING"}, {"$set": {"due_at": until}})
