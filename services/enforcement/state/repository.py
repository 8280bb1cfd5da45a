"""How copies are kept: ``copies`` has one document a thing."""

from chassis.mongo import Index, Reader
from services.enforcement.state import numbering
from services.enforcement.state.copies import Copy

INDEXES = (
    *numbering.INDEXES,
    # Only revoked tokens have it: they need not be remembered for longer than they would be valid.
    Index(numbering.COPIES, (("expires_at", 1),), expire_after_seconds=60),
)


async def copies_after(reader: Reader, epoch: int | None) -> list[Copy]:
    """Return the copies of later epochs and those that no epoch has taken yet; all of them where none is given."""
    query = {} if epoch is None else {"epoch": {"$gte": epoch + 1}}
    documents = await reader.collection(numbering.COPIES).find(query)
    return [
        Copy(each["kind"], each["_id"], each["sequence"], each, each.get("announced_at"), numbering.epoch_of(each))
        for each in documents
    ]
