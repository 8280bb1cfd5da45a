"""What is done about epochs, each in a transaction: changes get their number, and it is announced that they are in force."""

from collections.abc import Sequence
from typing import NamedTuple

from chassis.mongo import Transaction
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


async def number(tx: Transaction) -> Epoch | None:
    """Give the next number to all changes that have none; return the epoch that they make up, or None where there are none."""
    taken = await numbering.take(tx)
    if taken is None:
        return None
    epoch = Epoch(taken[0], tx.now, tuple(taken[1]))
    await repository.add_epoch(tx, epoch)
    return epoch


async def settle(tx: Transaction, settled: Sequence[Settled]) -> None:
    """Keep and announce that epochs are in force, but for those of which another one has done so."""
    still = {each.number for each in await repository.pending_epochs(tx, [each.epoch.number for each in settled])}
    for epoch, since in settled:
        if epoch.number not in still:
            continue
        await repository.settle(tx, epoch.number, since)
        await numbering.note_in_force(tx, epoch.number, since)
        for change in epoch.changes:
            # What is only said again has been in force all along.
            if not change.is_republished:
                await _announce(tx, epoch.number, change, since)


async def _announce(tx: Transaction, epoch: int, change: Change, since: InForce) -> None:
    # Where a version stands in its life is kept beside the version, and is the version's all the same.
    thing = change.id.removeprefix(f"{LIFE}:")
    fact = ChangeApplied(
        changed=Changed(kind=change.kind, id=thing),
        sequence=change.sequence,
        epoch=epoch,
        applied_at=since.at,
        worst_lag_ms=since.worst_lag_ms,
        instances=since.instances,
    )
    await tx.emit(fact, subject=thing, audience=change.audience)
