"""How a part of the platform is held together: its HTTP application, its reactions, its relay, its own background work.

A service's ``main.build(...)`` returns one of these. Whoever starts it (the one process, or a process of its own) enters its
life through ``start`` and ``close``; nothing starts at import.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from chassis import dead_letters, idempotency, inbox, mongo, outbox
from chassis.bus import Bus, Listener, Reaction
from chassis.inbox import On
from chassis.mongo import Index, Store
from chassis.outbox import Relay
from chassis.principal import RIGHTS_CHANGED, SESSION_ENDED, PassportVerifier
from chassis.republishing import Kind
from chassis.web import Edge, service_app


class Worker(Protocol):
    """Background work with a beginning and an end."""

    async def start(self) -> None:
        """Begin."""
        ...

    async def close(self) -> None:
        """End, bounded in time."""
        ...


@dataclass(slots=True)
class Service:
    """One service, put together by its ``main.build``.

    ``routes`` make up ``app``, the internal HTTP;
    ``reactions`` are wired to the bus through the inbox; ``kinds`` are what can be stated anew; ``workers`` are started after the
    reactions and closed before them; ``ready_checks`` name what must answer besides database and bus, ``checks_beside`` what is
    told with them and keeps nobody from asking. The ``verifier`` is told when rights change. A service that has both reactions
    and a verifier answers for its dead letters.
    """

    name: str
    store: Store
    bus: Bus
    routes: Sequence[BaseRoute] = ()
    indexes: Sequence[Index] = ()
    reactions: Sequence[On] = ()
    kinds: Sequence[Kind] = ()
    workers: Sequence[Worker] = ()
    ready_checks: dict[str, Callable[[], Awaitable[bool]]] = field(default_factory=dict)
    checks_beside: dict[str, Callable[[], Awaitable[bool]]] = field(default_factory=dict)
    verifier: PassportVerifier | None = None
    app: ASGIApp = field(init=False)
    _listener: Listener | None = field(init=False, default=None)
    _relay: Relay = field(init=False)
    _counting: dead_letters.Counting = field(init=False)

    def __post_init__(self) -> None:
        queues = [on.queue_of(self.name) for on in self.reactions]
        self._counting = dead_letters.Counting(self.name, self.bus, queues)
        if queues and self.verifier is not None:
            edge = Edge(self.store, self.verifier)
            self.routes = [*self.routes, *dead_letters.routes(edge, self.bus, queues)]
            self.workers = [*self.workers, edge.tally]
        self.app = service_app(self.name, self.routes, self.ready, self.beside)
        self._relay = Relay(self.name, self.store, self.bus)

    def wired_reactions(self) -> list[Reaction]:
        """Return the reactions as the bus takes them."""
        return inbox.wire(self.name, self.store, self.reactions)

    async def declare(self) -> None:
        """Make indexes and queues, before anybody publishes."""
        await self.store.ensure_indexes(
            [*mongo.INDEXES, *inbox.INDEXES, *outbox.INDEXES, *idempotency.INDEXES, *dead_letters.INDEXES, *self.indexes]
        )
        await self.bus.declare(self.wired_reactions())
        await inbox.note_hearing(self.store, self.name, self.reactions)

    async def start(self) -> None:
        """End what a killed predecessor left open; then begin to react, to relay and to work."""
        await self.store.end_former_transactions()
        if self.verifier is not None:
            self._listener = await self.bus.listen((RIGHTS_CHANGED, SESSION_ENDED), self.verifier.hear)
        for reaction in self.wired_reactions():
            await self.bus.react(reaction)
        for worker in self.workers:
            await worker.start()
        await self._relay.start()
        await self._counting.start()

    async def close(self) -> None:
        """End; what is not sent or not handled yet stays where it is kept."""
        await self._counting.close()
        for worker in reversed(self.workers):
            await worker.close()
        await self._relay.close()
        if self._listener is not None:
            await self._listener.close()

    async def ready(self) -> dict[str, bool]:
        """Return each part that the service needs and whether it answers."""
        return {
            "database": await self.store.ping(),
            "bus": self.bus.is_connected,
            "relay": self._relay.is_running,
            **{name: await check() for name, check in self.ready_checks.items()},
        }

    async def beside(self) -> dict[str, bool]:
        """Return what is told of the service's neighbours."""
        return {name: await check() for name, check in self.checks_beside.items()}
