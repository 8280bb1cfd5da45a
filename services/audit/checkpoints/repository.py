"""How checkpoints are kept, and which chains have grown since the last one."""

from chassis.mongo import Document, Index, Reader, Transaction
from services.audit.acts.repository import HEADS
from services.audit.checkpoints.domain import MOST_HEADS, Checkpoint, Head

_CHECKPOINTS = "checkpoints"
INDEXES = (
    Index(HEADS, (("is_covered", 1), ("_id", 1))),
    Index(_CHECKPOINTS, (("at", 1),)),  # it is read by its number; a transaction needs the collection to be there
)


async def find_last(reader: Reader) -> Checkpoint | None:
    """Return the last checkpoint, signed or only fixed yet."""
    found = await reader.collection(_CHECKPOINTS).find({}, sort=[("_id", -1)], limit=1)
    return _to_checkpoint(found[0]) if found else None


async def find_after(reader: Reader, number: int, limit: int) -> list[Checkpoint]:
    """Return the next checkpoints in their order."""
    found = await reader.collection(_CHECKPOINTS).find({"_id": {"$gt": number}}, sort=[("_id", 1)], limit=limit)
    return [_to_checkpoint(each) for each in found]


async def add(tx: Transaction, checkpoint: Checkpoint) -> None:
    """Keep a checkpoint that is fixed. Raises ``DuplicateKey`` where another process has just fixed this one."""
    heads = [each._asdict() for each in checkpoint.heads]
    kept = {"previous": checkpoint.previous, "at": checkpoint.at, "heads": heads, "signature": None, "signed_by": None}
    await tx.collection(_CHECKPOINTS).insert_one({"_id": checkpoint.number, **kept})


async def save_signature(tx: Transaction, checkpoint: Checkpoint) -> None:
    """Keep the signature of a checkpoint."""
    signed = {"signature": checkpoint.signature, "signed_by": checkpoint.signed_by}
    await tx.collection(_CHECKPOINTS).update_one({"_id": checkpoint.number}, {"$set": signed})


async def find_grown(reader: Reader) -> list[Head]:
    """Return how far chains go that have grown since they were covered, by their names; at most ``MOST_HEADS`` of them."""
    found = await reader.collection(HEADS).find({"is_covered": False}, sort=[("_id", 1)], limit=MOST_HEADS)
    return [Head(each["_id"], int(each["number"]), each["hash"]) for each in found]


async def cover(tx: Transaction, heads: tuple[Head, ...]) -> None:
    """Note that chains are covered as far as they go; whoever appends to one meanwhile meets this transaction."""
    covered = {"$set": {"is_covered": True, "uncovered": 0}}
    await tx.collection(HEADS).update_many({"_id": {"$in": [each.chain for each in heads]}}, covered)


async def count_uncovered(reader: Reader) -> int:
    """Return how many entries no checkpoint covers."""
    counted = {"_id": None, "entries": {"$sum": "$uncovered"}}
    found = await reader.collection(HEADS).aggregate([{"$match": {"is_covered": False}}, {"$group": counted}])
    return int(found[0]["entries"]) if found else 0


def _to_checkpoint(kept: Document) -> Checkpoint:
    heads = tuple(Head(each["chain"], int(each["number"]), each["hash"]) for each in kept["heads"])
    return Checkpoint(int(kept["_id"]), kept["previous"], kept["at"], heads, kept["signature"], kept["signed_by"])
