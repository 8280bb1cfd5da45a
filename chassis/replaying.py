"""Replaying: what a service has announced is put once more, from its outbox, into one queue that has missed it.

The messages are the very ones that were sent, with the same ids: whoever has dealt with one already finds its marker and does
nothing. So a replay may be broken off anywhere and be begun anew, and two of them may run at once.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from chassis.bus import Bus, Message
from chassis.errors import Invalid, NotFound
from chassis.messages import to_timestamp
from chassis.mongo import Document, Store

BATCH = 200


class BeyondRetention(Invalid):
    """The outbox does not reach back that far."""

    def __init__(self, since: datetime, store: Store) -> None:
        reaches = to_timestamp(_reaches_back_to(store))
        super().__init__(
            f"What was announced is kept for {store.outbox_days} days, so since {reaches}: {to_timestamp(since)} is before that. "
            "Begin later, or let everything that lives be stated anew with `portico republish`."
        )


class NotAPeriod(Invalid):
    """The period ends before it begins."""


class NotInTheOutbox(NotFound):
    """The outbox holds no event with this id to go on after."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be replayed: what was announced in a period, of some keys (all where none are named), about one thing or all."""

    since: datetime
    until: datetime
    keys: Sequence[str] = ()
    subject: str | None = None

    def query(self) -> Document:
        """Return what finds it in an outbox; what was not sent yet is still to be sent."""
        query: Document = {"time": {"$gte": self.since, "$lt": self.until}, "sent_at": {"$ne": None}}
        if self.keys:
            query["key"] = {"$in": list(self.keys)}
        if self.subject is not None:
            query["subject"] = self.subject
        return query


@dataclass(frozen=True, slots=True)
class Place:
    """How far a replay has come: behind which row."""

    time: datetime
    id: str
    count: int = 0


def require_period(store: Store, since: datetime, until: datetime) -> None:
    """Refuse a period that the outbox cannot answer for. Raises ``NotAPeriod`` or ``BeyondRetention``."""
    if since >= until:
        raise NotAPeriod(f"The period would end at {to_timestamp(until)}, before it begins at {to_timestamp(since)}.")
    if since < _reaches_back_to(store):
        raise BeyondRetention(since, store)


def _reaches_back_to(store: Store) -> datetime:
    return store.clock.now() - timedelta(days=store.outbox_days)


async def count(store: Store, wanted: Wanted) -> int:
    """Return how many announcements are meant."""
    return await store.reader().collection("outbox").count_documents(wanted.query())


async def place_of(store: Store, event_id: str) -> Place:
    """Return the place behind an event. Raises ``NotInTheOutbox``."""
    row = await store.reader().collection("outbox").find_one({"_id": event_id}, projection={"time": 1})
    if row is None:
        raise NotInTheOutbox(f"The outbox holds no event {event_id} to go on after.")
    return Place(row["time"], event_id)


async def batches(store: Store, wanted: Wanted, after: Place | None = None) -> AsyncIterator[tuple[list[Message], Place]]:
    """Give what is wanted in the order in which it was announced, batch by batch, each with the place that is reached by it."""
    outbox = store.reader().collection("outbox")
    while True:
        query = wanted.query()
        if after is not None:
            query["$or"] = [{"time": {"$gt": after.time}}, {"time": after.time, "_id": {"$gt": after.id}}]
        rows = await outbox.find(query, sort=[("time", 1), ("_id", 1)], limit=BATCH)
        if not rows:
            return
        behind = Place(rows[-1]["time"], rows[-1]["_id"], len(rows))
        after = replace(behind, count=(after.count if after else 0) + len(rows))
        yield [_message(row) for row in rows], after


async def replay(store: Store, bus: Bus, queue: str, wanted: Wanted, *, after: Place | None = None) -> AsyncIterator[Place]:
    """Put what is wanted into the queue, and tell after each batch how far that has come. Raises as ``Bus.put`` does."""
    async for messages, place in batches(store, wanted, after):
        await bus.put(queue, messages)
        yield place


def _message(row: dict[str, Any]) -> Message:
    return Message(id=row["_id"], key=row["key"], body=bytes(row["body"]))
