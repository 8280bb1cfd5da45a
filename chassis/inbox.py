"""Reactions: what a service does when others announce something, exactly once in effect.

The marker of the event and the effect of the reaction commit in one transaction: a redelivered event finds the marker and
does nothing. Only the duplicate key of the marker's insert is taken for "done already".
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from chassis import messages
from chassis.acts import Deed
from chassis.bus import Message, Reaction
from chassis.errors import Invalid
from chassis.messages import Heard
from chassis.mongo import DuplicateKey, Index, Store, Transaction
from chassis.principal import system
from chassis.telemetry import REACTIONS, span

React = Callable[[Transaction, Heard], Awaitable[None]]

RETENTION_SECONDS = 14 * 24 * 3600
INDEXES = (Index("inbox", (("heard_at", 1),), expire_after_seconds=RETENTION_SECONDS),)


class EnvelopeNotReadable(Invalid):
    """The message is not an event envelope."""


@dataclass(frozen=True, slots=True)
class On:
    """One reaction and the keys of the events that it reacts to; its name is its queue's name.

    ``at_once`` bounds how many events are handled at the same time; where all of them change the same
    documents, one at a time is faster.
    """

    react: React
    keys: tuple[str, ...]
    at_once: int

    def __init__(self, react: React, *keys: str, at_once: int = 50) -> None:
        object.__setattr__(self, "react", react)
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "at_once", at_once)

    def queue_of(self, service: str) -> str:
        """Return the queue's name, such as ``notifications.notify_approvers``."""
        return f"{service}.{self.react.__name__}"


def wire(service: str, store: Store, reactions: Sequence[On]) -> list[Reaction]:
    """Return a service's reactions as the bus takes them."""
    return [
        Reaction(on.queue_of(service), on.keys, partial(_handle, store, on.queue_of(service), on.react), prefetch=on.at_once)
        for on in reactions
    ]


async def _handle(store: Store, queue: str, react: React, message: Message) -> None:
    try:
        heard = messages.read(message.body)
    except ValueError as error:
        raise EnvelopeNotReadable(str(error)) from error
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
        await react(transaction, heard)

    with span(queue, heard.traceparent):
        try:
            await store.transact(system(queue), work, patience_seconds=0, deed=Deed(react.__name__, cause=heard.id))
        except _KnownAlready:
            pass
        except Exception:
            REACTIONS.labels(queue, "failed").inc()
            raise
    REACTIONS.labels(queue, outcome).inc()


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
