"""Examining the signatures of documents: never inside a transaction, and what is found is kept with the document.

Whoever attaches a document waits a while for the finding. What takes longer, or broke off, the clerk examines later.
"""

from datetime import timedelta

from chassis.mongo import Store, Transaction
from chassis.principal import system
from chassis.repeating import Repeating
from services.identity.findings.domain import MOST_TRIES, Judging
from services.identity.findings.examining import LONGEST_SECONDS, Judge, examine_file
from services.identity.onboarding import repository

_PATIENCE_SECONDS = 15.0
_LEFT_TO_THE_REQUEST = timedelta(seconds=30)
_BATCH = 20
_PAUSE_SECONDS = 10.0
_WHO = system("onboarding")


async def judge_document(
    store: Store, examiner: Judge, request_id: str, file_id: str, *, patience_seconds: float = _PATIENCE_SECONDS
) -> None:
    """Examine one document and keep the finding; what takes longer than the patience is left to the clerk."""
    try:
        finding = await examine_file(store, examiner, file_id, who=_WHO, patience_seconds=patience_seconds)
    except TimeoutError:
        return

    async def note(tx: Transaction) -> None:
        request = await repository.find(tx, request_id)
        if request is not None:
            await repository.save(tx, request.judged(file_id, finding, most_tries=MOST_TRIES))

    await store.transact(_WHO, note)


async def judge_waiting(store: Store, examiner: Judge) -> int:
    """Examine the documents that were left waiting; return how many there were."""
    count = 0
    now = store.clock.now()
    for request in await repository.find_to_judge(store.reader(_WHO), _BATCH):
        for document in request.documents:
            if document.judging is Judging.WAITING and document.attached_at <= now - _LEFT_TO_THE_REQUEST:
                await judge_document(store, examiner, request.id, document.file_id, patience_seconds=LONGEST_SECONDS)
                count += 1
    return count


class Clerk(Repeating):
    """The worker that examines what was left waiting."""

    def __init__(self, store: Store, examiner: Judge) -> None:
        super().__init__("identity.onboarding", every_seconds=_PAUSE_SECONDS)
        self._store = store
        self._examiner = examiner

    async def look(self) -> None:
        """Examine what waits."""
        await judge_waiting(self._store, self._examiner)
