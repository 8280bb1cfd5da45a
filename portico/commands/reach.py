"""How a command reaches a platform that runs: many processes by their servers, one process by its door.

A command builds the parts as the platform does, and starts none of them: they say which queues and which things there are.
"""

from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from chassis.bus import Bus
from chassis.errors import NotFound, Refusal
from chassis.inbox import On
from chassis.mongo import Store, connect
from chassis.service import Service
from portico.catching_up import services_among
from portico.composition import BUILDERS, SERVICES
from portico.door import DoorBus, find_door
from portico.logs import start_logs
from portico.place import Place, settings_of
from portico.serve import reach_servers
from portico.settings import PorticoSettings, ServeSettings
from portico.trouble import Trouble


@dataclass(frozen=True)
class Platform:
    """What a command sees of the platform: its bus, and its services as they would be started."""

    bus: Bus
    services: dict[str, Service]

    def service(self, name: str) -> Service:
        """Return a service. Raises ``Trouble``."""
        try:
            return self.services[name]
        except KeyError:
            raise Trouble(f"There is no service {name}: choose one of {', '.join(self.services)}.") from None

    def store(self, name: str) -> Store:
        """Return a service's database. Raises ``Trouble``."""
        return self.service(name).store

    def owner_of(self, queue: str) -> Service | None:
        """Return the service that a queue is named after, or None where it is a consumer's own."""
        return self.services.get(queue.partition(".")[0])

    def reactions(self) -> dict[str, On]:
        """Return every reaction by its queue."""
        return {on.queue_of(each.name): on for each in self.services.values() for on in each.reactions}

    async def require_queue(self, queue: str) -> None:
        """Raise ``Trouble`` unless the bus has the queue."""
        try:
            await self.bus.counts(queue)
        except NotFound:
            known = ", ".join(sorted(self.reactions()))
            raise Trouble(
                f"The bus has no queue {queue}: declare it first, or choose one of the platform's own ({known})."
            ) from None


@asynccontextmanager
async def reached() -> AsyncIterator[Platform]:
    """Reach the platform that the environment names, or the one that runs here. Raises ``Trouble``."""
    servers = settings_of(ServeSettings)
    start_logs("WARNING")
    async with AsyncExitStack() as stack:
        if servers.rabbitmq_url or servers.mongo_url:
            servers.require_servers()
            place = await reach_servers(servers, stack)
        else:
            place = _one_process(settings_of(PorticoSettings), stack)
        yield Platform(place.bus, services_among({name: BUILDERS[name](place) for name in SERVICES}))


def _one_process(settings: PorticoSettings, stack: AsyncExitStack) -> Place:
    door = find_door(settings.var)
    if door is None:
        raise Trouble(
            f"No platform runs on {settings.var}: start it with `make up`, or set PORTICO_MONGO_URL and "
            "PORTICO_RABBITMQ_URL to the servers of one that runs as many processes."
        )
    client = connect(door.mongo_url)
    stack.callback(client.close)
    bus = DoorBus(door)
    stack.push_async_callback(bus.close)
    return Place(client, bus, settings.var / "keys", door.database_prefix, outbox_days=settings.outbox_days)


async def told_plainly(work: Coroutine[Any, Any, int]) -> int:
    """Do a command's work; what is refused is told to a person in one sentence. Raises ``Trouble``."""
    try:
        return await work
    except Refusal as refusal:
        raise Trouble(refusal.message) from refusal


def read_moment(option: str, text: str) -> datetime:
    """Return a moment that was typed; without an offset it is UTC. Raises ``Trouble``."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Trouble(f"{option} {text} is no moment: write it as 2026-11-29 or as 2026-11-29T12:30:00Z.") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def run(work: Coroutine[Any, Any, int]) -> int:
    """Run a command's work to its end."""
    import uvloop

    return uvloop.run(told_plainly(work))
