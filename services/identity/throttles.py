"""Soft limits on how often something may be tried in a span of time; all processes count together, in the database."""

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta

from chassis.errors import TooMany
from chassis.mongo import Index, Transaction

INDEXES = (Index("throttles", (("ends_at", 1),), expire_after_seconds=0),)


class TriedTooOften(TooMany):
    """This has been tried too often; wait before you try again."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many tries within a window of time, for one thing."""

    name: str
    tries: int
    window: timedelta


def _id_of(limit: Limit, thing: str) -> str:
    # Addresses of people are not kept in the clear where a fingerprint does.
    return f"{limit.name}:{hashlib.sha256(thing.encode('utf-8', 'surrogatepass')).hexdigest()}"


async def count_try(tx: Transaction, limit: Limit, thing: str) -> None:
    """Count a try, before it is made, so that tries in parallel are counted too. Raises ``TriedTooOften``."""
    throttles = tx.collection("throttles")
    _id = _id_of(limit, thing)
    known = await throttles.find_one({"_id": _id})
    if known is None or known["ends_at"] <= tx.now:
        window = {"_id": _id, "tries": 1, "ends_at": tx.now + limit.window}
        await throttles.replace_one({"_id": _id}, window, upsert=True)
        return
    if known["tries"] >= limit.tries:
        remaining = (known["ends_at"] - tx.now).total_seconds()
        raise TriedTooOften(retry_after_seconds=max(1, math.ceil(remaining)))
    await throttles.update_one({"_id": _id}, {"$inc": {"tries": 1}})


async def forget_tries(tx: Transaction, limit: Limit, thing: str) -> None:
    """Begin to count from nothing again."""
    await tx.collection("throttles").delete_one({"_id": _id_of(limit, thing)})
