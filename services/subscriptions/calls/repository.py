"""How counted calls are kept: one small document a subscription and day, and one a source that tells how far it has told."""

from datetime import datetime, timedelta

from chassis.mongo import Index, Transaction
from services.subscriptions.calls.domain import Batch, Used, period_of

USED = "used_calls"
SOURCES = "call_sources"
_KEPT_FOR = timedelta(days=100)
_SPEAKS_AT_LEAST_EVERY = timedelta(minutes=5)

INDEXES = (
    Index(USED, (("subscription_id", 1), ("day", 1))),
    Index(USED, (("expires_at", 1),), expire_after_seconds=0),
    Index(SOURCES, (("heard_at", 1),), expire_after_seconds=24 * 3600),
)


async def add(tx: Transaction, batch: Batch) -> None:
    """Count the calls of an announcement."""
    for (subscription_id, day), calls in sorted(batch.passed.items()):
        kept = {"subscription_id": subscription_id, "day": day, "expires_at": day + _KEPT_FOR}
        await tx.collection(USED).update_one(
            {"_id": f"{subscription_id}|{day.date().isoformat()}"}, {"$inc": {"calls": calls}, "$set": kept}, upsert=True
        )
    known = await tx.collection(SOURCES).find_one({"_id": batch.source})
    told: list[datetime] = [each for each in (batch.read_through, known["read_through"] if known else None) if each is not None]
    row = {"_id": batch.source, "read_through": max(told, default=None), "heard_at": tx.now}
    await tx.collection(SOURCES).replace_one({"_id": batch.source}, row, upsert=True)


async def used(tx: Transaction, subscription_id: str, period: str) -> Used:
    """Return the subscription's calls in the running period and in the one before."""
    began_at, ends_at = period_of(period, tx.now)
    before, _ = period_of(period, began_at - timedelta(days=1))
    days = await tx.collection(USED).find({"subscription_id": subscription_id, "day": {"$gte": before, "$lt": ends_at}})
    calls = sum(int(each["calls"]) for each in days if each["day"] >= began_at)
    calls_before = sum(int(each["calls"]) for each in days if each["day"] < began_at)
    return Used(period, began_at, ends_at, calls, calls_before, await _known_through(tx))


async def _known_through(tx: Transaction) -> datetime | None:
    sources = await tx.collection(SOURCES).find({"heard_at": {"$gte": tx.now - _SPEAKS_AT_LEAST_EVERY}})
    told = [each["read_through"] for each in sources]
    return min(told) if told and None not in told else None
