"""Leases: of many processes on one database, one at a time does what only one need do.

A lease is kept by whoever holds it and goes to another one once it has not been renewed in time. Two holders for a moment are
possible (one that was frozen goes on): what is done under a lease is right all the same, only not twice as fast.
"""

from datetime import timedelta

from chassis.mongo import Store


class Lease:
    """One lease of a store's database, as one holder asks for it."""

    def __init__(self, store: Store, name: str, holder: str, *, seconds: float) -> None:
        self._store = store
        self._name = name
        self._holder = holder
        self._seconds = seconds

    async def hold(self) -> bool:
        """Take the lease or keep it, and say whether it is held."""
        now = self._store.clock.now()
        mine = {"_id": self._name, "$or": [{"holder": self._holder}, {"until": {"$lt": now}}]}
        until = now + timedelta(seconds=self._seconds)
        leases = self._store.reader().collection("leases")
        present = await leases.find_one({"_id": self._name})
        if present and present["holder"] == self._holder and present["until"] > now + timedelta(seconds=self._seconds / 2):
            return True
        if present and present["holder"] != self._holder and present["until"] >= now:
            return False
        if present is None:
            await leases.update_one({"_id": self._name}, {"$setOnInsert": {"holder": self._holder, "until": until}}, upsert=True)
        held = await leases.find_one_and_update(mine, {"$set": {"holder": self._holder, "until": until}})
        return held is not None

    async def release(self) -> None:
        """Give the lease back, if it is held, so that another one need not wait for its end."""
        await self._store.reader().collection("leases").delete_one({"_id": self._name, "holder": self._holder})
