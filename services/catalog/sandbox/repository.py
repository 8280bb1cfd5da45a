"""How answers are kept: one document for each operation of each version, packed, never changed."""

from collections.abc import Mapping, Sequence

from chassis.mongo import Index, Reader, Transaction
from services.catalog.sandbox.domain import Answer
from services.catalog.sandbox.packing import unpack

INDEXES = (Index("answers", (("version_id", 1),)),)


def _key(version_id: str, operation_id: str) -> str:
    return f"{version_id}:{operation_id}"


async def keep(tx: Transaction, version_id: str, packed: Mapping[str, bytes]) -> None:
    """Keep the packed answers of a version's operations."""
    rows = [
        {"_id": _key(version_id, operation_id), "version_id": version_id, "answers": answers}
        for operation_id, answers in packed.items()
    ]
    await tx.collection("answers").insert_many(rows)


async def forget(tx: Transaction, version_id: str) -> None:
    """Keep the answers of a version no longer."""
    await tx.collection("answers").delete_many({"version_id": version_id})


async def find(reader: Reader, version_id: str, operation_id: str) -> Sequence[Answer]:
    """Return an operation's answers; none where there is no such operation."""
    kept = await reader.collection("answers").find_one({"_id": _key(version_id, operation_id)}, projection={"answers": 1})
    return unpack(bytes(kept["answers"])) if kept is not None else ()
