"""Examining the signatures of documents: never inside a transaction, and what is found is kept with the document.

Whoever attaches a document waits a while for the finding. What takes longer, or broke off, the clerk examines later.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from chassis.mongo import Store, Transaction
from chassis.principal import system
from chassis.repeating import Repeating
from chassis.telemetry import log
from services.identity.files import actions as files
from services.identity.files import repository as file_repository
from services.identity.onboarding import repository
from services.identity.onboarding.domain import Judging
from services.identity.onboarding.office import Judge
from services.identity.signatures.anchors import read_anchors
from services.identity.signatures.judge import judge

T = TypeVar("T")
_PATIENCE_SECONDS = 15.0
_LONGEST_SECONDS = 120.0
_MOST_TRIES = 3
_LEFT_TO_THE_REQUEST = timedelta(seconds=30)
_BATCH = 20
_PAUSE_SECONDS = 10.0
_WHO = system("onboarding")
_log = log("identity.onboarding")


def judge_of_signatures(anchors_folder: Path | None) -> Judge:
    """Return the judge of signatures, who traces them to the authorities in a folder. Raises ``AnchorsNotUsable``."""
    anchors = read_anchors(anchors_folder)

    async def examine(content: bytes, name: str, at: datetime) -> Mapping[str, Any]:
        return (await judge(content, name, anchors, at)).as_document()

    return examine


async def judge_document(
    store: Store, examiner: Judge, request_id: str, file_id: str, *, patience_seconds: float = _PATIENCE_SECONDS
) -> None:
    """Examine one document and keep the finding; what takes longer than the patience is left to the clerk."""
    try:
        finding = await _within(patience_seconds, _examine(store, examiner, file_id))
    except TimeoutError:
        if patience_seconds < _LONGEST_SECONDS:
            return
        finding = None
    except Exception:  # noqa: BLE001 - a document that cannot be examined says nothing of the request
        _log.exception("a document could not be examined", request_id=request_id, file_id=file_id)
        finding = None

    async def note(tx: Transaction) -> None:
        request = await repository.find(tx, request_id)
        if request is not None:
            await repository.save(tx, request.judged(file_id, finding, most_tries=_MOST_TRIES))

    await store.transact(_WHO, note)


async def _within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns, or raise ``TimeoutError`` in time, also where the work does not end when it is told to."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    if not done:
        raise TimeoutError
    return task.result()


async def _examine(store: Store, examiner: Judge, file_id: str) -> Mapping[str, Any] | None:
    reader = store.reader(_WHO)
    file = await file_repository.find(reader, file_id)
    if file is None:
        return None
    return await examiner(await files.read_contents(reader, file), file.name, reader.now)


async def judge_waiting(store: Store, examiner: Judge) -> int:
    """Examine the documents that were left waiting; return how many there were."""
    count = 0
    now = store.clock.now()
    for request in await repository.find_to_judge(store.reader(_WHO), _BATCH):
        for document in request.documents:
            if document.judging is Judging.WAITING and document.attached_at <= now - _LEFT_TO_THE_REQUEST:
                await judge_document(store, examiner, request.id, document.file_id, patience_seconds=_LONGEST_SECONDS)
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
