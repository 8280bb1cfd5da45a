"""The part that one instance at a time has: it numbers changes, and says so when an epoch is in force everywhere.

Which one has it decides a lease. Two for a moment do no harm: both work on the same documents, and one of them comes too late.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from chassis.bus import Bus, BusUnavailable, Message
from chassis.clock import steady_ns
from chassis.leases import Lease
from chassis.mongo import Store
from chassis.principal import system
from chassis.repeating import Repeating
from services.enforcement.epochs import actions, repository, signals
from services.enforcement.epochs.actions import Settled
from services.enforcement.epochs.domain import Acknowledgement, Epoch, Instance, Silence, those_waited_for
from services.enforcement.epochs.expected import Expected, Remember
from services.enforcement.epochs.freshness import BEAT_SECONDS
from services.enforcement.state.copies import Copy
from services.enforcement.state.feed import Feed, Read
from services.enforcement.state.numbering import InForce

_TICK_SECONDS = 0.05
_PENDING_SECONDS = 0.25
_LEASE_SECONDS = 3.0
# An instance writes that it lives a second after or before it beats; and what it has written is seen a moment later.
_MARGIN_SECONDS = 2.0
_FORGOTTEN_AFTER = timedelta(minutes=10)
_WHO = system("enforcement.epochs")


class Numberer(Repeating):
    """Numbers what has changed, at most once in a tick, and settles the epochs that everybody has acknowledged."""

    def __init__(self, store: Store, bus: Bus, feed: Feed, *, instance_id: str, fresh_seconds: float, remember: Remember) -> None:
        super().__init__("enforcement.numbering", every_seconds=BEAT_SECONDS)
        self._store = store
        self._bus = bus
        self._lease = Lease(store, "epochs", instance_id, seconds=_LEASE_SECONDS)
        self._limit_ns = int((fresh_seconds + _MARGIN_SECONDS) * 1_000_000_000)
        self._silence = Silence(self._limit_ns)
        self._heard: dict[str, Acknowledgement] = {}
        self._first_seen: dict[int, int] = {}
        self._looks_at = 0.0
        self._leased_until = 0.0
        self._expected = Expected(remember)
        feed.when_broadcast(self._on_broadcast)
        feed.when_read(self._on_read)
        feed.hear_signals(signals.NUMBERED, self._on_numbered)
        feed.hear_signals(signals.ACKNOWLEDGED, self._on_acknowledged)

    async def look(self) -> None:
        """Give numbers to what has none yet, and settle what is in force."""
        await asyncio.sleep(max(self._looks_at - time.monotonic(), 0))
        began = time.monotonic()
        self._looks_at = began + _TICK_SECONDS
        await self._look(began)
        # Where much changes a look takes long: the next one comes after a pause, too, and finds the more.
        self._looks_at = began + max(_TICK_SECONDS, 1.25 * (time.monotonic() - began))

    async def _look(self, began: float) -> None:
        self._expected.tidy(began)
        if not await self._holds_lease():
            self._every_seconds = BEAT_SECONDS
            return
        await self._expected.make_up(time.monotonic())
        # One after the other: what is settled has been given its number to the last copy.
        await self._number()
        is_pending = await self._settle()
        waits = _PENDING_SECONDS if is_pending else BEAT_SECONDS
        self._every_seconds = _TICK_SECONDS if self._expected.is_anything_soon(time.monotonic()) else waits

    async def close(self) -> None:
        """Stop, and let another one go on at once."""
        await super().close()
        if await self._store.ping():
            await self._lease.release()

    async def _holds_lease(self) -> bool:
        now = time.monotonic()
        if now < self._leased_until:
            return True
        if not await self._lease.hold():
            return False
        self._leased_until = now + _LEASE_SECONDS / 3
        return True

    async def _number(self) -> None:
        epoch = await actions.number(self._store.reader())
        if epoch is None:
            return
        try:
            await self._bus.publish([signals.numbered(epoch)])
        except BusUnavailable:
            self._log.warning("the bus does not answer; the instances find the epoch among what is kept", epoch=epoch.number)

    async def _settle(self) -> bool:
        """Settle what everybody has acknowledged; say whether anything is left."""
        reader = self._store.reader()
        written, epochs = await asyncio.gather(repository.instances(reader), repository.pending_epochs(reader))
        instances = [self._as_heard(each) for each in written]
        silent = self._silence.look(instances, steady_ns())
        settled = self._settled_of(epochs, instances, silent)
        if settled:
            await actions.note_in_force(reader, settled)
            await self._store.transact(_WHO, lambda tx: actions.settle(tx, settled), patience_seconds=0)
        await self._forget(instances, silent)
        return len(settled) < len(epochs)

    def _settled_of(self, epochs: Sequence[Epoch], instances: Sequence[Instance], silent: frozenset[str]) -> list[Settled]:
        now_ns = steady_ns()
        self._first_seen = {each.number: self._first_seen.get(each.number, now_ns) for each in epochs}
        settled = []
        for epoch in epochs:
            # One that is silent to us may still hear the bus, and so have applied what is older than that.
            is_old = now_ns - self._first_seen[epoch.number] > self._limit_ns
            if those_waited_for(epoch.number, instances, silent if is_old else frozenset()):
                break
            settled.append(Settled(epoch, self._in_force(epoch.number, instances)))
        return settled

    def _in_force(self, number: int, instances: Sequence[Instance]) -> InForce:
        lags = [each.acknowledged.lag_at(number) for each in instances if each.acknowledged.epoch >= number]
        return InForce(self._store.clock.now(), max(lags, default=0), len(lags))

    def _as_heard(self, instance: Instance) -> Instance:
        heard = self._heard.get(instance.id)
        return instance if heard is None else replace(instance, acknowledged=heard.merged(instance.acknowledged))

    async def _forget(self, instances: Sequence[Instance], silent: frozenset[str]) -> None:
        past = self._store.clock.now() - _FORGOTTEN_AFTER
        gone = [each.id for each in instances if each.id in silent and each.alive_at < past]
        if gone:
            await repository.forget_instances(self._store.reader(), gone)
        self._heard = {each.id: self._heard[each.id] for each in instances if each.id in self._heard}

    def _on_read(self, read: Read) -> None:
        self._expected.see(((each.id, each.sequence) for each in read.copies), time.monotonic())

    def _on_numbered(self, body: bytes) -> None:
        self._expected.see(signals.read_numbered(body).changes, time.monotonic())

    def _on_broadcast(self, copy: Copy, message: Message) -> None:
        self._expected.hear(copy, message, time.monotonic())
        self._wanted.set()

    def _on_acknowledged(self, body: bytes) -> None:
        instance_id, acknowledged = signals.read_acknowledged(body)
        self._heard[instance_id] = acknowledged.merged(self._heard.get(instance_id))
        self._wanted.set()
