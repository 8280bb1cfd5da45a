"""How changes are numbered: each copy that is written is a change without a number, until an epoch takes it.

An epoch is what was written since the one before. A copy without a number stands behind all that have one, so that "everything
after epoch 17" finds both the later epochs and what no epoch has taken yet, by one index.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from chassis.messages import Heard
from chassis.mongo import Document, Index, Reader, UpdateOne

NOT_YET = 2**53 - 1
COPIES = "copies"
EPOCHS = "epochs"
MOST_AT_ONCE = 1_000
_COUNTER = 0  # the document that holds the last number; epochs count from 1
INDEXES = (Index(COPIES, (("epoch", 1),)),)
_OF_A_CHANGE = {"kind": 1, "sequence": 1, "announced_at": 1, "audience": 1, "is_republished": 1}


class Change(NamedTuple):
    """One change: what of, as of which of its announcements, when that was made, and whom it concerns."""

    kind: str
    id: str
    sequence: int
    announced_at: datetime
    audience: tuple[str, ...] = ()
    is_republished: bool = False


class InForce(NamedTuple):
    """Since when a change is in force everywhere, how late the last instance was, and how many there were."""

    at: datetime
    worst_lag_ms: int
    instances: int


def not_numbered_yet(heard: Heard) -> dict[str, Any]:
    """Return what a copy says of the announcement that it was written for, until an epoch takes it."""
    return {
        "epoch": NOT_YET,
        "announced_at": heard.time,
        "audience": list(heard.audience),
        "is_republished": heard.is_republished,
        "in_force": None,
    }


def epoch_of(copy: Document) -> int | None:
    """Return the number of the epoch that a kept copy belongs to, or None."""
    epoch = copy.get("epoch")
    return None if epoch in (None, NOT_YET) else int(epoch)


def in_force_of(copy: Document) -> InForce | None:
    """Return since when a kept copy is in force everywhere, or None."""
    kept = copy.get("in_force")
    return None if kept is None else InForce(kept["at"], kept["worst_lag_ms"], kept["instances"])


async def numbered_through(reader: Reader) -> int:
    """Return the number of the last epoch."""
    counter = await reader.collection(EPOCHS).find_one({"_id": _COUNTER})
    return 0 if counter is None else int(counter["last"])


async def without_number(reader: Reader) -> list[Change]:
    """Return changes that have no number."""
    rows = await reader.collection(COPIES).find({"epoch": NOT_YET}, projection=_OF_A_CHANGE, limit=MOST_AT_ONCE)
    return [_change(row) for row in rows]


async def next_number(reader: Reader) -> int:
    """Take the next number."""
    counter = await reader.collection(EPOCHS).find_one_and_update({"_id": _COUNTER}, {"$inc": {"last": 1}}, upsert=True)
    assert counter is not None
    return int(counter["last"])


async def number(reader: Reader, epoch: int, changes: Iterable[Change]) -> None:
    """Give a number to changes; what has changed again meanwhile has none.

    Outside of any transaction: whatever writes copies is not to run into one that touches hundreds of them. Each by itself: one
    write to many would, in the embedded database, hold up for ever a transaction that has written one of them and goes on.
    """
    await reader.collection(COPIES).bulk_write(
        [UpdateOne({"_id": each.id, "sequence": each.sequence, "epoch": NOT_YET}, {"$set": {"epoch": epoch}}) for each in changes]
    )


async def note_in_force(reader: Reader, settled: Iterable[tuple[int, Iterable[Change], InForce]]) -> None:
    """Keep with the copies of epochs since when they are in force; what has changed again meanwhile belongs to another."""
    await reader.collection(COPIES).bulk_write(
        [
            UpdateOne({"_id": each.id, "epoch": epoch}, {"$set": {"in_force": since._asdict()}})
            for epoch, changes, since in settled
            for each in changes
        ]
    )


async def find(reader: Reader, ids: Iterable[str]) -> dict[str, Document]:
    """Return kept copies by id."""
    rows = await reader.collection(COPIES).find({"_id": {"$in": list(ids)}})
    return {row["_id"]: row for row in rows}


def _change(row: Document) -> Change:
    return Change(
        row["kind"], row["_id"], row["sequence"], row["announced_at"], tuple(row["audience"]), bool(row["is_republished"])
    )
