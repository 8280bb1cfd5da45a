"""How entries are kept: they are put in and read, and there is nothing here that could change one or take it out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction
from chassis.paging import Page
from services.audit.acts.domain import Entry

ENTRIES, HEADS = "entries", "heads"
INDEXES = (
    # No two entries of one number, and no event twice, under any race.
    Index(ENTRIES, (("chain", 1), ("number", 1)), unique=True),
    Index(ENTRIES, (("chain", 1), ("content.event_id", 1)), unique=True),
    Index(ENTRIES, (("chain", 1), ("content.actor", 1), ("number", 1))),
    Index(ENTRIES, (("chain", 1), ("content.verb", 1), ("number", 1))),
    Index(ENTRIES, (("chain", 1), ("content.changes.id", 1), ("number", 1))),
)


def to_entry(row: Mapping[str, Any]) -> Entry:
    """Return the entry that a row keeps."""
    return Entry(row["chain"], int(row["number"]), row["previous"], row["content"], row["hash"])


async def add(tx: Transaction, entry: Entry) -> None:
    """Keep one more entry. Raises ``DuplicateKey`` where somebody else has just added one of this number."""
    await tx.collection(ENTRIES).insert_one({"_id": f"{entry.chain}:{entry.number}", **asdict(entry)})
    # How far the chain goes, and that no checkpoint covers it yet.
    grown = {"number": entry.number, "hash": entry.hash, "is_covered": False}
    await tx.collection(HEADS).update_one({"_id": entry.chain}, {"$set": grown, "$inc": {"uncovered": 1}}, upsert=True)


async def has_event(reader: Reader, chain: str, event_id: str) -> bool:
    """Say whether a chain has an entry about an event."""
    query = {"chain": chain, "content.event_id": event_id}
    return await reader.collection(ENTRIES).find_one(query, projection={"_id": 1}) is not None


async def head_of(reader: Reader, chain: str) -> Entry | None:
    """Return the newest entry of a chain."""
    rows = await reader.collection(ENTRIES).find({"chain": chain}, sort=[("number", -1)], limit=1)
    return to_entry(rows[0]) if rows else None


async def page_of(reader: Reader, chain: str, wanted: Mapping[str, Any], page: Page) -> list[Entry]:
    """Return a page of a chain, the newest first, and one more where there is one; ``wanted`` is a part of the query."""
    query: Document = {"chain": chain, **wanted}
    if page.after is not None:
        query["number"] = {"$lt": page.after[0]}
    rows: Sequence[Document] = await reader.collection(ENTRIES).find(query, sort=[("number", -1)], limit=page.first + 1)
    return [to_entry(row) for row in rows]
