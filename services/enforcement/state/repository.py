"""How copies are kept: ``copies`` has one document a thing."""

from datetime import datetime

from chassis.mongo import Index, Reader
from services.enforcement.state.copies import Copy

INDEXES = (
    Index("copies", (("heard_at", 1),)),
    # Only revoked tokens have it: they need not be remembered for longer than they would be valid.
    Index("copies", (("expires_at", 1),), expire_after_seconds=60),
)


async def copies_since(reader: Reader, moment: datetime | None) -> list[Copy]:
    """Return the copies that were written at or after a moment; all of them where none is given."""
    query = {} if moment is None else {"heard_at": {"$gte": moment}}
    documents = await reader.collection("copies").find(query)
    return [Copy(each["kind"], each["_id"], each["sequence"], each) for each in documents]
