"""Mails as they are kept: sealed while they wait, without their text once they are sent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chassis.mongo import Index, Reader, Transaction

_KEPT_FOR = timedelta(days=7)

INDEXES = (
    Index("mails", (("state", 1), ("due_at", 1))),
    Index("mails", (("to_hash", 1),), partial={"state": "WAITING"}),
    Index("mails", (("expires_at", 1),), expire_after_seconds=0),
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail that waits to be sent."""

    id: str
    sealed: str
    attempts: int
    created_at: datetime


async def put(tx: Transaction, mail_id: str, sealed: str, to_hash: str) -> None:
    """Keep a sealed mail until it is sent; ``to_hash`` is the fingerprint of the address that it goes to."""
    await tx.collection("mails").insert_one(
        {
            "_id": mail_id,
            "state": "WAITING",
            "sealed": sealed,
            "to_hash": to_hash,
            "attempts": 0,
            "due_at": tx.now,
            "created_at": tx.now,
        }
    )


async def withdraw(tx: Transaction, to_hash: str) -> None:
    """Forget the mails that wait to be sent to an address."""
    await tx.collection("mails").delete_many({"to_hash": to_hash, "state": "WAITING"})


async def claim_due(reader: Reader, hold: timedelta, limit: int) -> list[Waiting]:
    """Take mails that are due; they become due again after ``hold``, should the one who took them die."""
    mails = reader.collection("mails")
    due = await mails.find({"state": "WAITING", "due_at": {"$lte": reader.now}}, sort=[("due_at", 1)], limit=limit)
    claimed = []
    for row in due:
        unchanged = {"_id": row["_id"], "state": "WAITING", "due_at": row["due_at"]}
        if await mails.update_one(unchanged, {"$set": {"due_at": reader.now + hold}, "$inc": {"attempts": 1}}):
            claimed.append(Waiting(row["_id"], row["sealed"], row["attempts"] + 1, row["created_at"]))
    return claimed


async def finish(reader: Reader, mail_id: str, state: str) -> None:
    """Note that a mail was SENT or GIVEN_UP, and forget what it said."""
    change: dict[str, Any] = {"state": state, "finished_at": reader.now, "expires_at": reader.now + _KEPT_FOR}
    await reader.collection("mails").update_one(
        {"_id": mail_id}, {"$set": change, "$unset": {"sealed": "", "due_at": "", "to_hash": ""}}
    )


async def postpone(reader: Reader, mail_id: str, until: datetime) -> None:
    """Note when a mail is to be tried again."""
    await reader.collection("mails").update_one({"_id": mail_id}, {"$set": {"due_at": until}})
