"""How entries are kept: one document for each product that was ever public, numbered in the order of their commits.

Every transaction that changes an entry or a category takes the next number from one document. The database lets one transaction
at a time change that document, so numbers are given out in the order in which they are committed: whoever sees number n sees
every change up to n, and reads on from there without missing any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction

INDEXES = (
    Index("entries", (("sequence", 1),)),
    Index("finding", (("n", 1),)),
)
_POSITION = "position"


@dataclass(frozen=True, slots=True)
class Position:
    """The number of the latest change, and of the latest one of the categories."""

    n: int = 0
    categories: int = 0


async def position(reader: Reader) -> Position:
    """Return how far the changes have come."""
    kept = await reader.collection("finding").find_one({"_id": _POSITION})
    return Position(kept["n"], kept.get("categories", 0)) if kept is not None else Position()


async def _next(tx: Transaction) -> int:
    kept = await tx.collection("finding").find_one_and_update({"_id": _POSITION}, {"$inc": {"n": 1}}, upsert=True)
    assert kept is not None
    return int(kept["n"])


async def note_categories(tx: Transaction) -> None:
    """Let everybody who searches read the categories anew."""
    n = await _next(tx)
    await tx.collection("finding").update_one({"_id": _POSITION}, {"$set": {"categories": n}})


async def keep(tx: Transaction, product_id: str, facts: Mapping[str, Any]) -> None:
    """Keep what a product is found by; a product that was never public has no entry, and what is the same is no change."""
    present = await tx.collection("entries").find_one({"_id": product_id})
    if present is None and not facts["is_public"]:
        return
    if present is not None and all(present.get(name) == value for name, value in facts.items()):
        return
    change = {"$set": {**facts, "sequence": await _next(tx)}}
    await tx.collection("entries").update_one({"_id": product_id}, change, upsert=True)


async def keep_operations(tx: Transaction, product_id: str, version_id: str, text: str) -> None:
    """Let the product be found by what a version's operations are called; the product's own entry exists."""
    change = {"$set": {f"operations.{version_id}": text, "sequence": await _next(tx)}}
    await tx.collection("entries").update_one({"_id": product_id}, change)


async def changed_since(reader: Reader, n: int, limit: int) -> Sequence[Document]:
    """Return the entries that changed after number n, in the order of their changes, at most ``limit``."""
    return await reader.collection("entries").find({"sequence": {"$gt": n}}, sort=[("sequence", 1)], limit=limit)


async def known_among(reader: Reader, product_ids: Sequence[str]) -> set[str]:
    """Return those of the products that have an entry."""
    found = await reader.collection("entries").find({"_id": {"$in": list(product_ids)}}, projection={"_id": 1})
    return {each["_id"] for each in found}
