"""Which mails were taken already: whoever sends one again is told that it is here."""

from datetime import timedelta

from chassis.mongo import Index, Reader, Transaction
from services.notifications.support.repository import REQUESTS

_TAKEN = "support_mails_taken"
_KEPT_FOR = timedelta(days=30)
INDEXES = (
    Index(_TAKEN, (("expires_at", 1),), expire_after_seconds=0),
    Index(REQUESTS, (("opened_at", 1),), partial={"mail_from": {"$type": "string"}}),
)


async def mark(tx: Transaction, key: str) -> bool:
    """Note that a mail is taken; say whether it was not before."""
    if await is_taken(tx, key):
        return False
    await tx.collection(_TAKEN).insert_one({"_id": key, "expires_at": tx.now + _KEPT_FOR})
    return True


async def is_taken(reader: Reader, key: str) -> bool:
    """Say whether a mail was taken before."""
    return await reader.collection(_TAKEN).find_one({"_id": key}) is not None


async def count_unassigned(reader: Reader) -> int:
    """Return how many mails of people who are not known came within the last hour."""
    query = {"mail_from": {"$type": "string"}, "opened_at": {"$gt": reader.now - timedelta(hours=1)}}
    return await reader.collection(REQUESTS).count_documents(query)
