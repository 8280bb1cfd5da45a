"""A service answers for the dead letters of its own queues: the operator's administrators list, replay and discard them.

What was replayed or discarded, by whom, and why, stays in the service's database. Personal data does not travel in events, so the
whole envelope may be shown.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import BaseRoute

from chassis.bus import Bus, DeadLetter, NoSuchDeadLetter
from chassis.errors import Forbidden, NotFound
from chassis.messages import to_timestamp
from chassis.mongo import Index, Store, Transaction
from chassis.paging import connection, read_page
from chassis.principal import Principal, system
from chassis.repeating import Repeating
from chassis.telemetry import DEAD_LETTERS, QUEUED
from chassis.web import Asked, Edge, Json, Routes, read_input

ADMINISTRATOR = "OPERATOR_ADMINISTRATOR"
MOST_READ = 5_000
"""How many of a queue's dead letters are looked through; whoever has more discards or replays some first."""
MOST_BODY_CHARACTERS = 20_000
COUNTED_EVERY_SECONDS = 30.0
_REMOVED = "removed_dead_letters"
_REPLAYED, _DISCARDED = "REPLAYED", "DISCARDED"
_COMMAND_LINE = system("command-line")
INDEXES = (Index(_REMOVED, (("at", 1),)), Index(_REMOVED, (("queue", 1), ("event_id", 1))))


class OperatorOnly(Forbidden):
    """Only the operator's administrators may do this."""


class _Wanted(BaseModel):
    """The arguments of ``dead_letters``; page and service are read elsewhere."""

    model_config = ConfigDict(extra="ignore")

    queue: str | None = Field(None, max_length=200)
    code: str | None = Field(None, max_length=100)


class ReplayDeadLetter(BaseModel):
    """The input of ``replay_dead_letter``."""

    model_config = ConfigDict(extra="forbid")

    queue: str = Field(max_length=200)
    id: str = Field(max_length=200)


class DiscardDeadLetter(BaseModel):
    """The input of ``discard_dead_letter``."""

    model_config = ConfigDict(extra="forbid")

    queue: str = Field(max_length=200)
    id: str = Field(max_length=200)
    reason: str = Field(min_length=1, max_length=500)


def row_of(queue: str, letter: DeadLetter) -> dict[str, Any]:
    """Return a dead letter as it is told; a body that is long beyond use is cut."""
    text = letter.message.body.decode(errors="replace")
    subject, occurred_at = _read(letter)
    return {
        "queue": queue,
        "id": letter.message.id,
        "event": letter.message.key,
        "subject": subject,
        "occurred_at": occurred_at,
        "code": letter.code,
        "reason": letter.reason,
        "attempts": letter.message.attempt,
        "died_at": to_timestamp(letter.at),
        "envelope": text[:MOST_BODY_CHARACTERS],
        "is_cut": len(text) > MOST_BODY_CHARACTERS,
    }


def _read(letter: DeadLetter) -> tuple[str | None, str | None]:
    """Return what a dead letter is about and when that happened, as far as that can be read: it may be why it died."""
    try:
        wrapped = orjson.loads(letter.message.body)
        return str(wrapped["subject"]), str(wrapped["time"])
    except (ValueError, KeyError, TypeError):
        return None, None


def sort_key(row: dict[str, Any]) -> tuple[str, str, str]:
    """Return what dead letters are listed by: the oldest first, through all queues of all services."""
    return row["died_at"], row["queue"], row["id"]


@dataclass(frozen=True, slots=True)
class Morgue:
    """The dead letters of one service's queues."""

    bus: Bus
    queues: Sequence[str]

    async def rows(self, queue: str | None, code: str | None) -> list[dict[str, Any]]:
        """Return dead letters, the oldest first."""
        wanted = [each for each in self.queues if queue in (None, each)]
        found = [row_of(each, letter) for each in wanted for letter in await self.bus.dead_letters(each, MOST_READ)]
        return sorted((row for row in found if code in (None, row["code"])), key=sort_key)

    async def find(self, queue: str, message_id: str) -> dict[str, Any]:
        """Return one dead letter. Raises ``NoSuchDeadLetter``."""
        if queue in self.queues:
            for letter in await self.bus.dead_letters(queue, MOST_READ):
                if letter.message.id == message_id:
                    return row_of(queue, letter)
        raise NoSuchDeadLetter


def _require_administrator(principal: Principal) -> None:
    principal.require_signed_in()
    if not principal.has_platform_role(ADMINISTRATOR):
        raise OperatorOnly


def routes(edge: Edge, bus: Bus, queues: Sequence[str]) -> list[BaseRoute]:
    """Return the routes of a service that has queues."""
    morgue = Morgue(bus, queues)

    async def dead_letters(asked: Asked) -> list[Json]:
        """Answer ``/load/dead_letters``: null for all but the operator's administrators."""
        if not asked.principal.has_platform_role(ADMINISTRATOR):
            return [None for _ in asked.keys]
        wanted = read_input(_Wanted, asked.args)
        page = read_page(asked.args.get("first"), asked.args.get("after"), key_length=3)
        rows = await morgue.rows(wanted.queue, wanted.code)
        behind = [row for row in rows if page.after is None or sort_key(row) > page.after]
        return [connection(behind[: page.first + 1], page, sort_key, total=len(rows)) for _ in asked.keys]

    async def replay_dead_letter(asked: Asked) -> Json:
        """Answer ``/do/replay_dead_letter``."""
        _require_administrator(asked.principal)
        wanted = asked.read(ReplayDeadLetter)
        row = await morgue.find(wanted.queue, wanted.id)
        await asked.transact(lambda tx: _note(tx, _REPLAYED, row, None))
        await bus.replay_dead(wanted.queue, wanted.id)
        return row

    async def discard_dead_letter(asked: Asked) -> Json:
        """Answer ``/do/discard_dead_letter``."""
        _require_administrator(asked.principal)
        wanted = asked.read(DiscardDeadLetter)
        row = await morgue.find(wanted.queue, wanted.id)
        await asked.transact(lambda tx: _note(tx, _DISCARDED, row, wanted.reason))
        await bus.discard_dead(wanted.queue, wanted.id)
        return row

    r = Routes(edge)
    r.load("dead_letters", dead_letters)
    r.do("replay_dead_letter", replay_dead_letter)
    r.do("discard_dead_letter", discard_dead_letter)
    return r.collected


async def replay(store: Store, bus: Bus, queue: str, letter: DeadLetter) -> None:
    """Put a dead letter back on behalf of whoever runs the platform, and keep that. Raises ``NoSuchDeadLetter``."""
    row = row_of(queue, letter)
    await store.transact(_COMMAND_LINE, lambda tx: _note(tx, _REPLAYED, row, None))
    await bus.replay_dead(queue, letter.message.id)


async def discard(store: Store, bus: Bus, queue: str, letter: DeadLetter, *, because: str) -> None:
    """Discard a dead letter on behalf of whoever runs the platform, and keep why. Raises ``NoSuchDeadLetter``."""
    row = row_of(queue, letter)
    await store.transact(_COMMAND_LINE, lambda tx: _note(tx, _DISCARDED, row, because))
    await bus.discard_dead(queue, letter.message.id)


async def discarded_among(store: Store, queue: str, event_ids: Collection[str]) -> set[str]:
    """Return those of the events that somebody has discarded from a queue."""
    query = {"queue": queue, "event_id": {"$in": sorted(event_ids)}, "what": _DISCARDED}
    rows = await store.reader().collection(_REMOVED).find(query, projection={"event_id": 1})
    return {row["event_id"] for row in rows}


async def _note(tx: Transaction, what: str, row: dict[str, Any], reason: str | None) -> None:
    """Keep who is about to take a dead letter out, and why: should that not succeed, it is still there and is taken out again."""
    told = {name: row[name] for name in ("queue", "event", "subject", "code", "died_at", "envelope")}
    key = f"{row['queue']}:{row['id']}:{what}:{row['died_at']}"
    taken = {**told, "event_id": row["id"], "what": what, "because": reason, "by": tx.principal.id, "at": tx.now}
    await tx.collection(_REMOVED).update_one({"_id": key}, {"$set": taken}, upsert=True)


class Counting(Repeating):
    """Counts what is in a service's queues, and what has died in them, for whoever watches the platform."""

    def __init__(self, service: str, bus: Bus, queues: Sequence[str]) -> None:
        super().__init__(f"{service}.queues", every_seconds=COUNTED_EVERY_SECONDS)
        self._bus = bus
        self._queues = queues

    async def look(self) -> None:
        """Count."""
        for queue in self._queues:
            try:
                counts = await self._bus.counts(queue)
            except NotFound:
                continue
            QUEUED.labels(queue).set(counts.waiting)
            DEAD_LETTERS.labels(queue).set(counts.dead)
