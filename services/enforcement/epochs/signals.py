"""What instances say to one another over the bus: best effort, and never more than a hint to look sooner."""

from collections.abc import Iterable
from typing import NamedTuple

import orjson

from chassis.bus import Message
from chassis.ids import new_id
from services.enforcement.epochs.domain import Acknowledgement, Epoch

NUMBERED = "signals.enforcement.epoch_numbered"
ACKNOWLEDGED = "signals.enforcement.epoch_acknowledged"
_BEAT = "signals.enforcement.beat."


class Numbered(NamedTuple):
    """An epoch and what belongs to it: ids with the sequence of the announcement."""

    number: int
    changes: list[tuple[str, int]]


def beat_key(instance_id: str) -> str:
    """Return the key under which an instance hears itself, and nobody else does."""
    return _BEAT + instance_id


def beat(instance_id: str, sent_ns: int) -> Message:
    """Return a beat that is sent at a moment of the sender's own clock."""
    return Message(new_id("sig"), beat_key(instance_id), orjson.dumps(sent_ns))


def read_beat(body: bytes) -> int:
    """Return when a beat was sent."""
    return int(orjson.loads(body))


def numbered(epoch: Epoch) -> Message:
    """Return the signal that an epoch has its number."""
    changes = [(each.id, each.sequence) for each in epoch.changes]
    return Message(new_id("sig"), NUMBERED, orjson.dumps([epoch.number, changes]))


def read_numbered(body: bytes) -> Numbered:
    """Return the epoch that has its number."""
    number, changes = orjson.loads(body)
    return Numbered(int(number), [(str(key), int(sequence)) for key, sequence in changes])


def acknowledged(instance_id: str, acknowledgement: Acknowledgement) -> Message:
    """Return the signal of how far an instance is."""
    lags: Iterable[tuple[int, int]] = acknowledgement.lags.items()
    return Message(new_id("sig"), ACKNOWLEDGED, orjson.dumps([instance_id, acknowledgement.epoch, list(lags)]))


def read_acknowledged(body: bytes) -> tuple[str, Acknowledgement]:
    """Return which instance is how far."""
    instance_id, epoch, lags = orjson.loads(body)
    return str(instance_id), Acknowledgement(int(epoch), {int(number): int(lag) for number, lag in lags})
