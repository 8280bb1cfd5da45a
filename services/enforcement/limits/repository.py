"""How counts are kept: ``quotas`` has one document a counter and period, ``allowances`` one a caller whose rate is in use."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from chassis.mongo import Index, Reader, Transaction, UpdateOne
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


class Wanted(NamedTuple):
    """A lot that is to be reserved: in which counter's running period, how many calls, of how many."""

    key: str
    about: Mapping[str, Any]
    calls: int
    limit: int


def wanted(counter: Counter, quota: Quota) -> Wanted:
    """Return the next lot of a counter."""
    about = {
        "subscription_id": counter.id,
        "period": counter.period,
        "zone": counter.zone,
        "began_at": counter.began_at,
        "ends_at": _moment(counter.ends_at_ns),
        "expires_at": _moment(counter.ends_at_ns) + _KEPT_AFTER,
    }
    return Wanted(counter.key, about, quota.lot, quota.calls)


async def reserve(tx: Transaction, lots: Sequence[Wanted]) -> dict[str, Reserved]:
    """Reserve calls of many quotas as far as there are any: one look, and what follows from it; safe beside others who do so.

    Raises ``DuplicateKey`` where another one has begun a period at the same moment: then all of it is to be tried again.
    """
    quotas = tx.collection("quotas")
    found = {each["_id"]: int(each["calls"]) for each in await quotas.find({"_id": {"$in": [each.key for each in lots]}})}
    got = {}
    for each in lots:
        calls = max(min(each.calls, each.limit - found.get(each.key, 0)), 0)
        got[each.key] = Reserved(calls, found.get(each.key, 0) + calls)
    began = [each for each in lots if each.key not in found]
    await quotas.insert_many([{"_id": each.key, **each.about, "since": tx.now, "calls": got[each.key].calls} for each in began])
    grown = [each.key for each in lots if each.key in found and got[each.key].calls]
    await quotas.bulk_write([UpdateOne({"_id": key}, {"$inc": {"calls": got[key].calls}}) for key in grown])
    return got


async def give_back(tx: Transaction, counts: Sequence[tuple[str, int, int]]) -> None:
    """Give back calls that were reserved and have not passed: by key, with how many were used."""
    await tx.collection("quotas").bulk_write(
        [UpdateOne({"_id": key}, {"$inc": {"calls": -free}, "$max": {"used": used}}) for key, free, used in counts]
    )


async def tell_used(tx: Transaction, counts: Sequence[tuple[str, int]]) -> None:
    """Write down how many calls have passed, by key, for those who ask. Who stood in knows of fewer: the most is true."""
    await tx.collection("quotas").bulk_write([UpdateOne({"_id": key}, {"$max": {"used": used}}) for key, used in counts])


def key_of(identifier: str, quota: Quota, now: datetime) -> str:
    """Return what a quota's count is kept under in the period that a moment lies in."""
    return Counter(identifier, quota, int(now.timestamp()) * _NANOSECONDS).key


class Kept(NamedTuple):
    """What is kept of a period's count: how many calls have passed, and since when they are counted."""

    used: int
    since: datetime | None


NONE_KEPT = Kept(0, None)


async def kept_of(reader: Reader, keys: Sequence[str]) -> dict[str, Kept]:
    """Return what is kept of these periods' counts, as it was last told; of the others no call has passed."""
    found = await reader.collection("quotas").find({"_id": {"$in": list(keys)}})
    # What is reserved and not used is given back in the end: no more has passed than is reserved.
    return {each["_id"]: Kept(min(int(each.get("used", 0)), int(each["calls"])), each.get("since")) for each in found}


async def used(reader: Reader, key: str) -> int:
    """Return how many calls of a period have passed, as it was last told."""
    return (await kept_of(reader, [key])).get(key, NONE_KEPT).used


async def left_over(reader: Reader, limits: Mapping[str, int]) -> set[str]:
    """Return which of these periods' counts have calls left, by their limits."""
    found = await reader.collection("quotas").find({"_id": {"$in": list(limits)}}, projection={"calls": 1})
    return {each["_id"] for each in found if int(each["calls"]) < limits[each["_id"]]}


async def mark_told(tx: Transaction, key: str, threshold: int) -> bool:
    """Note that a threshold of a period's count is announced; say whether it was not before."""
    return await tx.collection("quotas").update_one({"_id": key, "told": {"$ne": threshold}}, {"$addToSet": {"told": threshold}})


class KeptRate(NamedTuple):
    """A rate's allowance as it is kept: under which rate, and when it is whole again (nanoseconds since 1970)."""

    key: str
    rate: Rate
    whole_at_ns: int


async def keep(tx: Transaction, allowances: Iterable[KeptRate]) -> None:
    """Write allowances down."""
    await tx.collection("allowances").bulk_write(
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


async def kept(reader: Reader, keys: Sequence[str]) -> dict[str, KeptRate]:
    """Return the allowances that are kept under these keys; of the others nothing is missing."""
    documents = await reader.collection("allowances").find({"_id": {"$in": list(keys)}})
    return {each["_id"]: KeptRate(each["_id"], Rate(*each["rate"]), int(each["whole_at"])) for each in documents}


def _moment(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds // _NANOSECONDS, UTC)
