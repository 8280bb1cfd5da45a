"""Keeping the index current, and asking it.

Every question begins with reading the number of the latest change: one small document. Where the index of this process is behind,
it reads what has changed since, and only then answers. So whoever searches finds what was committed before they asked, whichever
process committed it and whichever answers.
"""

import asyncio

from chassis.mongo import Reader, Store
from chassis.repeating import Repeating
from services.catalog.categories import repository as categories
from services.catalog.entries import repository as entries
from services.catalog.entries.repository import Position
from services.catalog.finding import adopting
from services.catalog.finding.index import Index

_ENTRIES_AT_ONCE = 500
_AT_A_STRETCH = 25
_LOOK_SECONDS = 5.0


class Searcher:
    """The index of one process, brought up to date whenever somebody asks."""

    def __init__(self) -> None:
        self._index = Index()
        self._position = Position()
        self._lock = asyncio.Lock()

    async def index(self, reader: Reader) -> Index:
        """Return the index as of now."""
        if await entries.position(reader) != self._position:
            async with self._lock:
                await self._catch_up(reader)
        return self._index

    async def _catch_up(self, reader: Reader) -> None:
        # Read again: who waited for the lock may find everything done. What commits from here on is read the next time.
        now = await entries.position(reader)
        if now == self._position:
            return
        starts_over = now.n < self._position.n or self._index.is_worn
        index, behind = (Index(), Position()) if starts_over else (self._index, self._position)
        if now.categories != behind.categories:
            index.put_categories(await categories.tree(reader))
        seen = behind.n
        while changed := await entries.changed_since(reader, seen, _ENTRIES_AT_ONCE):
            for number, entry in enumerate(changed, 1):
                index.put(entry)
                if number % _AT_A_STRETCH == 0:
                    await asyncio.sleep(0)  # others want to be answered too
            seen = int(changed[-1]["sequence"])
            if len(changed) < _ENTRIES_AT_ONCE:
                break
        self._index, self._position = index, now


class KeepsIndex(Repeating):
    """Reads changes ahead of those who search, so that nobody waits for many of them; and once, what is older than entries."""

    def __init__(self, store: Store, searcher: Searcher) -> None:
        super().__init__("catalog.index", every_seconds=_LOOK_SECONDS)
        self._store = store
        self._searcher = searcher
        self._has_adopted = False

    async def look(self) -> None:
        """Bring the index up to date."""
        if not self._has_adopted:
            await adopting.adopt(self._store)
            self._has_adopted = True
        await self._searcher.index(self._store.reader())
