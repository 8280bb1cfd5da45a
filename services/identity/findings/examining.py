"""Examining the signatures of a file: never inside a transaction, and never longer than one is ready to wait."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from chassis.mongo import Store
from chassis.principal import Principal
from chassis.tasks import bounded
from chassis.telemetry import log
from services.identity.files import actions as files
from services.identity.files import repository as file_repository
from services.identity.signatures.anchors import read_anchors
from services.identity.signatures.judge import judge

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
        return await bounded(_examine(store, examiner, file_id, who), patience_seconds)
    except TimeoutError:
        if patience_seconds < LONGEST_SECONDS:
            raise
    except Exception:  # noqa: BLE001 - a document that cannot be examined says nothing of what it hangs on
        _log.exception("a document could not be examined", file_id=file_id)
    return None


async def _examine(store: Store, examiner: Judge, file_id: str, who: Principal) -> Mapping[str, Any] | None:
    reader = store.reader(who)
    file = await file_repository.find(reader, file_id)
    if file is None:
        return None
    return await examiner(await files.read_contents(reader, file), file.name, reader.now)
