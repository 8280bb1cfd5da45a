"""How sources are kept, and the numbers of the batches that wait behind a gap."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from chassis.mongo import Index, Reader, Transaction
from services.analytics.sources.domain import Arrival, Source

INDEXES = (
    Index("sources", (("heard_at", 1),)),
    Index("waiting_batches", (("source", 1), ("number", 1)), unique=True),
)


def _to_source(document: Mapping[str, Any]) -> Source:
    return Source(id=document["_id"], **{name: value for name, value in document.items() if name != "_id"})


async def find_all(reader: Reader) -> list[Source]:
    """Return every source that has ever been heard."""
    return [_to_source(each) for each in await reader.collection("sources").find({})]


async def find(tx: Transaction, source_id: str) -> Source:
    """Return a source, fresh where it has not been heard before."""
    document = await tx.collection("sources").find_one({"_id": source_id})
    return Source(source_id) if document is None else _to_source(document)


async def is_waiting(tx: Transaction, source: Source, number: int) -> bool:
    """Say whether a batch beyond the gap has been heard."""
    if not source.waiting:
        return False
    return await tx.collection("waiting_batches").find_one({"source": source.id, "number": number}) is not None


async def find_waiting(tx: Transaction, source: Source) -> dict[int, datetime | None]:
    """Return ``read_through`` of the batches that wait behind the gap, by number."""
    if not source.waiting:
        return {}
    found = await tx.collection("waiting_batches").find({"source": source.id})
    return {each["number"]: each["read_through"] for each in found}


async def keep(tx: Transaction, source: Source, arrival: Arrival) -> None:
    """Keep a source as it is after the batch, and the batch's number as long as it waits behind a gap."""
    kept = {name: value for name, value in asdict(source).items() if name != "id"}
    await tx.collection("sources").replace_one({"_id": source.id}, {"_id": source.id, **kept}, upsert=True)
    waiting = tx.collection("waiting_batches")
    if arrival.number > source.contiguous:
        name = f"{source.id}:{arrival.number}"
        document = {"_id": name, "source": source.id, "number": arrival.number, "read_through": arrival.read_through}
        await waiting.insert_one(document)
    elif source.contiguous > arrival.number:
        await waiting.delete_many({"source": source.id, "number": {"$lte": source.contiguous}})
