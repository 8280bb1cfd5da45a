"""What can be done about examinations."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from chassis.mongo import Store, Transaction
from chassis.principal import system
from services.identity.files.domain import File
from services.identity.findings import repository
from services.identity.findings.domain import Examination, Judging
from services.identity.findings.examining import LONGEST_SECONDS, Judge, examine_file

_HOLD = timedelta(seconds=LONGEST_SECONDS + 30)
_WHO = system("identity.findings")


@dataclass(frozen=True, slots=True)
class ExaminingOffice:
    """Who examines; ``has_waiting`` wakes the worker that lets them."""

    judge: Judge
    has_waiting: asyncio.Event = field(default_factory=asyncio.Event)


async def ask_for(
    tx: Transaction, office: ExaminingOffice, file: File, thing_id: str, *, organization_id: str, audience: tuple[str, ...]
) -> None:
    """Let a file that hangs on a thing be examined, after this transaction; its verdict is announced to the audience."""
    asked = Examination(file.id, thing_id, file.sha256, organization_id, audience, due_at=tx.now)
    await repository.add(tx, asked)
    tx.after_commit(office.has_waiting.set)


async def examine_due(store: Store, examiner: Judge) -> int:
    """Examine what waits, one file after another, each outside of any transaction; return how many were tried."""
    count = 0
    while (due := await repository.claim_due(store.reader(_WHO), _HOLD)) is not None:
        await _examine(store, examiner, due.file_id)
        count += 1
    return count


async def _examine(store: Store, examiner: Judge, file_id: str) -> None:
    finding = await examine_file(store, examiner, file_id, who=_WHO)

    async def note(tx: Transaction) -> None:
        examination = await repository.find(tx, file_id)
        if examination is None or examination.judging is not Judging.WAITING:
            return  # another process was faster
        judged, fact = examination.judge(finding, tx.now)
        await repository.save(tx, judged)
        if fact is not None:
            organization = examination.organization_id
            await tx.emit(fact, subject=file_id, organization=organization, audience=examination.audience)

    await store.transact(_WHO, note)
