"""An instance's own part: it says that it lives, hears itself, and acknowledges the epochs that it has applied."""

import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from chassis.bus import Bus, BusUnavailable
from chassis.clock import steady_ns
from chassis.mongo import Store
from chassis.repeating import Repeating
from services.enforcement.epochs import repository, signals
from services.enforcement.epochs.domain import Acknowledgement, Instance
from services.enforcement.epochs.freshness import BEAT_SECONDS, FRESH, Freshness
from services.enforcement.state.copies import Copy
from services.enforcement.state.feed import Feed, Read
from services.enforcement.state.world import World

_MOST_AHEAD = 1_000
_DIARY_SECONDS = 120.0


class Diary:
    """How late each change was applied here: kept until its epoch is acknowledged, and no longer than two minutes."""

    def __init__(self) -> None:
        self._lags: dict[str, tuple[int, float]] = {}

    def note(self, copy: Copy, now: datetime, steady: float) -> None:
        """Note that a change is applied at a moment."""
        if copy.announced_at is not None:
            lag_ms = max(int((now - copy.announced_at).total_seconds() * 1000), 0)
            self._lags[copy.id] = (lag_ms, steady)

    def lag_of(self, copy_id: str) -> int:
        """Return how late the last change of a thing was applied, in milliseconds; 0 where that is not known."""
        return self._lags.get(copy_id, (0, 0.0))[0]

    def tidy(self, steady: float) -> None:
        """Forget what is long past."""
        self._lags = {key: noted for key, noted in self._lags.items() if steady - noted[1] < _DIARY_SECONDS}


class Beating(Repeating):
    """Sends this instance's beat every second: to itself, by the way that changes come."""

    def __init__(self, instance_id: str, bus: Bus) -> None:
        super().__init__("enforcement.beat", every_seconds=BEAT_SECONDS)
        self._instance_id = instance_id
        self._bus = bus
        self._is_heard = True

    async def look(self) -> None:
        """Send one beat; one that cannot be sent is not sent later. What is so for long is said once."""
        try:
            await self._bus.publish([signals.beat(self._instance_id, steady_ns())])
        except BusUnavailable as error:
            if self._is_heard:
                self._log.warning("the bus does not answer; the state in memory grows old", reason=error.message)
            self._is_heard = False
        else:
            self._is_heard = True


class Following(Repeating):
    """Acknowledges epochs in their order, as soon as each of their changes is applied here."""

    def __init__(self, instance_id: str, bus: Bus, feed: Feed, *, world: World, freshness: Freshness) -> None:
        super().__init__("enforcement.epochs", every_seconds=BEAT_SECONDS)
        self._instance_id = instance_id
        self._bus = bus
        self._feed = feed
        self._world = world
        self._freshness = freshness
        self._diary = Diary()
        self._ahead: dict[int, signals.Numbered] = {}
        self._told = Acknowledgement()
        self.acknowledged = Acknowledgement()
        feed.when_news(lambda copy: self._diary.note(copy, feed.now(), time.monotonic()))
        feed.when_read(self._on_read)
        feed.read_if(lambda last: last > self.acknowledged.epoch)
        feed.hear_signals(signals.NUMBERED, self._on_numbered)
        feed.hear_signals(signals.beat_key(instance_id), self._on_beat)

    async def look(self) -> None:
        """Acknowledge what is applied; read what is kept where something is missing."""
        if not self._feed.is_loaded:
            return
        self._advance()
        if self._ahead or self._freshness.wants_reading:
            # What is numbered is kept: whatever has not come by the broadcast is found there.
            await self._feed.read_again()
        self._diary.tidy(time.monotonic())
        FRESH.set(self._freshness.is_fresh(steady_ns()))
        if self.acknowledged.epoch != self._told.epoch:
            await self._tell(self.acknowledged)

    async def _tell(self, acknowledged: Acknowledgement) -> None:
        lags = {number: lag for number, lag in acknowledged.lags.items() if number > self._told.epoch}
        try:
            await self._bus.publish([signals.acknowledged(self._instance_id, replace(acknowledged, lags=lags))])
        except BusUnavailable:
            return  # it stands in the instance's document within a second
        self._told = acknowledged

    def _on_beat(self, body: bytes) -> None:
        self._freshness.hear(signals.read_beat(body), steady_ns(), self._feed.gaps)
        if self._freshness.wants_reading:
            self._wanted.set()

    def _on_numbered(self, body: bytes) -> None:
        numbered = signals.read_numbered(body)
        if numbered.number > self.acknowledged.epoch and len(self._ahead) < _MOST_AHEAD:
            self._ahead[numbered.number] = numbered
        self._wanted.set()

    def _advance(self) -> None:
        while (numbered := self._ahead.get(self.acknowledged.epoch + 1)) is not None:
            if not all(self._world.knows(key, sequence) for key, sequence in numbered.changes):
                return
            self._reach(numbered.number, {numbered.number: self._worst_of(key for key, _ in numbered.changes)})

    def _on_read(self, read: Read) -> None:
        self._freshness.read(read.began_ns)
        lags: dict[int, int] = {}
        for copy in read.copies:
            if copy.epoch is not None and copy.epoch > self.acknowledged.epoch:
                lags[copy.epoch] = max(lags.get(copy.epoch, 0), self._diary.lag_of(copy.id))
        if read.through > self.acknowledged.epoch:
            self._reach(read.through, {number: lag for number, lag in lags.items() if number <= read.through})
            self._wanted.set()

    def _reach(self, epoch: int, lags: dict[int, int]) -> None:
        self.acknowledged = Acknowledgement(epoch, lags).merged(self.acknowledged)
        self._feed.applied_through(epoch)
        self._ahead = {number: each for number, each in self._ahead.items() if number > epoch}

    def _worst_of(self, copy_ids: Iterable[str]) -> int:
        return max((self._diary.lag_of(each) for each in copy_ids), default=0)


class Presence(Repeating):
    """Writes down every second that this instance lives and how far it is; the first time before anything is loaded."""

    def __init__(self, store: Store, instance_id: str, *, host: str, following: Following, freshness: Freshness) -> None:
        super().__init__("enforcement.presence", every_seconds=BEAT_SECONDS)
        self._store = store
        self._following = following
        self._freshness = freshness
        now = store.clock.now()
        self.instance = Instance(instance_id, host, now, now, 0, is_fresh=False, acknowledged=Acknowledgement())

    async def start(self) -> None:
        """Be counted among the instances from now on: whatever is not loaded yet is waited for."""
        await self.look()
        await super().start()

    async def look(self) -> None:
        """Write it down once more."""
        self.instance = replace(
            self.instance,
            alive_at=self._store.clock.now(),
            beats=self.instance.beats + 1,
            is_fresh=self._freshness.is_fresh(steady_ns()),
            acknowledged=self._following.acknowledged,
        )
        await repository.keep_instance(self._store.reader(), self.instance.id, repository.fields_of(self.instance))

    async def close(self) -> None:
        """Be counted no more: nothing is decided here any longer."""
        await super().close()
        if await self._store.ping():
            await repository.forget_instances(self._store.reader(), [self.instance.id])
