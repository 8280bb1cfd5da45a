"""Keeping the index current, and asking it.

Every question begins with reading the number of the latest change: one small document. Where the index of this process is behind,
it reads what has changed since, and only then answers. So whoever searches finds what was committed before they asked, whichever
process committed it and whichever answers.
"""

import asyncio

from chassis.mongo import Reader, Store
from chassis.repeating import Repeating
from chassis.tasks import end_task
from services.catalog.categories import repository as categories
from services.catalog.entries import repository as entries
from services.catalog.entries.repository import Position
from services.catalog.finding import adopting
from services.catalog.finding.index import Index

_ENTRIES_AT_ONCE = 500
_AT_A_STRETCH = 25
_LOOK_SECONDS = 5.0


class Searcher:
    """The index of one process, brought up to date whenever somebody asks; all who wait for that wait for the same reading."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._index = Index()
        self._position = Position()
        self._reading: asyncio.Task[None] | None = None

    async def index(self, reader: Reader) -> Index:
        """Return the index as of now, or of a later moment."""
        wanted = await entries.position(reader)
        while wanted != self._position:
            await self._read_on()
            if self._position.n >= wanted.n:
                break
        return self._index

    async def _read_on(self) -> None:
        """Take part in the reading that goes on, or begin one. Whoever gives up waiting does not end it for the others."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._catch_up(), name="catalog.reading")
            self._reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._reading)

    async def _catch_up(self) -> None:
        reader = self._store.reader()
        now = await entries.position(reader)
        if now.n < self._position.n or self._index.is_worn:
            self._index, self._position = Index(), Position()
        if now.categories != self._position.categories:
            self._index.put_categories(await categories.tree(reader))
        while self._position.n < now.n:
            changed = await entries.changed_since(reader, self._position.n, _ENTRIES_AT_ONCE)
            for number, entry in enumerate(changed, 1):
                self._index.put(entry)
                if number % _AT_A_STRETCH == 0:
                    await asyncio.sleep(0)  # others want to be answered too
            if len(changed) < _ENTRIES_AT_ONCE:
                break
            self._position = Position(int(changed[-1]["sequence"]))  # what failed later is read on from here
        # Not further than was read before the entries: what commits meanwhile is read again the next time.
        self._position = now

    async def close(self) -> None:
        """End a reading that goes on."""
        if self._reading is not None:
            await end_task(self._reading)


class KeepsIndex(Repeating):
    """Reads changes ahead of those who search, so that nobody waits for many of them; and once, what is older than entries."""

    def __init__(self, store: Store, searcher: Searcher) -> None:
        super().__init__("catalog.index", every_seconds=_LOOK_SECONDS)
        self._store = store
        self._searcher = searcher
        self._has_adopted = False

    async def close(self) -> None:
        """Stop reading."""
        await super().close()
        await self._searcher.close()

    async def look(self) -> None:
        """Bring the index up to date."""
        if not self._has_adopted:
            await adopting.adopt(self._store)
            self._has_adopted = True
        await self._searcher.index(self._store.reader())
