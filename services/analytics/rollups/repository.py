"""How roll-ups are kept: one document each, in a collection for each period, added to with ``$inc``."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction, UpdateOne
from services.analytics.rollups.domain import Figures, Period, RollUps, Subject, environment_of

COLLECTIONS = {Period.MINUTE: "minutes", Period.HOUR: "hours", Period.DAY: "days"}
SCOPES = ("organization_id", "application_id", "product_id")

INDEXES = tuple(
    Index(name, keys)
    for name in COLLECTIONS.values()
    for keys in (*(((scope, 1), ("start", 1)) for scope in SCOPES), (("start", 1),))
)

Ranges = Sequence[tuple[datetime, datetime]]


def _id_of(start: datetime, subject: Subject) -> str:
    text = "\x1f".join([start.isoformat(), *("\x00" if part is None else str(part) for part in subject)])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _addition(start: datetime, subject: Subject, figures: Figures) -> UpdateOne:
    added = {"calls": figures.calls, "bytes_in": figures.bytes_in, "bytes_out": figures.bytes_out}
    added.update({f"latency.{bucket}": count for bucket, count in figures.latency.counts.items()})
    named = {"start": start, **subject._asdict()}
    return UpdateOne({"_id": _id_of(start, subject)}, {"$inc": added, "$setOnInsert": named}, upsert=True)


async def add(tx: Transaction, rollups: RollUps) -> None:
    """Add roll-ups to those that are kept, in one round trip for each period."""
    additions: dict[Period, list[UpdateOne]] = {period: [] for period in Period}
    for (period, start, subject), figures in rollups.items():
        additions[period].append(_addition(start, subject, figures))
    for period, updates in additions.items():
        await tx.collection(COLLECTIONS[period]).bulk_write(updates)


async def find(reader: Reader, period: Period, ranges: Ranges, query: Mapping[str, Any], *, limit: int) -> list[Document]:
    """Return the roll-ups of a period that begin within one of the ranges and match."""
    within = [{"start": {"$gte": start, "$lt": end}} for start, end in ranges]
    wanted = {**query, **within[0]} if len(within) == 1 else {**query, "$or": within}
    found = await reader.collection(COLLECTIONS[period]).find(wanted, limit=limit, projection={"_id": 0})
    for each in found:
        each["environment"] = environment_of(each.get("environment"), each["version_id"])
    return found
