"""How the state in memory is filled and kept: listen first, then load, then apply what was heard meanwhile; after that, at once.

A broadcast reaches every instance within milliseconds but promises nothing; the durable copies promise, but come a little later.
So both are applied, and since copies are compared by sequence neither their order nor their repetition matters.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from chassis import messages
from chassis.bus import Bus, Listener, Message
from chassis.errors import Unavailable
from chassis.mongo import Store
from chassis.tasks import end_task
from chassis.telemetry import log
from services.enforcement.checks.tokens import Tokens
from services.enforcement.state import repository
from services.enforcement.state.copies import KEYS, Copy, copy_of
from services.enforcement.state.world import World

_CATCH_UP_SECONDS = 1.0
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
