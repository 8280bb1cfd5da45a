"""Live updates: one listener on the bus for the whole gateway, and for each who watches only what still has to be read again.

What is heard carries no data to anybody: it says which thing changed. Each watcher reads it with their own rights, afresh, and
several changes of one thing that come while it is being read are read once. When the rights of a user change, what that user
watches is looked at again at once: who may not see it any more is told so and watches no longer, whether anything happens or not.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from graphql import GraphQLError

from chassis import messages
from chassis.bus import Bus, Listener, Message, matches
from chassis.errors import NotFound, Refusal, TooMany
from chassis.principal import RIGHTS_CHANGED, SESSION_ENDED
from graphql_gateway.clients.answers import INTERNAL, UNAVAILABLE
from graphql_gateway.clients.identity import PassportNotIssued
from graphql_gateway.context import Context
from graphql_gateway.engine.declare import VIEWER, Watch
from graphql_gateway.engine.failures import Failure
from graphql_gateway.engine.front import Front, Ready, Refused, watched
from graphql_gateway.engine.model import Model
from graphql_gateway.engine.run import Run, first_row
from graphql_gateway.errors import refusal_body

AFTER_FAILURE_SECONDS = 1.0
RIGHTS_FACTS = (RIGHTS_CHANGED, SESSION_ENDED)
_PASSING = frozenset({PassportNotIssued.code, UNAVAILABLE, INTERNAL})


class NothingToWatch(NotFound):
    """There is no such thing to watch."""


class TooManyUpdates(TooMany):
    """Too many updates are being watched; try again later."""


class Watcher:
    """What one watcher has not been told yet."""

    def __init__(self, watch: Watch, asked: Mapping[str, Any]) -> None:
        self.watch = watch
        self.user_id: str | None = None
        self._asked = asked
        self._are_rights_in_doubt = False
        self._waiting: dict[bytes, dict[str, Any]] = {}
        self._news = asyncio.Event()

    def offer(self, key: str, data: Mapping[str, Any]) -> None:
        """Note what changed, where it concerns this watcher."""
        if not any(matches(pattern, key) for pattern in self.watch.keys):
            return
        asked = {**self._asked, VIEWER: self.user_id} if self.watch.is_personal else self._asked
        values = self.watch.concerns(data, asked)
        if values is not None:
            self.put_back(values)

    def put_back(self, values: dict[str, Any]) -> None:
        """Note again what could not be read."""
        self._waiting[orjson.dumps(values, option=orjson.OPT_SORT_KEYS)] = values
        self._news.set()

    def doubt_rights(self) -> None:
        """Note that the watcher's rights are other ones now."""
        self._are_rights_in_doubt = True
        self._news.set()

    async def next(self) -> dict[str, Any] | None:
        """Return what is to be read again next, or None where first the watcher's rights are."""
        await self._news.wait()
        if self._are_rights_in_doubt:
            self._are_rights_in_doubt = False
            values = None
        else:
            values = self._waiting.pop(next(iter(self._waiting)))
        if not self._waiting:
            self._news.clear()
        return values


class Hub:
    """Hears for everybody."""

    def __init__(self, model: Model, most: int = 5_000) -> None:
        self._keys = _keys_watched(model)
        self._most = most
        self._watchers: set[Watcher] = set()
        self._listener: Listener | None = None

    @property
    def watching(self) -> int:
        """Return how many watch."""
        return len(self._watchers)

    async def start(self, bus: Bus) -> None:
        """Begin to hear."""
        self._listener = await bus.listen((*self._keys, *RIGHTS_FACTS), self.hear)

    async def close(self) -> None:
        """Hear no more."""
        if self._listener is not None:
            await self._listener.close()

    async def hear(self, message: Message) -> None:
        """Tell every watcher whom it concerns."""
        heard = messages.read(message.body)
        if heard.is_republished:
            return  # nothing has changed
        for watcher in list(self._watchers):
            if heard.key not in RIGHTS_FACTS:
                watcher.offer(heard.key, heard.data)
            elif watcher.user_id is not None and watcher.user_id == heard.data.get("user_id"):
                watcher.doubt_rights()

    @contextmanager
    def watch(self, watch: Watch, asked: Mapping[str, Any]) -> Iterator[Watcher]:
        """Watch for as long as the block runs. Raises ``TooManyUpdates``."""
        if len(self._watchers) >= self._most:
            raise TooManyUpdates(retry_after_seconds=30)
        watcher = Watcher(watch, asked)
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)


def _keys_watched(model: Model) -> tuple[str, ...]:
    root = model.schema.subscription_type
    fields = model.types[root.name].values() if root is not None else ()
    return tuple(dict.fromkeys(key for field in fields if isinstance(field.source, Watch) for key in field.source.keys))


async def updates(front: Front, hub: Hub, ready: Ready, context: Context) -> AsyncGenerator[dict[str, Any], None]:
    """Give a response for every update, until the watcher leaves or may see no more. Raises ``Refusal`` at the beginning."""
    watch, asked = watched(ready)
    with hub.watch(watch, asked) as watcher:
        # Who watches is known before the first look, so a change of rights in between is not missed.
        watcher.user_id = await context.user_id()
        await _admit(watch, asked, ready, context)
        while True:
            values = await watcher.next()
            try:
                if values is None:
                    context.forget_passport()
                    await _admit(watch, asked, ready, context)
                    continue
                await context.headers()
            except (Refusal, Refused) as refusal:
                if refusal.code not in _PASSING:
                    yield refusal_body(refusal) if isinstance(refusal, Refusal) else refusal.body
                    return
                await _later(watcher, values)
                continue
            response = await front.update(ready, context, values)
            if response is not None:
                yield response


async def _later(watcher: Watcher, values: dict[str, Any] | None) -> None:
    """Look again in a moment at what could not be read now."""
    if values is None:
        watcher.doubt_rights()
    else:
        watcher.put_back(values)
    await asyncio.sleep(AFTER_FAILURE_SECONDS)


async def _admit(watch: Watch, asked: dict[str, Any], ready: Ready, context: Context) -> None:
    """Raise ``NothingToWatch`` where the watcher may not see it (the same for what does not exist), or ``Refused``."""
    await context.headers()
    if watch.admits is None:
        return
    row = await first_row(Run(context, ready.variables), watch.admits, asked)
    if isinstance(row, Failure):
        raise Refused([GraphQLError(row.message)], row.code)
    if row is None:
        raise NothingToWatch
