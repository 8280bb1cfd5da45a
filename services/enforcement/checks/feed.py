"""How the state in memory is filled and kept: listen first, then load, then apply what was heard meanwhile; after that, at once.

A broadcast reaches every instance within milliseconds but promises nothing; the durable copies promise, but come a little later.
So both are applied, and since copies are compared by sequence neither their order nor their repetition matters.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from chassis import messages
from chassis.bus import Bus, Listener, Message
from chassis.errors import Unavailable
from chassis.mongo import Store
from chassis.tasks import bounded, end_task
from chassis.telemetry import log
from services.enforcement.checks import repository
from services.enforcement.checks.copies import KEYS, Copy, copy_of
from services.enforcement.checks.tokens import Tokens
from services.enforcement.checks.world import World

_CATCH_UP_SECONDS = 1.0
_ROUNDS_IN_USE = 60  # how many saves long a count that nobody here adds to is still looked at
# Copies are stamped when their transaction begins and seen once it has committed: look back further than any takes.
_OVERLAP = timedelta(seconds=30)
_log = log("enforcement.feed")


class Feed:
    """Keeps one world up to date, and says when that has begun to be true."""

    def __init__(self, store: Store, bus: Bus, world: World, tokens: Tokens) -> None:
        self._store = store
        self._bus = bus
        self._world = world
        self._tokens = tokens
        self._early: list[Copy] | None = []
        self._listener: Listener | None = None
        self._task: asyncio.Task[None] | None = None
        self._on_routes: list[Callable[[], None]] = []
        self.is_loaded = False

    def when_routes_change(self, call: Callable[[], None]) -> None:
        """Call a plain function whenever the published base paths have changed."""
        self._on_routes.append(call)

    async def start(self) -> None:
        """Listen, load what is kept, apply what was heard meanwhile, and go on so."""
        self._tokens.refresh()
        self._listener = await self._bus.listen(KEYS, self._hear)
        began_at = self._store.clock.now()
        copies = await repository.copies_since(self._store.reader(), None)
        early, self._early = self._early or [], None
        self._apply([*copies, *early])
        self.is_loaded = True
        self._task = asyncio.get_running_loop().create_task(self._catch_up(began_at), name="enforcement.feed")

    async def close(self) -> None:
        """Stop hearing; the state stays as it is."""
        if self._listener is not None:
            await self._listener.close()
        if self._task is not None:
            await end_task(self._task)

    async def _hear(self, message: Message) -> None:
        try:
            copy = copy_of(messages.read(message.body))
        except (KeyError, ValueError) as error:
            _log.warning("an announcement cannot be used", key=message.key, id=message.id, reason=str(error))
            return
        if self._early is not None:
            self._early.append(copy)
        else:
            self._apply([copy])

    def _apply(self, copies: list[Copy]) -> None:
        before = self._world.routes_changed
        for copy in copies:
            try:
                self._world.apply(copy)
            except (KeyError, TypeError, ValueError, RecursionError) as error:
                _log.warning("a copy cannot be used", kind=copy.kind, id=copy.id, reason=repr(error))
        if self._world.routes_changed != before:
            for call in self._on_routes:
                call()

    async def _catch_up(self, looked_at: datetime) -> None:
        while True:
            await asyncio.sleep(_CATCH_UP_SECONDS)
            self._tokens.refresh()
            self._world.tidy(time.monotonic_ns(), time.time_ns())
            now = self._store.clock.now()
            try:
                copies = await repository.copies_since(self._store.reader(), looked_at - _OVERLAP)
            except Unavailable as error:
                _log.warning("the copies cannot be read; the state in memory stays", reason=error.message)
                continue
            except Exception:  # noqa: BLE001 - the state in memory is good as it is, and a later look may succeed
                _log.exception("catching up failed; the state in memory stays")
                continue
            looked_at = now
            self._apply(copies)


class QuotaKeeper:
    """Saves what was counted against quotas about every second, and takes over what other instances have counted.

    Between two saves each instance knows its own calls exactly and the others' as of a second ago: a quota shared by several
    instances can be overrun by what they let pass within that second. A killed instance forgets at most its last second.
    """

    def __init__(self, store: Store, world: World) -> None:
        self._store = store
        self._world = world
        self._task: asyncio.Task[None] | None = None
        self._rounds: dict[str, int] = {}

    async def start(self) -> None:
        """Begin to save in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="enforcement.quotas")

    async def close(self) -> None:
        """Save once more and stop."""
        if self._task is not None:
            await end_task(self._task)
        with contextlib.suppress(Exception):
            await bounded(self.save(), 3)

    async def _run(self) -> None:
        while True:
            try:
                await self.save()
            except Exception as error:  # noqa: BLE001 - whatever it is, the counts stay in memory and the next save takes them
                _log.warning("quota counts cannot be saved; trying again", reason=str(error))
            await asyncio.sleep(1.0)

    async def save(self) -> None:
        """Add what is not saved yet to the kept counts, and take over the sums of those that are new or lately in use."""
        reader = self._store.reader()
        counters = self._world.counters
        for subscription_id, counter in list(counters.items()):
            self._rounds.setdefault(subscription_id, _ROUNDS_IN_USE)
            taken = counter.unsaved
            if not taken:
                continue
            self._rounds[subscription_id] = _ROUNDS_IN_USE
            count = repository.Count(subscription_id, counter.period, counter.began_at, counter.ends_at_ns, taken)
            await repository.add_calls(reader, count)
            if counter.began_at == count.began_at:
                counter.saved, counter.unsaved = counter.saved + taken, counter.unsaved - taken
        self._rounds.update({key: rounds - 1 for key, rounds in self._rounds.items() if rounds > 0})
        in_use = [key for key, rounds in self._rounds.items() if rounds > 0]
        if in_use:
            self._take_over(await repository.counts(reader, in_use))

    def _take_over(self, counts: dict[tuple[str, str, str], int]) -> None:
        for (subscription_id, period, began_at), calls in counts.items():
            counter = self._world.counters.get(subscription_id)
            if counter is not None and (counter.period, counter.began_at) == (period, began_at):
                counter.saved = calls
