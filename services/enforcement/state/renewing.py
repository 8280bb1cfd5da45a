"""The snapshot is renewed while instances run, so that a start reads few copies one by one, however long they have been running.

One instance at a time does it, by a lease. Two for a moment do no harm: the head names the parts of one of them, and whoever
starts with a head whose parts are gone reads the copies.
"""

from chassis.leases import Lease
from chassis.mongo import Reader, Store
from chassis.repeating import Repeating
from services.enforcement.state import numbering, repository, snapshots
from services.enforcement.state.snapshots import Snapshot

_LOOK_SECONDS = 15.0
_LEASE_SECONDS = 60.0


class Renewing(Repeating):
    """Renews the snapshot whenever it is worth it."""

    def __init__(self, store: Store, instance_id: str) -> None:
        super().__init__("enforcement.snapshot", every_seconds=_LOOK_SECONDS)
        self._store = store
        self._lease = Lease(store, "snapshot", instance_id, seconds=_LEASE_SECONDS)

    async def look(self) -> None:
        """Renew it, if so much has changed that it is worth it."""
        if await self._lease.hold():
            await renew(self._store.reader())

    async def close(self) -> None:
        """Stop, and let another one go on at once."""
        await super().close()
        if await self._store.ping():
            await self._lease.release()


async def renew(reader: Reader) -> bool:
    """Keep what has changed since the snapshot, if it is worth it; say whether it was."""
    head = await snapshots.head_of(reader)
    epoch = None if head is None else head.epoch
    if await repository.count_after(reader, epoch) < snapshots.WORTH_IT:
        return False
    # The number is read first: what is kept by then is among the copies.
    through = await numbering.numbered_through(reader)
    later = await repository.copies_after(reader, epoch)
    if head is not None and not head.is_to_be_laid_anew:
        await snapshots.add(reader, head, Snapshot(through, later))
        return True
    former = None if head is None else await snapshots.read(reader)
    if former is not None:
        later = [*former.copies, *later]
    elif head is not None:
        later = await repository.copies_after(reader, None)
    await snapshots.write(reader, Snapshot(through, later))
    return True
