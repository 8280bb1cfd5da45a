"""Reactions: what a service does when others announce something, exactly once in effect.

The marker of the event and the effect of the reaction commit in one transaction: a redelivered event finds the marker and
does nothing. Only the duplicate key of the marker's insert is taken for "done already".

What is republished (see `chassis.republishing`) has not happened now. It is for the reactions that keep copies: those called
``remember_…``, and those that say so. All others pass it over: nobody is written to, and nothing is counted, a second time.
"""

import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from chassis import messages
from chassis.acts import Deed
from chassis.bus import Handle, Message, Reaction
from chassis.errors import Invalid
from chassis.gathering import Gathering
from chassis.messages import Heard
from chassis.mongo import DuplicateKey, Index, Store, Transaction, UpdateOne
from chassis.principal import system
from chassis.telemetry import REACTIONS, span

React = Callable[[Transaction, Heard], Awaitable[None]]
ReactTogether = Callable[[Transaction, Sequence[Heard]], Awaitable[None]]

RETENTION_SECONDS = 14 * 24 * 3600
_HEARING = "hearing"
INDEXES = (
    Index("inbox", (("heard_at", 1),), expire_after_seconds=RETENTION_SECONDS),
    Index(_HEARING, (("queue", 1),)),
)


class EnvelopeNotReadable(Invalid):
    """The message is not an event envelope."""


@dataclass(frozen=True, slots=True)
class On:
    """One reaction and the keys of the events that it reacts to; its name is its queue's name.

    ``at_once`` bounds how many events are handled at the same time; where all of them change the same
    documents, one at a time is faster. ``takes_republished`` says whether it learns from what is republished; a reaction
    that is called ``remember_…`` does. ``together`` does for many events in one transaction what ``react`` does for one.
    """

    react: React
    keys: tuple[str, ...]
    at_once: int
    takes_republished: bool
    together: ReactTogether | None

    def __init__(
        self,
        react: React,
        *keys: str,
        at_once: int = 50,
        takes_republished: bool | None = None,
        together: ReactTogether | None = None,
    ) -> None:
        learns = react.__name__.startswith("remember_") if takes_republished is None else takes_republished
        object.__setattr__(self, "react", react)
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "at_once", at_once)
        object.__setattr__(self, "takes_republished", learns)
        object.__setattr__(self, "together", together)

    def queue_of(self, service: str) -> str:
        """Return the queue's name, such as ``notifications.notify_approvers``."""
        return f"{service}.{self.react.__name__}"


def wire(service: str, store: Store, reactions: Sequence[On]) -> list[Reaction]:
    """Return a service's reactions as the bus takes them."""
    return [
        Reaction(on.queue_of(service), on.keys, _handler(store, on.queue_of(service), on), prefetch=on.at_once)
        for on in reactions
    ]


def _handler(store: Store, queue: str, on: On) -> Handle:
    one = partial(_handle, store, queue, on)
    if on.together is None:
        return one
    return Gathering(one, partial(_handle_together, store, queue, on)).handle


async def _handle(store: Store, queue: str, on: On, message: Message) -> None:
    try:
        heard = messages.read(message.body)
    except ValueError as error:
        raise EnvelopeNotReadable(str(error)) from error
    if heard.is_republished and not on.takes_republished:
        REACTIONS.labels(queue, "passed over").inc()
        return
    outcome = "done"

    async def work(transaction: Transaction) -> None:
        nonlocal outcome
        outcome = "done"
        marker = {"_id": f"{queue}:{heard.id}", "heard_at": transaction.now}
        try:
            await transaction.collection("inbox").insert_one(marker)
        except DuplicateKey:
            outcome = "known"
            raise _KnownAlready from None
        await on.react(transaction, heard)

    with span(queue, heard.traceparent):
        try:
            await store.transact(system(queue), work, patience_seconds=0, deed=Deed(on.react.__name__, cause=heard.id))
        except _KnownAlready:
            pass
        except Exception:
            REACTIONS.labels(queue, "failed").inc()
            raise
    REACTIONS.labels(queue, outcome).inc()


async def _handle_together(store: Store, queue: str, on: On, messages_: Sequence[Message]) -> None:
    """Deal with many messages in one transaction or with none: what is wrong with one is told by dealing with it alone."""
    react = on.together
    assert react is not None
    read = [messages.read(each.body) for each in messages_]
    wanted = {each.id: each for each in read if on.takes_republished or not each.is_republished}
    known = 0

    async def work(transaction: Transaction) -> None:
        nonlocal known
        inbox = transaction.collection("inbox")
        markers = {f"{queue}:{event_id}": heard for event_id, heard in wanted.items()}
        there = {row["_id"] for row in await inbox.find({"_id": {"$in": list(markers)}}, projection={"_id": 1})}
        known = len(there)
        new = {marker: heard for marker, heard in markers.items() if marker not in there}
        if new:
            await inbox.insert_many([{"_id": marker, "heard_at": transaction.now} for marker in new])
            await react(transaction, list(new.values()))

    with span(queue, read[0].traceparent):
        await store.transact(system(queue), work, patience_seconds=0, deed=Deed(on.react.__name__, cause=read[0].id))
    for outcome, count in (("done", len(wanted) - known), ("known", known), ("passed over", len(read) - len(wanted))):
        if count:
            REACTIONS.labels(queue, outcome).inc(count)


async def note_hearing(store: Store, service: str, reactions: Sequence[On]) -> None:
    """Keep since when each reaction hears each of its keys: what was sent before is nothing that it has missed."""
    now = store.clock.now()
    hearing = store.reader().collection(_HEARING)
    known = {row["_id"] for row in await hearing.find({}, projection={"_id": 1})}
    for on in reactions:
        queue = on.queue_of(service)
        for key in on.keys:
            if f"{queue} {key}" not in known:
                begun = {"$setOnInsert": {"queue": queue, "key": key, "since": now}}
                with contextlib.suppress(DuplicateKey):  # another process that starts at this moment was faster
                    await hearing.update_one({"_id": f"{queue} {key}"}, begun, upsert=True)


async def heard_since(store: Store, queue: str) -> dict[str, datetime]:
    """Return since when a reaction hears each of its keys."""
    return {row["key"]: row["since"] for row in await store.reader().collection(_HEARING).find({"queue": queue})}


async def unheard_among(store: Store, queue: str, event_ids: Collection[str]) -> set[str]:
    """Return those of the events that a reaction has not dealt with."""
    markers = [f"{queue}:{event_id}" for event_id in event_ids]
    rows = await store.reader().collection("inbox").find({"_id": {"$in": markers}}, projection={"_id": 1})
    return set(event_ids) - {row["_id"].removeprefix(f"{queue}:") for row in rows}


class _KnownAlready(Exception):  # noqa: N818 - a signal within this module
    """The event's effect has been committed before."""


async def copy_if_newer(transaction: Transaction, collection: str, heard: Heard, fields: Mapping[str, Any]) -> bool:
    """Keep a local copy of the event's subject, unless a later event of that subject has been heard already.

    The copy's ``_id`` is the subject, its ``sequence`` the event's. Returns whether the copy was written. Events of one subject
    may therefore arrive in any order and any number of times. Each call replaces exactly the ``fields`` given.
    """
    copies = transaction.collection(collection)
    present = await copies.find_one({"_id": heard.subject}, projection={"sequence": 1})
    if present is None:
        await copies.insert_one({"_id": heard.subject, "sequence": heard.sequence, **fields})
        return True
    if present["sequence"] >= heard.sequence:
        return False
    await copies.update_one({"_id": heard.subject}, {"$set": {"sequence": heard.sequence, **fields}})
    return True


async def copy_those_newer(transaction: Transaction, collection: str, told: Iterable[tuple[Heard, Mapping[str, Any]]]) -> None:
    """Keep local copies as ``copy_if_newer`` does, of many events in a handful of round trips."""
    latest: dict[str, tuple[Heard, Mapping[str, Any]]] = {}
    for heard, fields in told:
        if heard.subject not in latest or heard.sequence > latest[heard.subject][0].sequence:
            latest[heard.subject] = (heard, fields)
    copies = transaction.collection(collection)
    rows = await copies.find({"_id": {"$in": list(latest)}}, projection={"sequence": 1})
    present = {row["_id"]: row["sequence"] for row in rows}
    new = [{"_id": key, "sequence": heard.sequence, **fields} for key, (heard, fields) in latest.items() if key not in present]
    await copies.insert_many(new)
    later = {key: each for key, each in latest.items() if key in present and present[key] < each[0].sequence}
    await copies.bulk_write(
        [UpdateOne({"_id": key}, {"$set": {"sequence": heard.sequence, **fields}}) for key, (heard, fields) in later.items()]
    )
