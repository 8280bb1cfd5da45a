"""What is exported: checkpoint by checkpoint, each behind the entries that it covers, so that nobody who reads it holds much."""

from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice

from chassis.errors import NotFound
from chassis.messages import to_timestamp
from chassis.mongo import Store
from services.audit.checkpoints import repository as checkpoints
from services.audit.checkpoints.actions import Notary
from services.audit.checkpoints.domain import Checkpoint
from services.audit.checkpoints.signing import SigningKey
from services.audit.exports import repository
from services.audit.exports.domain import checkpoint_line, closing, closing_line, closing_message, export_line, row_line

_ENTRIES_AT_ONCE = 1000
_CHECKPOINTS_AT_ONCE = 20


class NothingRecorded(NotFound):
    """Nothing is recorded of this organization."""


class Exporter:
    """Writes the audit trail, of everything or of one organization, signed to its end."""

    def __init__(self, store: Store, notary: Notary, key: SigningKey) -> None:
        self._store = store
        self._notary = notary
        self._key = key

    async def count(self, organization_id: str | None) -> int:
        """Return how many entries there are to write. Raises ``NothingRecorded``."""
        found = await repository.count_entries(self._store.reader(), organization_id)
        if organization_id is not None and not found:
            raise NothingRecorded
        return found

    async def lines(self, organization_id: str | None = None) -> AsyncIterator[bytes]:
        """Yield the lines of an export that covers all that is there now. Raises ``SigningKeyMissing``."""
        last = await self._notary.cover_everything()
        reader = self._store.reader()
        at = to_timestamp(reader.now)
        first_line = export_line(organization_id, at)
        yield first_line
        entries = 0
        ends: dict[str, int] = {}
        async for checkpoint in self._checkpoints(last.number):
            ids = _covered(checkpoint, ends, organization_id)
            while some := list(islice(ids, _ENTRIES_AT_ONCE)):
                for row in await repository.find_rows(reader, some):
                    yield row_line(row)
                    entries += 1
            yield checkpoint_line(checkpoint)
        for row in await repository.find_extra(reader, organization_id):
            yield row_line(row)
            entries += 1
        content = closing(first_line, at=at, checkpoint=last.number, entries=entries)
        yield closing_line(content, *self._key.sign(closing_message(content)))

    async def _checkpoints(self, last: int) -> AsyncIterator[Checkpoint]:
        number = 0
        while number < last:
            several = await checkpoints.find_after(self._store.reader(), number, _CHECKPOINTS_AT_ONCE)
            for each in several:
                if each.number <= last:
                    yield each
            number = several[-1].number if several else last


def _covered(checkpoint: Checkpoint, ends: dict[str, int], organization_id: str | None) -> Iterator[str]:
    """Yield the ids of the entries that a checkpoint covers, by chain and number; ``ends`` are moved on."""
    heads: Iterable[tuple[str, int]] = ((each.chain, each.number) for each in checkpoint.heads)
    for chain, number in heads:
        if organization_id in (None, chain):
            for each in range(ends.get(chain, 0) + 1, number + 1):
                yield f"{chain}:{each}"
            ends[chain] = number
