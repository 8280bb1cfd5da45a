"""Acts that may come in floods: refusals, and looks at what is watched over. They are counted, and told at most once a minute.

The first is told at once; whatever comes within a minute of it is told as one number afterwards. It is told in the background, so
that nobody can learn from how long a refusal takes whether there was something to be refused. Memory and writes are bounded: what
is refused in too many places at once is counted without the places.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chassis.acts import Change, Outcome
from chassis.errors import Forbidden, NotFound, Refusal, Unauthenticated
from chassis.mongo import Store, Transaction
from chassis.mongo.recording import Made
from chassis.principal import ANONYMOUS, Principal
from chassis.repeating import Repeating
from chassis.telemetry import current_request, log

TOLD_EVERY = timedelta(minutes=1)
MOST_COUNTED = 5000
MOST_PLACES_OF_ONE = 20
MOST_THINGS = 10
_MOST_WRITES_AT_ONCE = 20
_LOOK_SECONDS = 10.0
_WRITE_SECONDS = 5.0
_CLOSE_SECONDS = 5.0
_ID = re.compile(r"[a-z]{2,5}_[0-9A-Za-z]{1,26}")
_log = log("tally")


class What(NamedTuple):
    """What is counted together."""

    actor: str | None
    verb: str
    outcome: Outcome
    code: str | None
    organization_id: str | None


@dataclass(slots=True)
class _Count:
    principal: Principal
    told_at: datetime
    request_id: str
    waiting: int = 1
    is_being_told: bool = False
    things: dict[tuple[str, str], None] = field(default_factory=dict)


def is_denial(refusal: Refusal) -> bool:
    """Say whether something was refused for want of authority, or because for the one who asks there is no such thing."""
    return isinstance(refusal, Unauthenticated | Forbidden | NotFound)


def things_named(body: Mapping[str, Any]) -> dict[tuple[str, str], None]:
    """Return the things that an input names by their ids, as (kind, id); what does not look like an id is none."""
    found = ((name.removesuffix("_id"), value) for name, value in body.items() if name.endswith("_id"))
    return dict.fromkeys((kind, value) for kind, value in found if isinstance(value, str) and _ID.fullmatch(value))


class Tally(Repeating):
    """Counts such acts in one process, and tells them in transactions of their own."""

    def __init__(self, store: Store) -> None:
        super().__init__(f"{store.name}.tally", every_seconds=_LOOK_SECONDS)
        self._store = store
        self._counts: dict[What, _Count] = {}
        self._writes: set[asyncio.Task[None]] = set()

    def deny(self, principal: Principal, verb: str, refusal: Refusal, body: Mapping[str, Any]) -> None:
        """Count a refusal; what the input names goes along."""
        things = things_named(body)
        named = body.get("organization_id")
        place = refusal.organization_id or (named if ("organization", named) in things else None)
        self.count(principal, What(principal.id, verb, Outcome.DENIED, refusal.code, place), things)

    def view(self, principal: Principal, verb: str, place: str | None, refused_as: str | None) -> None:
        """Count a look at what is watched over, done or refused; of an organization's, where the place is the id of one."""
        outcome = Outcome.DONE if refused_as is None else Outcome.DENIED
        organization_id = place if _ID.fullmatch(place or "") else None
        self.count(principal, What(principal.id, verb, outcome, refused_as, organization_id), {})

    def count(self, principal: Principal, what: What, things: Mapping[tuple[str, str], None]) -> None:
        """Count an act, and tell it now or within a minute. This neither waits nor fails."""
        if self._store.recorder is None:
            return
        now = self._store.clock.now()
        principal, what = self._bounded(principal, what, now)
        counted = self._counts.get(what)
        if counted is None:
            counted = self._counts[what] = _Count(principal, now - TOLD_EVERY, current_request())
        else:
            counted.waiting += 1
            counted.request_id = current_request()
        for each in things:
            if len(counted.things) < MOST_THINGS:
                counted.things[each] = None
        if now - counted.told_at >= TOLD_EVERY and len(self._writes) < _MOST_WRITES_AT_ONCE:
            self._begin(what, counted)

    def _bounded(self, principal: Principal, what: What, now: datetime) -> tuple[Principal, What]:
        """Return under what it is counted where it would be one too many."""
        if what in self._counts:
            return principal, what
        if what.organization_id is not None:
            places = sum(each.actor == what.actor and each.organization_id is not None for each in self._counts)
            if places >= MOST_PLACES_OF_ONE:
                what = what._replace(organization_id=None)
        if len(self._counts) >= MOST_COUNTED:
            self._forget(now)
        if len(self._counts) >= MOST_COUNTED:
            return ANONYMOUS, what._replace(actor=None, organization_id=None)
        return principal, what

    def _forget(self, now: datetime) -> None:
        is_over = {what for what, each in self._counts.items() if not each.waiting and now - each.told_at >= TOLD_EVERY}
        for what in is_over:
            del self._counts[what]

    def _begin(self, what: What, counted: _Count) -> None:
        if not counted.is_being_told:
            counted.is_being_told = True
            task = asyncio.get_running_loop().create_task(self._tell(what, counted), name=f"{self._store.name}.tell")
            self._writes.add(task)
            task.add_done_callback(self._writes.discard)

    async def _tell(self, what: What, counted: _Count) -> None:
        number, things = counted.waiting, dict(counted.things)
        counted.told_at, counted.waiting, counted.things = self._store.clock.now(), 0, {}
        try:
            async with asyncio.timeout(_WRITE_SECONDS):
                await self._write(what, counted, number, things)
        except Exception as failure:  # noqa: BLE001 - whatever it was, it is told with the next ones
            _log.warning("an act could not be told; it is counted further", verb=what.verb, reason=repr(failure))
            counted.waiting += number
            counted.things = things | counted.things
        finally:
            counted.is_being_told = False

    async def _write(self, what: What, counted: _Count, number: int, things: Mapping[tuple[str, str], None]) -> None:
        recorder = self._store.recorder
        assert recorder is not None
        event = recorder.acts.event(
            verb=what.verb,
            outcome=what.outcome,
            code=what.code,
            request_id=counted.request_id,
            count=number,
            organization_ids=(what.organization_id,) if what.organization_id else (),
            changes=tuple(Change(kind=kind, id=identifier) for kind, identifier in things),
        )
        is_own = what.organization_id is not None and counted.principal.is_member(what.organization_id)
        made = Made(event, what.actor, what.organization_id if is_own else None)

        async def work(tx: Transaction) -> None:
            await tx.emit_act(made)

        await self._store.transact(counted.principal, work)

    async def look(self) -> None:
        """Tell what has waited for a minute, and forget what nobody does any more."""
        now = self._store.clock.now()
        for what, counted in list(self._counts.items()):
            if counted.waiting and now - counted.told_at >= TOLD_EVERY and len(self._writes) < _MOST_WRITES_AT_ONCE:
                self._begin(what, counted)
        self._forget(now)
        await self.settle()

    async def settle(self) -> None:
        """Wait until what is being told has been told."""
        while self._writes:
            await asyncio.wait(set(self._writes))

    async def close(self) -> None:
        """Tell everything that waits, however short; then end."""
        await super().close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.settle()
                for what, counted in list(self._counts.items()):
                    if counted.waiting:
                        self._begin(what, counted)
                await self.settle()
