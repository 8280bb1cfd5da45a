"""How attachments are kept: what is known of each in a document, its contents in GridFS."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

from chassis.mongo import Document, Index, Reader, Transaction, file_indexes
from services.notifications.attachments.domain import Attachment, State

ATTACHMENTS = "support_attachments"
_CONTENTS = "support_contents"
_UPLOADERS = "support_uploaders"
INDEXES = (
    Index(ATTACHMENTS, (("uploaded_by", 1), ("attached_to", 1))),
    Index(ATTACHMENTS, (("attached_to", 1),)),
    Index(ATTACHMENTS, (("expires_at", 1),)),
    Index(_UPLOADERS, (("held", 1),)),
    *file_indexes(_CONTENTS),
)


def _to_document(attachment: Attachment) -> Document:
    document = asdict(attachment)
    return {"_id": document.pop("id"), **document, "state": attachment.state.value}


def _to_attachment(row: Document) -> Attachment:
    fields = {key: value for key, value in row.items() if key not in ("_id", "state")}
    return Attachment(id=row["_id"], state=State(row["state"]), **fields)


async def hold_uploader(tx: Transaction, user_id: str) -> None:
    """Touch who uploads, so that of two uploads at the same moment not both can be the last."""
    await tx.collection(_UPLOADERS).update_one({"_id": user_id}, {"$inc": {"held": 1}}, upsert=True)


async def add(tx: Transaction, attachment: Attachment) -> None:
    """Keep what is known of a new file."""
    await tx.collection(ATTACHMENTS).insert_one(_to_document(attachment))


async def save(tx: Transaction, attachment: Attachment) -> None:
    """Keep what has become of a file."""
    await tx.collection(ATTACHMENTS).replace_one({"_id": attachment.id}, _to_document(attachment))


async def find_all(reader: Reader, ids: Iterable[str]) -> dict[str, Attachment]:
    """Return files by id."""
    wanted = sorted(set(ids))
    rows = await reader.collection(ATTACHMENTS).find({"_id": {"$in": wanted}}) if wanted else []
    return {row["_id"]: _to_attachment(row) for row in rows}


async def find_of_request(reader: Reader, request_id: str) -> list[Attachment]:
    """Return the files that hang on a request."""
    rows = await reader.collection(ATTACHMENTS).find({"attached_to": request_id}, sort=[("_id", 1)])
    return [_to_attachment(row) for row in rows]


async def find_unattached(reader: Reader, user_id: str) -> list[Attachment]:
    """Return the files of a user that hang on nothing."""
    rows = await reader.collection(ATTACHMENTS).find({"uploaded_by": user_id, "attached_to": None}, sort=[("_id", 1)])
    return [_to_attachment(row) for row in rows]


async def count_unattached(reader: Reader, user_id: str) -> int:
    """Return how many files of a user hang on nothing."""
    return await reader.collection(ATTACHMENTS).count_documents({"uploaded_by": user_id, "attached_to": None})


async def find_lapsed(reader: Reader, now: datetime, limit: int) -> list[Attachment]:
    """Return files whose time is over, the oldest first."""
    query = {"expires_at": {"$lte": now}}
    found = await reader.collection(ATTACHMENTS).find(query, sort=[("expires_at", 1)], limit=limit)
    return [_to_attachment(row) for row in found]


async def claim_lapsed(reader: Reader, attachment: Attachment, now: datetime) -> bool:
    """Mark a file whose time is over as going, so that it can be attached no more; say whether it still was over."""
    unchanged = {"_id": attachment.id, "attached_to": None, "expires_at": {"$lte": now}}
    return await reader.collection(ATTACHMENTS).update_one(unchanged, {"$set": {"state": State.GOING.value}})


async def claim_unattached(reader: Reader, attachment: Attachment) -> bool:
    """Mark a file that hangs on nothing as going, so that it can be attached no more; say whether it hung on nothing."""
    unattached = {"_id": attachment.id, "attached_to": None}
    change = {"$set": {"state": State.GOING.value, "expires_at": reader.now}}
    return await reader.collection(ATTACHMENTS).update_one(unattached, change)


async def forget(reader: Reader, attachment_id: str) -> None:
    """Remove a file: its contents first, so that none is left of which nothing is known."""
    await reader.files(_CONTENTS).delete(attachment_id)
    await reader.collection(ATTACHMENTS).delete_one({"_id": attachment_id})


async def put_contents(reader: Reader, attachment_id: str, content: bytes) -> None:
    """Keep the contents of a file."""
    await reader.files(_CONTENTS).put(attachment_id, content)


async def get_contents(reader: Reader, attachment_id: str) -> bytes | None:
    """Return the contents of a file, or None where they are not all there."""
    return await reader.files(_CONTENTS).get(attachment_id)
