"""How the state in memory is filled and kept: listen first, then load, then apply what was heard meanwhile; after that, at once.

A broadcast reaches every instance within milliseconds but promises nothing; the durable copies promise, but come a little later.
So both are applied, and since copies are compared by sequence neither their order nor their repetition matters.

What instances say to one another (signals) comes in over the same listener: who hears a signal has heard every change that was
broadcast before it.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from chassis import messages
from chassis.bus import Bus, Listener, Message
from chassis.clock import steady_ns
from chassis.errors import Unavailable
from chassis.mongo import Store
from chassis.tasks import end_task
from chassis.telemetry import log
from services.enforcement.checks.tokens import Tokens
from services.enforcement.state import numbering, repository, snapshots
from services.enforcement.state.copies import KEYS, Copy, copy_of
from services.enforcement.state.snapshots import Snapshot
from services.enforcement.state.world import World

_CATCH_UP_SECONDS = 1.0
_log = log("enforcement.feed")


class Read(NamedTuple):
    """What was read of the kept copies: every change up to the epoch ``through`` is applied. It began at a steady moment."""

    began_ns: int
    through: int
    copies: list[Copy]


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
        self._reading = asyncio.Lock()
        self._on_routes: list[Callable[[], None]] = []
        self._on_news: list[Callable[[Copy], None]] = []
        self._on_broadcast: list[Callable[[Copy, Message], None]] = []
        self._on_read: list[Callable[[Read], None]] = []
        self._signals: dict[str, list[Callable[[bytes], None]]] = {}
        self._is_behind: Callable[[int], bool] = lambda _: True
        self._read_through = 0
        self.is_loaded = False

    @property
    def gaps(self) -> int:
        """Return how often something that was broadcast may have been missed."""
        return 0 if self._listener is None else self._listener.gaps

    def now(self) -> datetime:
        """Return the time of day, by which it is told how late a change was."""
        return self._store.clock.now()

    def when_routes_change(self, call: Callable[[], None]) -> None:
        """Call a plain function whenever the published base paths have changed."""
        self._on_routes.append(call)

    def when_news(self, call: Callable[[Copy], None]) -> None:
        """Call a plain function with every change that is applied, but for those that the state begins with."""
        self._on_news.append(call)

    def when_broadcast(self, call: Callable[[Copy, Message], None]) -> None:
        """Call a plain function with every change that comes by the broadcast first."""
        self._on_broadcast.append(call)

    def when_read(self, call: Callable[[Read], None]) -> None:
        """Call a plain function whenever the kept copies have been read."""
        self._on_read.append(call)

    def read_if(self, is_behind: Callable[[int], bool]) -> None:
        """Read what is kept, from time to time, only where this says so of the last epoch's number."""
        self._is_behind = is_behind

    def applied_through(self, epoch: int) -> None:
        """Take note that all changes up to an epoch are applied: they need not be read."""
        self._read_through = max(self._read_through, epoch)

    def hear_signals(self, key: str, call: Callable[[bytes], None]) -> None:
        """Call a plain function with the body of every signal under a key (to be told before the feed starts)."""
        self._signals.setdefault(key, []).append(call)

    async def start(self) -> None:
        """Listen, load what is kept, apply what was heard meanwhile, and go on so."""
        self._tokens.refresh()
        self._listener = await self._bus.listen((*KEYS, *self._signals), self._hear)
        reader = self._store.reader()
        began_ns = steady_ns()
        through = await numbering.numbered_through(reader)
        snapshot = await snapshots.read(reader)
        copies = await repository.copies_after(reader, None if snapshot is None else snapshot.epoch)
        early, self._early = self._early or [], None
        whole = [*snapshot.copies, *copies] if snapshot is not None else copies
        self._apply([*whole, *early])
        self.applied_through(through)
        self.is_loaded = True
        self._tell_read(Read(began_ns, through, []))
        leaving = Snapshot(through, whole) if len(copies) >= snapshots.WORTH_IT else None
        self._task = asyncio.get_running_loop().create_task(self._catch_up(leaving), name="enforcement.feed")

    async def has_loaded(self) -> bool:
        """Say whether the state is loaded."""
        return self.is_loaded

    async def close(self) -> None:
        """Stop hearing; the state stays as it is."""
        if self._listener is not None:
            await self._listener.close()
        if self._task is not None:
            await end_task(self._task)

    async def read_again(self) -> Read:
        """Apply the kept copies of the epochs since the last reading, and those that no epoch has taken yet."""
        async with self._reading:
            reader = self._store.reader()
            began_ns = steady_ns()
            # The number is read first: what is kept by then is among the copies.
            through = await numbering.numbered_through(reader)
            read = Read(began_ns, through, await repository.copies_after(reader, self._read_through))
            self._apply(read.copies)
            self.applied_through(through)
        self._tell_read(read)
        return read

    async def _hear(self, message: Message) -> None:
        signalled = self._signals.get(message.key)
        if signalled is not None:
            for call in signalled:
                call(message.body)
            return
        try:
            copy = copy_of(messages.read(message.body))
        except (KeyError, ValueError) as error:
            _log.warning("an announcement cannot be used", key=message.key, id=message.id, reason=str(error))
            return
        if self._early is not None:
            self._early.append(copy)
        elif not self._world.knows(copy.id, copy.sequence):
            self._apply([copy])
            for tell in self._on_broadcast:
                tell(copy, message)

    def _apply(self, copies: Sequence[Copy]) -> None:
        before = self._world.routes_changed
        for copy in copies:
            try:
                is_news = self._world.apply(copy)
            except (KeyError, TypeError, ValueError, RecursionError) as error:
                _log.warning("a copy cannot be used", kind=copy.kind, id=copy.id, reason=repr(error))
                continue
            if is_news and self.is_loaded:
                for tell in self._on_news:
                    tell(copy)
        if self._world.routes_changed != before:
            for call in self._on_routes:
                call()

    def _tell_read(self, read: Read) -> None:
        for call in self._on_read:
            call(read)

    async def _leave(self, snapshot: Snapshot) -> None:
        try:
            await snapshots.write(self._store.reader(), snapshot)
        except Exception as error:  # noqa: BLE001 - whoever starts next reads the copies, as this instance has
            _log.warning("no snapshot of the copies can be left", reason=str(error))

    async def _catch_up(self, leaving: Snapshot | None) -> None:
        if leaving is not None:
            await self._leave(leaving)
            leaving = None
        while True:
            await asyncio.sleep(_CATCH_UP_SECONDS)
            self._tokens.refresh()
            self._world.tidy(time.monotonic_ns(), time.time_ns())
            try:
                if self._is_behind(await numbering.numbered_through(self._store.reader())):
                    await self.read_again()
            except Unavailable as error:
                _log.warning("the copies cannot be read; the state in memory stays", reason=error.message)
            except Exception:  # noqa: BLE001 - the state in memory is good as it is, and a later look may succeed
                _log.exception("catching up failed; the state in memory stays")
