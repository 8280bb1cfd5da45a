"""Republishing: everything that lives is stated anew as it is now, for those who are new or have missed what happened.

A statement is made of the facts that would have told it. The last of them carries the number that the subject's facts have
reached, the ones before it the numbers just below: whoever has heard that much, or more, changes nothing. The id is the same as
often as the same is stated. What is stated is marked ``republished``, so that nobody takes it for something that happens now.

A batch and the numbers of its subjects are read in one transaction: a change that commits meanwhile has a higher number.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from chassis import messages
from chassis.bus import Message
from chassis.messages import Circumstances, Event
from chassis.mongo import Document, Reader, Store, Transaction
from chassis.principal import system

BATCH = 200
_WHO = system("republish")


@dataclass(frozen=True, slots=True)
class Statement:
    """How a thing stands: the facts that tell it, the latest last, and whom they concern."""

    subject: str
    facts: tuple[Event, ...]
    organization: str | None = None
    audience: tuple[str, ...] = ()


State = Callable[[Reader, Sequence[Document]], Awaitable[list[Statement]]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing that a service keeps: in which collection, and what states a batch of its rows.

    ``query`` leaves out rows of which there is nothing to state.
    """

    name: str
    collection: str
    state: State
    query: Mapping[str, object] | None = None


def each(state: Callable[[Document], Iterable[Statement]]) -> State:
    """Return what states a batch row by row, where a row tells everything by itself."""

    async def state_all(_reader: Reader, rows: Sequence[Document]) -> list[Statement]:
        return [statement for row in rows for statement in state(row)]

    return state_all


async def batches(store: Store, kind: Kind) -> AsyncIterator[tuple[list[Message], int]]:
    """Give what states all things of a kind, a batch at a time, each with how many things it is about."""
    after: object = None
    while True:
        messages_, after, things = await store.transact(_WHO, _Batch(kind, after).read)
        if not things:
            return
        yield messages_, things
        if things < BATCH:
            return


@dataclass(frozen=True, slots=True)
class _Batch:
    kind: Kind
    after: object

    async def read(self, tx: Transaction) -> tuple[list[Message], object, int]:
        query: Document = dict(self.kind.query or {})
        if self.after is not None:
            query["_id"] = {"$gt": self.after}
        rows = await tx.collection(self.kind.collection).find(query, sort=[("_id", 1)], limit=BATCH)
        if not rows:
            return [], self.after, 0
        statements = await self.kind.state(tx, rows)
        numbers = await _numbers(tx, {statement.subject for statement in statements})
        stated = [message for each in statements for message in _stated(each, numbers.get(each.subject, 0), tx)]
        return stated, rows[-1]["_id"], len(rows)


async def _numbers(tx: Transaction, subjects: set[str]) -> dict[str, int]:
    rows = await tx.collection("sequences").find({"_id": {"$in": sorted(subjects)}}) if subjects else []
    return {row["_id"]: int(row["n"]) for row in rows}


def _stated(statement: Statement, reached: int, tx: Transaction) -> Iterable[Message]:
    for before, fact in enumerate(reversed(statement.facts)):
        around = Circumstances(
            subject=statement.subject,
            sequence=max(reached - before, 0),
            time=tx.now,
            actor=tx.principal.id,
            organization=statement.organization,
            audience=statement.audience,
            is_republished=True,
        )
        event_id = _stable_id(fact, around)
        yield Message(event_id, fact.key, messages.to_bytes(messages.envelope(fact, event_id, around)))


def _stable_id(fact: Event, around: Circumstances) -> str:
    told = messages.to_bytes(fact.model_dump(mode="json"))
    known = f"{around.subject}\n{around.sequence}\n{fact.key}\n".encode() + told
    return f"evt_R{hashlib.sha256(known).hexdigest()[:31].upper()}"
