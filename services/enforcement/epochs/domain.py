"""What is true of changes in force: who has acknowledged which epoch, and when nobody can go by the former state any more.

A change is in force once every instance that can still let calls through has acknowledged its epoch. An instance that has been
silent for longer than it stays fresh lets nothing through that was allowed before: it does not hold up what is older than that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chassis.errors import Unavailable
from services.enforcement.state.numbering import Change

REMEMBERED = 64
"""Of how many of its last epochs an instance says how late it was."""


class EnforcementNotFresh(Unavailable):
    """The check has not heard of changes lately, so it lets nothing through; try again shortly."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """Changes that were numbered together."""

    number: int
    at: datetime
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Up to which epoch an instance has applied everything, and how late it was with the last ones, in milliseconds."""

    epoch: int = 0
    lags: Mapping[int, int] = field(default_factory=dict)

    def merged(self, other: "Acknowledgement | None") -> "Acknowledgement":
        """Return what both together say of one instance."""
        if other is None:
            return self
        lags = {**other.lags, **self.lags}
        latest = sorted(lags)[-REMEMBERED:]
        return Acknowledgement(max(self.epoch, other.epoch), {number: lags[number] for number in latest})

    def lag_at(self, epoch: int) -> int:
        """Return how late it was with an epoch; where that is not remembered, the worst of what is."""
        lag = self.lags.get(epoch)
        return max(self.lags.values(), default=0) if lag is None else lag

    def worst_lag_ms(self) -> int:
        """Return how late it was at worst, of what is remembered."""
        return max(self.lags.values(), default=0)


@dataclass(frozen=True, slots=True)
class Instance:
    """One process that decides about calls, as the others know it."""

    id: str
    host: str
    started_at: datetime
    alive_at: datetime
    beats: int
    is_fresh: bool
    acknowledged: Acknowledgement


class Silence:
    """Since when instances are silent, by the clock of whoever watches them: no two clocks are compared."""

    def __init__(self, limit_ns: int) -> None:
        self._limit_ns = limit_ns
        self._last: dict[str, tuple[int, int]] = {}

    def look(self, instances: Iterable[Instance], now_ns: int) -> frozenset[str]:
        """Take in what the instances have written, and return the ids of those that have been silent for too long."""
        self._last = {each.id: self._seen(each, now_ns) for each in instances}
        return frozenset(key for key, (_, since_ns) in self._last.items() if now_ns - since_ns > self._limit_ns)

    def _seen(self, instance: Instance, now_ns: int) -> tuple[int, int]:
        last = self._last.get(instance.id)
        return last if last is not None and last[0] == instance.beats else (instance.beats, now_ns)


def those_waited_for(number: int, instances: Iterable[Instance], excused: frozenset[str]) -> list[str]:
    """Return the ids of the instances that have not acknowledged an epoch, but for those that are excused."""
    return [each.id for each in instances if each.acknowledged.epoch < number and each.id not in excused]
