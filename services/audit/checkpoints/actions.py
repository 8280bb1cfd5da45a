"""What can be done about checkpoints: fixing what the next one says, and signing that.

What is signed was committed before: whichever process signs, and however often one dies in between, there is one checkpoint of a
number, since there is one text of it.
"""

from dataclasses import replace
from datetime import datetime

from chassis.messages import to_timestamp
from chassis.mongo import DuplicateKey, Reader, Store, Transaction
from chassis.principal import system
from services.audit.checkpoints import repository
from services.audit.checkpoints.domain import MOST_HEADS, Checkpoint, is_due, next_of
from services.audit.checkpoints.signing import SigningKey

SUBJECT = "checkpoints"
_WHO = system("audit.checkpoints")


async def fix(tx: Transaction) -> Checkpoint | None:
    """Say what the next checkpoint says and return it, or None where the last one is not signed yet.

    Raises ``DuplicateKey`` where another process has just done it.
    """
    last = await repository.find_last(tx)
    if last is not None and last.signature is None:
        return None
    fixed = next_of(last, await repository.find_grown(tx), to_timestamp(tx.now))
    await repository.add(tx, fixed)
    await repository.cover(tx, fixed.heads)
    return fixed


async def sign_last(tx: Transaction, key: SigningKey) -> Checkpoint | None:
    """Sign the last checkpoint, unless it is signed, announce it, and return it. Raises ``SigningKeyMissing``."""
    last = await repository.find_last(tx)
    if last is None or last.signature is not None:
        return last
    signed_by, signature = key.sign(last.message)
    signed = replace(last, signature=signature, signed_by=signed_by)
    await repository.save_signature(tx, signed)
    await tx.emit(signed.signed(), subject=SUBJECT)
    return signed


class Notary:
    """Makes checkpoints, when they are due or when somebody asks for one. Any number of processes may have one."""

    def __init__(self, store: Store, key: SigningKey, *, every_seconds: float, at_most_entries: int) -> None:
        self._store = store
        self._key = key
        self._every_seconds = every_seconds
        self._at_most_entries = at_most_entries

    async def cover_everything(self) -> Checkpoint:
        """Cover all that is there now, if it is nothing, too; return the last checkpoint of it. Raises ``SigningKeyMissing``."""
        while True:
            await self.finish()
            fixed = await self._fix()
            await self.finish()
            # Another process's may have been fixed before what is there now.
            if fixed is not None and len(fixed.heads) < MOST_HEADS:
                return (await repository.find_after(self._store.reader(), fixed.number - 1, 1))[0]

    async def cover_what_is_due(self) -> None:
        """Make a checkpoint if it is time for one, and finish what a process that died has left. Raises ``SigningKeyMissing``."""
        await self.finish()
        if await self._is_due(self._store.reader()):
            await self.cover_everything()

    async def finish(self) -> None:
        """Sign what is fixed and not signed yet."""
        last = await repository.find_last(self._store.reader())
        if last is not None and last.signature is None:
            await self._store.transact(_WHO, lambda tx: sign_last(tx, self._key))

    async def _fix(self) -> Checkpoint | None:
        try:
            return await self._store.transact(_WHO, fix)
        except DuplicateKey:
            return None

    async def _is_due(self, reader: Reader) -> bool:
        last = await repository.find_last(reader)
        seconds = float("inf") if last is None else (reader.now - datetime.fromisoformat(last.at)).total_seconds()
        uncovered = await repository.count_uncovered(reader)
        return is_due(
            uncovered=uncovered,
            seconds=seconds,
            at_most_entries=self._at_most_entries,
            every_seconds=self._every_seconds,
        )
