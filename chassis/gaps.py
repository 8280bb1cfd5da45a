"""Gaps: what was announced and sent, and a reaction that hears it has not heard.

A bus that keeps its promise leaves none. They come from outside: a queue that was emptied or deleted by hand, a broker whose disk
was lost, a database that was restored to an earlier day. The outbox of the one who announced knows what was sent; the inbox of
the one who reacts knows what was dealt with. What is neither in the inbox nor among the dead letters (nor was discarded), a
minute after it was sent, is a gap; a replay of it closes it.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis import messages
from chassis.bus import Bus, Message, matches
from chassis.dead_letters import MOST_READ, discarded_among
from chassis.inbox import On, heard_since, unheard_among
from chassis.mongo import Document, Store

BATCH = 500
PATIENCE = timedelta(minutes=1)
"""How long after it was sent an event may be on its way before it counts as missing."""


@dataclass(frozen=True, slots=True)
class Hearer:
    """One reaction of a service: its queue, and the store whose inbox tells what it has dealt with."""

    store: Store
    queue: str
    on: On

    def hears(self, key: str) -> bool:
        """Say whether it reacts to a key."""
        return any(matches(pattern, key) for pattern in self.on.keys)


@dataclass(frozen=True, slots=True)
class Gap:
    """An event that a reaction should have dealt with and has not."""

    queue: str
    message: Message
    subject: str
    sequence: int
    sent_at: datetime

    @property
    def key(self) -> str:
        """Return the event's key."""
        return self.message.key


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is looked at: what was sent in this time."""

    since: datetime
    until: datetime


def settled_until(store: Store) -> datetime:
    """Return until when everything that was sent has had its time to arrive."""
    return store.clock.now() - PATIENCE


async def find(announcer: Store, hearers: Sequence[Hearer], bus: Bus, stretch: Stretch) -> AsyncIterator[list[Gap]]:
    """Give the gaps in what one service has announced, batch by batch."""
    outbox = announcer.reader().collection("outbox")
    since = {hearer.queue: await heard_since(hearer.store, hearer.queue) for hearer in hearers}
    after: Document | None = None
    while True:
        query: Document = {"sent_at": {"$gte": stretch.since, "$lt": stretch.until}}
        if after is not None:
            same, later = {"sent_at": after["sent_at"], "_id": {"$gt": after["_id"]}}, {"sent_at": {"$gt": after["sent_at"]}}
            query = {"$and": [query, {"$or": [later, same]}]}
        rows = await outbox.find(query, sort=[("sent_at", 1), ("_id", 1)], limit=BATCH)
        if not rows:
            return
        after = rows[-1]
        for hearer in hearers:
            gaps = await _gaps_of(hearer, rows, since[hearer.queue], bus)
            if gaps:
                yield gaps


async def missing_among(store: Store, queue: str, event_ids: Collection[str], bus: Bus) -> set[str]:
    """Return those of the events that a reaction has neither dealt with nor given up, and that nobody has discarded."""
    missing = await unheard_among(store, queue, event_ids)
    if missing:
        missing -= {letter.message.id for letter in await bus.dead_letters(queue, MOST_READ)}
        missing -= await discarded_among(store, queue, missing)
    return missing


async def _gaps_of(hearer: Hearer, rows: Sequence[Document], since: Mapping[str, datetime], bus: Bus) -> list[Gap]:
    meant = {row["_id"]: row for row in rows if _is_meant(hearer, row, since)}
    if not meant:
        return []
    missing = await missing_among(hearer.store, hearer.queue, meant, bus)
    return [_gap(hearer.queue, row) for event_id, row in meant.items() if event_id in missing]


def _is_meant(hearer: Hearer, row: Document, since: Mapping[str, datetime]) -> bool:
    """Say whether the queue was there already for this key when the event was sent."""
    begun = [since[pattern] for pattern in hearer.on.keys if pattern in since and matches(pattern, row["key"])]
    return bool(begun) and row["sent_at"] > min(begun)


def _gap(queue: str, row: Document) -> Gap:
    heard = messages.read(bytes(row["body"]))
    return Gap(queue, Message(row["_id"], row["key"], bytes(row["body"])), row["subject"], heard.sequence, row["sent_at"])
