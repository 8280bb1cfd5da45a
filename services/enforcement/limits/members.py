"""Which instances there are, and which of them counts what: each has a document in ``instances`` that it renews every second.

An allowance's owner is found by rendezvous hashing: every instance that knows the same members finds the same order, and when one
goes, only what it counted moves.
"""

import hashlib
from datetime import timedelta
from typing import NamedTuple

from chassis.mongo import Reader

ALIVE = timedelta(seconds=10)
_MOST_ORDERS = 100_000


class Member(NamedTuple):
    """An instance: where the others ask it, and what they prove themselves with."""

    id: str
    address: str
    secret: bytes


async def renew(reader: Reader, member: Member) -> None:
    """Write down that an instance is there."""
    fields = {"address": member.address, "door_secret": member.secret, "alive_at": reader.now}
    await reader.collection("instances").update_one({"_id": member.id}, {"$set": fields}, upsert=True)


async def leave(reader: Reader, member_id: str) -> None:
    """Write down that an instance is there no more."""
    await reader.collection("instances").delete_one({"_id": member_id})


async def members(reader: Reader) -> list[Member]:
    """Return the instances that were there lately."""
    found = await reader.collection("instances").find({"alive_at": {"$gte": reader.now - ALIVE}, "address": {"$type": "string"}})
    return [Member(each["_id"], each["address"], bytes(each["door_secret"])) for each in found]


class Ring:
    """The members that are known, and who of them counts what."""

    def __init__(self, own_id: str) -> None:
        self.own_id = own_id
        self.ids: tuple[str, ...] = (own_id,)
        self.is_alone = True
        self._orders: dict[str, tuple[str, ...]] = {}
        self._same: dict[tuple[str, ...], tuple[str, ...]] = {}

    def become(self, ids: set[str]) -> bool:
        """Know other members from now on, and say whether they are others."""
        known = tuple(sorted({*ids, self.own_id}))
        if known == self.ids:
            return False
        self.ids = known
        self.is_alone = len(known) == 1
        self._orders.clear()
        self._same.clear()
        return True

    def order(self, place: str) -> tuple[str, ...]:
        """Return the members in the order in which they are to count what is at this place."""
        order = self._orders.get(place)
        if order is None:
            if len(self._orders) >= _MOST_ORDERS:
                self._orders.clear()
                self._same.clear()
            found = tuple(sorted(self.ids, key=lambda each: _weight(each, place)))
            # There are few orders and many places.
            order = self._orders[place] = self._same.setdefault(found, found)
        return order

    def owner(self, place: str) -> str:
        """Return the member that counts what is at this place."""
        return self.own_id if self.is_alone else self.order(place)[0]


def _weight(member_id: str, place: str) -> bytes:
    return hashlib.blake2b(f"{member_id}|{place}".encode(), digest_size=8).digest()
