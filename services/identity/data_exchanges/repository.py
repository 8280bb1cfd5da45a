"""How data exchanges are kept. None is ever removed, so that its number stays taken."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction
from services.identity.data_exchanges.domain import DataExchange
from services.identity.word_index import find_rows, index_of, indexed
from services.identity.words import Sought

_COUNTER = "data_exchange"
INDEXES = (
    Index("data_exchanges", (("organization_id", 1),), unique=True),
    Index("data_exchanges", (("number", 1),), unique=True),
    index_of("data_exchanges"),
    Index("counters", (("n", 1),)),
)


def to_data_exchange(row: Document) -> DataExchange:
    """Return the data exchange that a row keeps."""
    return DataExchange(row["_id"], row["organization_id"], row["number"], row["request_id"], row["assigned_at"])


async def _find(reader: Reader, query: Mapping[str, Any]) -> list[DataExchange]:
    return [to_data_exchange(row) for row in await reader.collection("data_exchanges").find(query)]


async def next_count(tx: Transaction) -> int:
    """Return the next count: it grows with every number, and never shrinks."""
    counter = await tx.collection("counters").find_one_and_update({"_id": _COUNTER}, {"$inc": {"n": 1}}, upsert=True)
    assert counter is not None
    return int(counter["n"])


async def is_taken(reader: Reader, number: str) -> bool:
    """Say whether a number was assigned before."""
    return bool(await _find(reader, {"number": number}))


async def add(tx: Transaction, data_exchange: DataExchange) -> None:
    """Keep a new data exchange. Raises ``DuplicateKey`` where the organization or the number has one."""
    document = asdict(data_exchange)
    await tx.collection("data_exchanges").insert_one({"_id": document.pop("id"), **document, **indexed(names_in(document))})


def names_in(row: Document) -> list[str | None]:
    """Return what a data exchange is found by."""
    return [row["number"]]


async def find_sought(reader: Reader, sought: Sought, limit: int) -> list[DataExchange]:
    """Return data exchanges that answer what is looked for, the surest first."""
    return [to_data_exchange(row) for row in await find_rows(reader, "data_exchanges", sought, limit)]


async def find_all(reader: Reader, ids: Iterable[str]) -> dict[str, DataExchange]:
    """Return data exchanges by id."""
    return {each.id: each for each in await _find(reader, {"_id": {"$in": list(set(ids))}})}


async def find_by_organization(reader: Reader, organization_ids: Iterable[str]) -> dict[str, DataExchange]:
    """Return data exchanges by the organization that has them."""
    query = {"organization_id": {"$in": list(set(organization_ids))}}
    return {each.organization_id: each for each in await _find(reader, query)}
