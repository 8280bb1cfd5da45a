"""Chains as they lie in the database, and whether they are whole."""

from collections.abc import Sequence

from chassis.mongo import Reader
from services.audit.acts.domain import BEFORE_THE_FIRST, Entry, hash_of
from services.audit.acts.repository import ENTRIES, HEADS, to_entry
from services.audit.checkpoints.domain import Head


async def chain_of(reader: Reader, name: str) -> list[Entry]:
    """Return all entries of a chain, in order."""
    return [to_entry(row) for row in await reader.collection(ENTRIES).find({"chain": name}, sort=[("number", 1)])]


async def heads_of(reader: Reader) -> list[Head]:
    """Return how far each chain is said to go, by the chain's name."""
    rows = await reader.collection(HEADS).find({}, sort=[("_id", 1)])
    return [Head(row["_id"], int(row["number"]), row["hash"]) for row in rows]


def is_right(entry: Entry) -> bool:
    """Say whether the hash covers what the entry says."""
    return entry.hash == hash_of(entry.chain, entry.number, entry.previous, entry.content)


def follows(entry: Entry, former: Entry | None) -> bool:
    """Say whether an entry is right and comes after the former one; ``None`` stands before the first of a chain."""
    if former is None:
        return is_right(entry) and entry.number == 1 and entry.previous == BEFORE_THE_FIRST
    is_next = entry.chain == former.chain and entry.number == former.number + 1 and entry.previous == former.hash
    return is_right(entry) and is_next


def is_whole(entries: Sequence[Entry]) -> bool:
    """Say whether entries are all of a chain, from its first on."""
    return all(follows(entry, former) for entry, former in zip(entries, [None, *entries], strict=False))
