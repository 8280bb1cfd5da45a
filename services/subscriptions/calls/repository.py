"""How counted calls are kept: one small document a subscription and day, and one a source that tells how far it has told."""

from datetime import datetime, timedelta

from chassis.mongo import Document, Index, Transaction
from services.subscriptions.calls.domain import Batch, Used, period_of

USED = "used_calls"
SOURCES = "call_sources"
_KEPT_FOR = timedelta(days=100)
_QUARTER = timedelta(minutes=15)
_SPEAKS_AT_LEAST_EVERY = timedelta(minutes=5)

INDEXES = (
    Index(USED, (("subscription_id", 1), ("day", 1))),
    Index(USED, (("expires_at", 1),), expire_after_seconds=0),
    Index(SOURCES, (("heard_at", 1),), expire_after_seconds=24 * 3600),
)


async def add(tx: Transaction, batch: Batch) -> None:
    """Count the calls of an announcement."""
    for (subscription_id, quarter), calls in sorted(batch.passed.items()):
        day = quarter.replace(hour=0, minute=0)
        kept = {"subscription_id": subscription_id, "day": day, "expires_at": day + _KEPT_FOR}
        counted = {"calls": calls, f"quarters.{_number(day, quarter)}": calls}
        await tx.collection(USED).update_one(
            {"_id": f"{subscription_id}|{day.date().isoformat()}"}, {"$inc": counted, "$set": kept}, upsert=True
        )
    known = await tx.collection(SOURCES).find_one({"_id": batch.source})
    told: list[datetime] = [each for each in (batch.read_through, known["read_through"] if known else None) if each is not None]
    row = {"_id": batch.source, "read_through": max(told, default=None), "heard_at": tx.now}
    await tx.collection(SOURCES).replace_one({"_id": batch.source}, row, upsert=True)


def _number(day: datetime, quarter: datetime) -> int:
    return (quarter - day) // _QUARTER


async def used(tx: Transaction, subscription_id: str, period: str, zone: str) -> Used:
    """Return the subscription's calls in the running period and in the one before, by the clocks of a zone."""
    began_at, ends_at = period_of(period, tx.now, zone)
    before, _ = period_of(period, began_at - timedelta(hours=1), zone)
    touched = {"$gt": before - timedelta(days=1), "$lt": ends_at}
    days = await tx.collection(USED).find({"subscription_id": subscription_id, "day": touched})
    counted = [(moment, calls) for each in days for moment, calls in _quarters(each)]
    calls = sum(calls for moment, calls in counted if began_at <= moment < ends_at)
    calls_before = sum(calls for moment, calls in counted if before <= moment < began_at)
    return Used(period, began_at, ends_at, calls, calls_before, await _known_through(tx))


def _quarters(document: Document) -> list[tuple[datetime, int]]:
    """Return how many calls were counted in the quarters of a day; what was counted by the day alone counts at its beginning."""
    day: datetime = document["day"]
    told = {int(number): int(calls) for number, calls in document.get("quarters", {}).items()}
    counted = [(day + number * _QUARTER, calls) for number, calls in told.items()]
    return [*counted, (day, int(document["calls"]) - sum(told.values()))]


async def _known_through(tx: Transaction) -> datetime | None:
    sources = await tx.collection(SOURCES).find({"heard_at": {"$gte": tx.now - _SPEAKS_AT_LEAST_EVERY}})
    told = [each["read_through"] for each in sources]
    return min(told) if told and None not in told else None
