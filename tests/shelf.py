"""Databases used again by one test after the other: emptied, with their collections and indexes left as they are.

For tests that hand a service its requests and announcements one by one. Where something still runs when a test ends, its database
is not used again: it could be written to.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pymongo import monitoring

from chassis.clock import Clock, SystemClock
from chassis.mongo import Index, Store, connect

_WRITES = {"insert", "update", "delete", "findAndModify", "aggregate"}


class _Written(monitoring.CommandListener):
    """Notes which collections of which database were written to."""

    def __init__(self) -> None:
        self.names: defaultdict[str, set[str]] = defaultdict(set)

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        collection = event.command.get(event.command_name)
        if event.command_name in _WRITES and isinstance(collection, str):
            self.names[event.database_name].add(collection)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        """Nothing is to be noted."""

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        """Nothing is to be noted."""


class ShelvedStore(Store):
    """A store that finds its collections and indexes there, and the collections empty."""

    def __init__(self, client: Any, name: str, clock: Clock, *, written: _Written, made: set[str]) -> None:
        super().__init__(client, name, clock)
        self._written = written
        self._made = made
        self._is_empty = False

    async def ensure_indexes(self, indexes: Sequence[Index]) -> None:
        if not self._is_empty:
            for collection in self._written.names.pop(self.name, ()):
                await self.database[collection].delete_many({})
            self._written.names.pop(self.name, None)
            self._is_empty = True
        missing = [each for each in indexes if repr(each) not in self._made]
        if missing:
            await super().ensure_indexes(missing)
            self._made.update(map(repr, missing))


class Shelf:
    """The databases that were given back, by what they are for."""

    def __init__(self, url: str, numbers: Iterator[int]) -> None:
        self._written = _Written()
        monitoring.register(self._written)
        self._client = connect(url)
        self._numbers = numbers
        self._free: defaultdict[str, list[str]] = defaultdict(list)
        self._made: defaultdict[str, set[str]] = defaultdict(set)

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def lending(self) -> Iterator[Callable[..., Store]]:
        """Give a function that makes stores; afterwards their databases are there for others, if nothing runs any more."""
        lent: list[tuple[str, str]] = []
        running = asyncio.all_tasks()

        def make(purpose: str = "store", clock: Clock | None = None) -> Store:
            name = self._free[purpose].pop() if self._free[purpose] else f"shelf{next(self._numbers)}_{purpose}"
            lent.append((purpose, name))
            return ShelvedStore(self._client, name, clock or SystemClock(), written=self._written, made=self._made[name])

        yield make
        if not {each for each in asyncio.all_tasks() - running if not each.done()} - {asyncio.current_task()}:
            for purpose, name in lent:
                self._free[purpose].append(name)
