"""How files are kept: what is known of each in a document, its contents in GridFS."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from chassis.mongo import Document, Index, Reader, Transaction, file_indexes
from services.identity.files.domain import File, FileState

_CONTENTS = "contents"
INDEXES = (
    Index("files", (("uploaded_by", 1), ("attached_to", 1))),
    Index("files", (("expires_at", 1),)),
    *file_indexes(_CONTENTS),
)


def _to_document(file: File) -> Document:
    document = asdict(file)
    return {"_id": document.pop("id"), **document, "state": str(file.state)}


def to_file(row: Document) -> File:
    """Return the file that a row keeps."""
    fields = {key: value for key, value in row.items() if key not in ("_id", "state")}
    return File(id=row["_id"], state=FileState(row["state"]), **fields)


async def add(tx: Transaction, file: File) -> None:
    """Keep what is known of a new file."""
    await tx.collection("files").insert_one(_to_document(file))


async def save(tx: Transaction, file: File) -> None:
    """Keep what has become of a file."""
    await tx.collection("files").replace_one({"_id": file.id}, _to_document(file))


async def find(reader: Reader, file_id: str) -> File | None:
    """Return a file."""
    row = await reader.collection("files").find_one({"_id": file_id})
    return to_file(row) if row else None


async def find_all(reader: Reader, file_ids: Iterable[str]) -> dict[str, File]:
    """Return files by id."""
    rows = await reader.collection("files").find({"_id": {"$in": list(set(file_ids))}})
    return {row["_id"]: to_file(row) for row in rows}


async def count_unattached(reader: Reader, user_id: str) -> int:
    """Return how many files of a user hang on nothing."""
    return await reader.collection("files").count_documents({"uploaded_by": user_id, "attached_to": None})


async def find_lapsed(reader: Reader, now: datetime, limit: int) -> list[File]:
    """Return files whose time is over, the oldest first."""
    query = {"expires_at": {"$lte": now}}
    return [to_file(row) for row in await reader.collection("files").find(query, sort=[("expires_at", 1)], limit=limit)]


async def claim_lapsed(reader: Reader, file: File, now: datetime) -> bool:
    """Mark a file whose time is over as going, so that nothing can be attached any more; say whether it still was over."""
    unchanged = {"_id": file.id, "attached_to": None, "expires_at": {"$lte": now}}
    return await reader.collection("files").update_one(unchanged, {"$set": {"state": str(FileState.GOING)}})


async def forget(reader: Reader, file_id: str) -> None:
    """Remove a file: its contents first, so that none is left of which nothing is known."""
    await reader.files(_CONTENTS).delete(file_id)
    await reader.collection("files").delete_one({"_id": file_id})


async def put_contents(reader: Reader, file_id: str, content: bytes) -> None:
    """Keep the contents of a file."""
    await reader.files(_CONTENTS).put(file_id, content)


async def get_contents(reader: Reader, file_id: str) -> bytes | None:
    """Return the contents of a file, or None where they are not all there."""
    return await reader.files(_CONTENTS).get(file_id)
