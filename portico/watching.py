"""Watching for gaps: every minute, what was announced since the last look is compared with what was heard."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta

from chassis import gaps
from chassis.bus import Bus, NoSuchQueue
from chassis.gaps import Gap, Hearer, Stretch
from chassis.repeating import Repeating
from chassis.service import Service
from chassis.telemetry import EVENT_GAPS, log

EVERY_SECONDS = 60.0
LOOKS_BACK = timedelta(hours=1)
MISSING_FOR_LONG = timedelta(minutes=15)
MOST_KEPT = 10_000
_log = log("gaps")


def hearers_of(services: Mapping[str, Service]) -> list[Hearer]:
    """Return every reaction of the platform."""
    return [Hearer(each.store, on.queue_of(each.name), on) for each in services.values() for on in each.reactions]


async def find_gaps(
    services: Mapping[str, Service], bus: Bus, since: datetime, *, hearers: Sequence[Hearer] | None = None
) -> AsyncIterator[list[Gap]]:
    """Give the gaps in what all services have announced since a moment, batch by batch."""
    hearing = hearers_of(services) if hearers is None else hearers
    for announcer in services.values():
        stretch = Stretch(since, gaps.settled_until(announcer.store))
        async for found in gaps.find(announcer.store, hearing, bus, stretch):
            yield found


class GapWatch(Repeating):
    """Knows the gaps that are open now: it looks at what is new, and again at what was missing before.

    What is missing while its queue has messages is most likely among them, until it is missing for very long.
    """

    def __init__(self, services: Mapping[str, Service], bus: Bus, *, every_seconds: float = EVERY_SECONDS) -> None:
        super().__init__("gaps", every_seconds=every_seconds)
        self._services = services
        self._bus = bus
        self._stores = {hearer.queue: hearer.store for hearer in hearers_of(services)}
        self._clock = next(iter(services.values())).store.clock
        self._looked_until: datetime | None = None
        self._missing: dict[tuple[str, str], Gap] = {}
        self._shown: set[str] = set()
        self.open: dict[tuple[str, str], Gap] = {}

    async def look(self) -> None:
        """Bring what is known to what is so now, and show it."""
        since = self._looked_until or self._clock.now() - LOOKS_BACK
        until = self._clock.now() - gaps.PATIENCE
        await self._forget_closed()
        async for found in find_gaps(self._services, self._bus, since):
            for gap in found[: MOST_KEPT - len(self._missing)]:
                self._missing[gap.queue, gap.message.id] = gap
        self._looked_until = until
        self._show(await self._certain())

    async def _certain(self) -> dict[tuple[str, str], Gap]:
        busy = {queue for queue in {queue for queue, _ in self._missing} if await waiting_in(queue, self._bus)}
        long_ago = self._clock.now() - MISSING_FOR_LONG
        return {key: gap for key, gap in self._missing.items() if key[0] not in busy or gap.sent_at < long_ago}

    async def _forget_closed(self) -> None:
        for queue, store in self._stores.items():
            missing = [event_id for name, event_id in self._missing if name == queue]
            if missing:
                for event_id in set(missing) - await gaps.missing_among(store, queue, missing, self._bus):
                    del self._missing[queue, event_id]

    def _show(self, certain: dict[tuple[str, str], Gap]) -> None:
        for key in certain.keys() - self.open.keys():
            _log.error("an announcement was not heard", queue=key[0], event_id=key[1], key=certain[key].key)
        self.open = certain
        counted = dict.fromkeys(self._shown, 0)
        for queue, _ in self.open:
            counted[queue] = counted.get(queue, 0) + 1
        for queue, count in counted.items():
            EVENT_GAPS.labels(queue).set(count)
        self._shown = set(counted)


async def waiting_in(queue: str, bus: Bus) -> int:
    """Return how many messages wait in a queue: none where the queue itself is gone."""
    try:
        return (await bus.counts(queue)).waiting
    except NoSuchQueue:
        return 0


async def close_gaps(bus: Bus, found: Sequence[Gap]) -> int:
    """Put what is missing into the queues that miss it; return how many messages that were."""
    by_queue: dict[str, list[Gap]] = {}
    for gap in found:
        by_queue.setdefault(gap.queue, []).append(gap)
    for queue, missing in by_queue.items():
        await bus.put(queue, [gap.message for gap in missing])
    return len(found)
