"""What a killed process left open in the database, and how its successor ends it.

A database keeps an open transaction, and the documents that it holds, for up to a minute after its client has died: it cannot
know that nobody will come back. So the sessions that carry transactions are written down with the place where they are used, and
whoever starts at that place next ends them. Ending the sessions of one that still lives does no harm: its transactions are run
again.
"""

import socket
import time
from collections.abc import Mapping
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClientSession, AsyncIOMotorDatabase

from chassis.mongo.collection import Document, Index

_COLLECTION = "database_sessions"
_KEPT_SECONDS = 7 * 24 * 3600
_NOTED_AGAIN_SECONDS = 24 * 3600
INDEXES = (
    Index(_COLLECTION, (("noted_at", 1),), expire_after_seconds=_KEPT_SECONDS),
    Index(_COLLECTION, (("place", 1),)),
)


class OpenSessions:
    """The sessions in which one service's transactions run at this place."""

    def __init__(self, place: str | None = None) -> None:
        self._place = place or socket.gethostname()
        self._noted: dict[bytes, float] = {}

    async def note(self, database: AsyncIOMotorDatabase[Document], session: AsyncIOMotorClientSession) -> None:
        """Write a session down before its first transaction; drivers use the same few again and again."""
        lsid: Mapping[str, Any] = session.session_id  # type: ignore[assignment]  # the stubs take the property for a method
        identifier = bytes(lsid["id"])
        moment = time.monotonic()
        if moment - self._noted.get(identifier, -_NOTED_AGAIN_SECONDS) < _NOTED_AGAIN_SECONDS:
            return
        note = {"$set": {"place": self._place, "lsid": lsid}, "$currentDate": {"noted_at": True}}
        await database[_COLLECTION].update_one({"_id": identifier}, note, upsert=True)
        self._noted[identifier] = moment

    async def end_former(self, database: AsyncIOMotorDatabase[Document]) -> int:
        """End the sessions that were used here before, with whatever they hold; return how many there were."""
        former = await database[_COLLECTION].find({"place": self._place}).to_list(None)
        for start in range(0, len(former), 500):
            await database.command("killSessions", [each["lsid"] for each in former[start : start + 500]])
        if former:
            await database[_COLLECTION].delete_many({"_id": {"$in": [each["_id"] for each in former]}})
        self._noted.clear()
        return len(former)
