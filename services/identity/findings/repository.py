"""How examinations are kept: one document for each file."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import timedelta

from chassis.mongo import Document, Index, Reader, Transaction
from services.identity.findings.domain import Examination, Judging

_NAME = "findings"
INDEXES = (Index(_NAME, (("due_at", 1),), partial={"judging": "WAITING"}),)


def _to_document(examination: Examination) -> Document:
    document = asdict(examination)
    return {
        "_id": document.pop("file_id"),
        **document,
        "judging": str(examination.judging),
        "audience": list(examination.audience),
    }


def to_examination(row: Document) -> Examination:
    """Return the examination that a row keeps."""
    fields = {key: value for key, value in row.items() if key not in ("_id", "judging", "audience")}
    return Examination(file_id=row["_id"], judging=Judging(row["judging"]), audience=tuple(row["audience"]), **fields)


async def add(tx: Transaction, examination: Examination) -> None:
    """Keep that a file is to be examined."""
    await tx.collection(_NAME).insert_one(_to_document(examination))


async def save(tx: Transaction, examination: Examination) -> None:
    """Keep what has become of an examination."""
    await tx.collection(_NAME).replace_one({"_id": examination.file_id}, _to_document(examination))


async def find(reader: Reader, file_id: str) -> Examination | None:
    """Return the examination of a file."""
    row = await reader.collection(_NAME).find_one({"_id": file_id})
    return to_examination(row) if row else None


async def find_all(reader: Reader, file_ids: Iterable[str]) -> dict[str, Examination]:
    """Return examinations by file."""
    rows = await reader.collection(_NAME).find({"_id": {"$in": list(set(file_ids))}})
    return {row["_id"]: to_examination(row) for row in rows}


async def claim_due(reader: Reader, hold: timedelta) -> Examination | None:
    """Take a file that waits to be examined; it is due again after ``hold``, should the one who took it die."""
    due = {"judging": str(Judging.WAITING), "due_at": {"$lte": reader.now}}
    row = await reader.collection(_NAME).find_one_and_update(due, {"$set": {"due_at": reader.now + hold}})
    return to_examination(row) if row else None
