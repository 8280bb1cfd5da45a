"""Soft limits on how often something may be tried in a span of time; all processes count together, in the database.

A count is one atomic write, so that tries in parallel are counted one by one and never wait for each other's transactions.
What is tried very often is counted outside of any (with ``store.reader()``); inside one, the count is rolled back with the rest.
"""

import hashlib
import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.errors import TooMany
from chassis.mongo import DuplicateKey, Index, Reader

INDEXES = (Index("throttles", (("ends_at", 1),), expire_after_seconds=0),)
_MOST_RACES = 20


class TriedTooOften(TooMany):
    """This has been tried too often; wait before you try again."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many tries within a window of time, for one thing."""

    name: str
    tries: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Count:
    """How often something was tried within the window that ends at ``ends_at``, the try just counted included."""

    limit: Limit
    tries: int
    ends_at: datetime

    @property
    def is_over(self) -> bool:
        """Say whether that is more often than the limit allows."""
        return self.tries > self.limit.tries

    def refusal(self, now: datetime) -> TriedTooOften:
        """Return the refusal that says when the window ends."""
        seconds = math.ceil(min(self.ends_at - now, self.limit.window).total_seconds())
        return TriedTooOften(retry_after_seconds=max(1, seconds))


def network_of(address: str | None) -> str | None:
    """Return the network that an address counts for: itself, or of an IPv6 address the /64 that one subscriber has."""
    if not address:
        return None
    try:
        read = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(read, ipaddress.IPv4Address):
        return str(read)
    if read.ipv4_mapped is not None:
        return str(read.ipv4_mapped)
    return str(ipaddress.ip_network((int(read), 64), strict=False))


def _id_of(limit: Limit, thing: str) -> str:
    # Addresses of people are not kept in the clear where a fingerprint does.
    return f"{limit.name}:{hashlib.sha256(thing.encode('utf-8', 'surrogatepass')).hexdigest()}"


async def count(reader: Reader, limit: Limit, thing: str) -> Count:
    """Count a try, before it is made, and return how many there were. The window begins with the first try."""
    throttles = reader.collection("throttles")
    _id = _id_of(limit, thing)
    begin = {"$set": {"tries": 1, "ends_at": reader.now + limit.window}}
    for _ in range(_MOST_RACES):
        row = await throttles.find_one_and_update({"_id": _id, "ends_at": {"$gt": reader.now}}, {"$inc": {"tries": 1}})
        if row is None:
            try:
                row = await throttles.find_one_and_update({"_id": _id, "ends_at": {"$lte": reader.now}}, begin, upsert=True)
            except DuplicateKey:
                continue  # another try began the window at this moment
        assert row is not None
        return Count(limit, row["tries"], row["ends_at"])
    raise TriedTooOften(retry_after_seconds=1)


async def count_try(reader: Reader, limit: Limit, thing: str) -> None:
    """Count a try, before it is made. Raises ``TriedTooOften``."""
    counted = await count(reader, limit, thing)
    if counted.is_over:
        raise counted.refusal(reader.now)


async def forgive_try(reader: Reader, limit: Limit, thing: str) -> None:
    """Take one try back, which turned out to be none of those that the limit is for."""
    query = {"_id": _id_of(limit, thing), "tries": {"$gt": 0}}
    await reader.collection("throttles").update_one(query, {"$inc": {"tries": -1}})


async def forget_tries(reader: Reader, limit: Limit, thing: str) -> None:
    """Begin to count from nothing again."""
    await reader.collection("throttles").delete_one({"_id": _id_of(limit, thing)})
