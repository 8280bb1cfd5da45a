"""How counts are kept: ``quotas`` has one document a counter and period, ``allowances`` one a caller whose rate is in use."""

import contextlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from chassis.mongo import DuplicateKey, Index, Reader, Transaction, UpdateOne
from services.enforcement.limits.quotas import Counter, Quota
from services.enforcement.limits.rates import Rate

INDEXES = (
    Index("quotas", (("expires_at", 1),), expire_after_seconds=0),
    Index("allowances", (("expires_at", 1),), expire_after_seconds=60),
)
_NANOSECONDS = 1_000_000_000
_KEPT_AFTER = timedelta(days=40)


class Reserved(NamedTuple):
    """What came of reserving: the calls that were got, and how many are reserved altogether."""

    calls: int
    altogether: int


async def reserve(reader: Reader, counter: Counter, calls: int, limit: int) -> Reserved:
    """Reserve calls of a quota in the counter's running period, as far as there are any; safe beside others who do so too."""
    quotas, key = reader.collection("quotas"), counter.key
    if not counter.is_loaded:
        about = {
            "subscription_id": counter.id,
            "period": counter.period,
            "zone": counter.zone,
            "began_at": counter.began_at,
            "ends_at": _moment(counter.ends_at_ns),
            "expires_at": _moment(counter.ends_at_ns) + _KEPT_AFTER,
        }
        # Not by the update below: of two that make what is missing at the same time, one learns only that it is there.
        with contextlib.suppress(DuplicateKey):
            await quotas.insert_one({"_id": key, "calls": 0, **about})
    found = await quotas.find_one_and_update({"_id": key, "calls": {"$lt": limit}}, {"$inc": {"calls": calls}})
    if found is None:
        kept = await quotas.find_one({"_id": key})
        return Reserved(0, int(kept["calls"]) if kept else limit)
    over = max(int(found["calls"]) - limit, 0)
    if over:
        await quotas.update_one({"_id": key}, {"$inc": {"calls": -over}})
    return Reserved(calls - over, int(found["calls"]) - over)


async def give_back(reader: Reader, counts: Sequence[tuple[str, int, int]]) -> None:
    """Give back calls that were reserved and have not passed: by key, with how many were used."""
    await reader.collection("quotas").bulk_write(
        [UpdateOne({"_id": key}, {"$inc": {"calls": -free}, "$set": {"used": used}}) for key, free, used in counts]
    )


async def tell_used(reader: Reader, counts: Sequence[tuple[str, int]]) -> None:
    """Write down how many calls have passed, by key, for those who ask."""
    await reader.collection("quotas").bulk_write([UpdateOne({"_id": key}, {"$set": {"used": used}}) for key, used in counts])


def key_of(identifier: str, quota: Quota, now: datetime) -> str:
    """Return what a quota's count is kept under in the period that a moment lies in."""
    return Counter(identifier, quota, int(now.timestamp()) * _NANOSECONDS).key


async def used(reader: Reader, key: str) -> int:
    """Return how many calls of a period have passed, as it was last told."""
    found = await reader.collection("quotas").find_one({"_id": key})
    return int(found.get("used", 0)) if found else 0


async def mark_told(tx: Transaction, key: str, threshold: int) -> bool:
    """Note that a threshold of a period's count is announced; say whether it was not before."""
    return await tx.collection("quotas").update_one({"_id": key, "told": {"$ne": threshold}}, {"$addToSet": {"told": threshold}})


class Kept(NamedTuple):
    """A rate's allowance as it is kept: under which rate, and when it is whole again (nanoseconds since 1970)."""

    key: str
    rate: Rate
    whole_at_ns: int


async def keep(reader: Reader, allowances: Iterable[Kept]) -> None:
    """Write allowances down."""
    await reader.collection("allowances").bulk_write(
        [
            UpdateOne(
                {"_id": each.key},
                {
                    "$set": {
                        "rate": list(each.rate),
                        "whole_at": each.whole_at_ns,
                        "expires_at": _moment(each.whole_at_ns),
                    }
                },
                upsert=True,
            )
            for each in allowances
        ]
    )


async def kept(reader: Reader, keys: Sequence[str]) -> dict[str, Kept]:
    """Return the allowances that are kept under these keys; of the others nothing is missing."""
    documents = await reader.collection("allowances").find({"_id": {"$in": list(keys)}})
    return {each["_id"]: Kept(each["_id"], Rate(*each["rate"]), int(each["whole_at"])) for each in documents}


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // _NANOSECONDS, UTC)
