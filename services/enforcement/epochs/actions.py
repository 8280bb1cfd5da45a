"""What is done about epochs: changes get their number, and it is kept and announced that they are in force."""

from collections.abc import Sequence
from typing import NamedTuple

from chassis.mongo import Fact, Reader, Transaction
from services.enforcement.epochs import repository
from services.enforcement.epochs.domain import Epoch
from services.enforcement.events import ChangeApplied, Changed
from services.enforcement.state import numbering
from services.enforcement.state.copies import LIFE
from services.enforcement.state.numbering import Change, InForce


class Settled(NamedTuple):
    """An epoch that is in force, and since when."""

    epoch: Epoch
    since: InForce


async def number(reader: Reader) -> Epoch | None:
    """Give the next number to all changes that have none; return the epoch that they make up, or None where there are none.

    The order makes a sudden end harmless: a number that is taken for nothing is skipped; changes that an epoch names without
    having got its number belong to the next one, too.
    """
    changes = await numbering.without_number(reader)
    if not changes:
        return None
    epoch = Epoch(await numbering.next_number(reader), reader.now, tuple(changes))
    await repository.add_epoch(reader, epoch)
    await numbering.number(reader, epoch.number, changes)
    return epoch


async def note_in_force(reader: Reader, settled: Sequence[Settled]) -> None:
    """Keep with the copies since when they are in force: before that is announced, so that nothing is left out."""
    await numbering.note_in_force(reader, [(epoch.number, epoch.changes, since) for epoch, since in settled])


async def settle(tx: Transaction, settled: Sequence[Settled]) -> None:
    """Keep and announce that epochs are in force, but for those of which another one has done so."""
    still = {each.number for each in await repository.pending_epochs(tx, [each.epoch.number for each in settled])}
    those = [each for each in settled if each.epoch.number in still]
    await repository.settle(tx, [(epoch.number, since) for epoch, since in those])
    # What is only said again has been in force all along.
    await tx.emit_many(
        [_fact(epoch.number, change, since) for epoch, since in those for change in epoch.changes if not change.is_republished]
    )


def _fact(epoch: int, change: Change, since: InForce) -> Fact:
    # Where a version stands in its life is kept beside the version, and is the version's all the same.
    thing = change.id.removeprefix(f"{LIFE}:")
    event = ChangeApplied(
        changed=Changed(kind=change.kind, id=thing),
        sequence=change.sequence,
        epoch=epoch,
        applied_at=since.at,
        worst_lag_ms=since.worst_lag_ms,
        instances=since.instances,
    )
    return Fact(event, thing, audience=change.audience)
