"""Letting those who are new catch up: everything that lives is stated anew, to everybody or into some queues alone."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from chassis import republishing
from chassis.bus import Bus, Message, matches
from chassis.mongo import Store
from chassis.republishing import Kind
from chassis.service import Service
from chassis.telemetry import log
from portico.place import Part
from portico.trouble import Trouble

Targets = Mapping[str, Sequence[str]]
"""Queues and the patterns of what each takes."""
_log = log("portico")


def services_among(parts: Mapping[str, Part]) -> dict[str, Service]:
    """Return those of the parts that are services."""
    return {name: part for name, part in parts.items() if isinstance(part, Service)}


def chosen(services: Mapping[str, Service], names: Sequence[str], kinds: Sequence[str]) -> list[tuple[Store, Kind]]:
    """Return the kinds that are meant, each with where it is kept. Raises ``Trouble``."""
    with_kinds = {name: service for name, service in services.items() if service.kinds}
    for name in names:
        if name not in with_kinds:
            raise Trouble(f"The service {name} has nothing to state: choose among {', '.join(with_kinds)}.")
    meant = [(with_kinds[name].store, kind) for name in names or with_kinds for kind in with_kinds[name].kinds]
    for kind in kinds:
        if all(each.name != kind for _, each in meant):
            raise Trouble(f"There is no kind {kind}: choose among {', '.join(dict.fromkeys(each.name for _, each in meant))}.")
    return [(store, each) for store, each in meant if not kinds or each.name in kinds]


def targets(services: Mapping[str, Service], queue: str | None, readers: Sequence[str]) -> Targets | None:
    """Return into which queues it goes, or None where it goes to everybody."""
    own = {
        on.queue_of(service.name): on.keys
        for service in services.values()
        for on in service.reactions
        if on.takes_republished and (service.name in readers or on.queue_of(service.name) == queue)
    }
    if queue is not None and queue not in own:
        own[queue] = ("#",)
    return own if queue is not None or readers else None


async def republish(store: Store, kind: Kind, bus: Bus, aims: Targets | None, *, is_dry_run: bool = False) -> AsyncIterator[int]:
    """State all things of a kind, and tell after each batch how many things it was about."""
    async for stated, things in republishing.batches(store, kind):
        if not is_dry_run:
            await _hand_over(bus, stated, aims)
        yield things


async def _hand_over(bus: Bus, stated: Sequence[Message], aims: Targets | None) -> None:
    if aims is None:
        await bus.publish(stated)
        return
    for queue, patterns in aims.items():
        wanted = [message for message in stated if any(matches(pattern, message.key) for pattern in patterns)]
        if wanted:
            await bus.put(queue, wanted)


def require_services(services: Mapping[str, Service], readers: Sequence[str]) -> None:
    """Raise ``Trouble`` unless there are all of the services that are to catch up."""
    for name in readers:
        if name not in services:
            raise Trouble(f"There is no service {name} to catch up: choose one of {', '.join(services)}.")


def begin_to_catch_up(services: Mapping[str, Service], readers: Sequence[str], bus: Bus) -> "asyncio.Task[None]":
    """Let services catch up in the background; a failure is told to the log. Raises ``Trouble``."""
    require_services(services, readers)

    async def work() -> None:
        try:
            await let_catch_up(services, readers, bus)
        except Exception:  # noqa: BLE001 - whatever it was, it is said how to do it again
            _log.exception("not everything could be stated anew: use `portico republish --for`", services=list(readers))

    return asyncio.create_task(work(), name="catching up")


async def let_catch_up(services: Mapping[str, Service], readers: Sequence[str], bus: Bus) -> int:
    """State everything that lives into the queues of some services; return how many things that were. Raises ``Trouble``."""
    require_services(services, readers)
    aims = targets(services, None, readers)
    total = 0
    for store, kind in chosen(services, (), ()):
        async for things in republish(store, kind, bus, aims):
            total += things
    _log.info("everything that lives has been stated anew", services=list(readers), things=total)
    return total
