"""Examining the signatures of a file: never inside a transaction, and never longer than one is ready to wait."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from chassis.mongo import Store
from chassis.principal import Principal
from chassis.telemetry import log
from services.identity.files import actions as files
from services.identity.files import repository as file_repository
from services.identity.signatures.anchors import read_anchors
from services.identity.signatures.judge import judge

T = TypeVar("T")
# Examines the signatures of a file: its bytes, its name, the present moment. What comes back is plain data.
Judge = Callable[[bytes, str, datetime], Awaitable[Mapping[str, Any]]]

LONGEST_SECONDS = 120.0
_log = log("identity.findings")


def judge_of_signatures(anchors_folder: Path | None) -> Judge:
    """Return the judge of signatures, who traces them to the authorities in a folder. Raises ``AnchorsNotUsable``."""
    anchors = read_anchors(anchors_folder)

    async def examine(content: bytes, name: str, at: datetime) -> Mapping[str, Any]:
        return (await judge(content, name, anchors, at)).as_document()

    return examine


async def examine_file(
    store: Store, examiner: Judge, file_id: str, *, who: Principal, patience_seconds: float = LONGEST_SECONDS
) -> Mapping[str, Any] | None:
    """Return what is found out about a file, or None where it cannot be examined.

    Raises ``TimeoutError`` where it takes longer than the patience; not where nobody ever waits longer.
    """
    try:
        return await _within(patience_seconds, _examine(store, examiner, file_id, who))
    except TimeoutError:
        if patience_seconds < LONGEST_SECONDS:
            raise
    except Exception:  # noqa: BLE001 - a document that cannot be examined says nothing of what it hangs on
        _log.exception("a document could not be examined", file_id=file_id)
    return None


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


async def _examine(store: Store, examiner: Judge, file_id: str, who: Principal) -> Mapping[str, Any] | None:
    reader = store.reader(who)
    file = await file_repository.find(reader, file_id)
    if file is None:
        return None
    return await examiner(await files.read_contents(reader, file), file.name, reader.now)
