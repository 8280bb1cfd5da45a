"""How epochs and instances are kept: ``epochs`` has one document an epoch, ``instances`` one a process that runs the check."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction, UpdateOne
from services.enforcement.epochs.domain import Acknowledgement, Epoch, Instance
from services.enforcement.state.numbering import EPOCHS, Change, InForce

INSTANCES = "instances"
_KEPT_DAYS = 1
INDEXES = (
    Index(EPOCHS, (("is_pending", 1), ("_id", 1))),
    Index(EPOCHS, (("expires_at", 1),), expire_after_seconds=0),
    Index(INSTANCES, (("alive_at", 1),)),
)


async def add_epoch(reader: Reader, epoch: Epoch) -> None:
    """Keep a new epoch, which is not in force yet."""
    changes = [{**each._asdict(), "audience": list(each.audience)} for each in epoch.changes]
    await reader.collection(EPOCHS).insert_one({"_id": epoch.number, "at": epoch.at, "changes": changes, "is_pending": True})


async def pending_epochs(reader: Reader, numbers: Collection[int] | None = None) -> list[Epoch]:
    """Return the epochs that are not in force yet (of those named, where some are), the earliest first."""
    query: dict[str, Any] = {"is_pending": True}
    if numbers is not None:
        query["_id"] = {"$in": list(numbers)}
    rows = await reader.collection(EPOCHS).find(query, sort=[("_id", 1)], limit=200)
    return [_to_epoch(row) for row in rows]


async def count_pending(reader: Reader) -> int:
    """Return how many epochs are not in force yet."""
    return await reader.collection(EPOCHS).count_documents({"is_pending": True})


async def settle(tx: Transaction, settled: Iterable[tuple[int, InForce]]) -> None:
    """Keep that epochs are in force; they need not be remembered for long, since the copies say so too."""
    await tx.collection(EPOCHS).bulk_write([UpdateOne({"_id": number}, {"$set": _settled(since)}) for number, since in settled])


def _settled(since: InForce) -> dict[str, Any]:
    return {"is_pending": False, "in_force": since._asdict(), "expires_at": since.at + timedelta(days=_KEPT_DAYS)}


async def keep_instance(reader: Reader, instance_id: str, fields: Mapping[str, Any]) -> None:
    """Write down how an instance is; what others keep of it stays."""
    await reader.collection(INSTANCES).update_one({"_id": instance_id}, {"$set": dict(fields)}, upsert=True)


async def forget_instances(reader: Reader, ids: Iterable[str]) -> None:
    """Forget instances that have ended."""
    await reader.collection(INSTANCES).delete_many({"_id": {"$in": list(ids)}})


async def instances(reader: Reader) -> list[Instance]:
    """Return all instances, the oldest first."""
    rows = await reader.collection(INSTANCES).find({"beats": {"$exists": True}}, sort=[("_id", 1)])
    return [_to_instance(row) for row in rows]


def fields_of(instance: Instance) -> dict[str, Any]:
    """Return what an instance writes down of itself."""
    acknowledged = instance.acknowledged
    return {
        "host": instance.host,
        "started_at": instance.started_at,
        "alive_at": instance.alive_at,
        "beats": instance.beats,
        "is_fresh": instance.is_fresh,
        "epoch": acknowledged.epoch,
        "lags": [[number, lag] for number, lag in acknowledged.lags.items()],
    }


def _to_instance(row: Document) -> Instance:
    lags = {int(number): int(lag) for number, lag in row["lags"]}
    acknowledged = Acknowledgement(row["epoch"], lags)
    started_at: datetime = row["started_at"]
    return Instance(row["_id"], row["host"], started_at, row["alive_at"], row["beats"], row["is_fresh"], acknowledged)


def _to_epoch(row: Document) -> Epoch:
    return Epoch(row["_id"], row["at"], tuple(Change(**{**each, "audience": tuple(each["audience"])}) for each in row["changes"]))
