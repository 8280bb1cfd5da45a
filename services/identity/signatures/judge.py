"""The judge of signed documents: bytes in, a finding out, whatever the bytes are."""

import asyncio
import weakref
from datetime import datetime

from chassis.mongo import is_in_transaction
from services.identity.signatures.anchors import Anchors
from services.identity.signatures.apart import Limits, header_of, run_apart
from services.identity.signatures.concluding import MOST_BYTES, unjudged
from services.identity.signatures.findings import Finding, moment

_AT_ONCE = 2
_LIMITS = Limits()
_places: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()


async def judge(file_bytes: bytes, file_name: str, anchors: Anchors, at: datetime, *, limits: Limits = _LIMITS) -> Finding:
    """Return what is found out about a file: its kind, its signatures, what they cover, and a verdict (``VERDICTS``).

    ``anchors`` are the authorities that are trusted, ``at`` the time of judging. A process of its own examines the file; what
    takes too long or too much memory, or makes that process fail, becomes a finding (NOT_READABLE). Nothing is raised for any
    bytes.
    """
    assert not is_in_transaction(), "no file is judged while a transaction is open"
    if not file_bytes:
        return unjudged("EMPTY_FILE", file_bytes, file_name, at)
    if len(file_bytes) > MOST_BYTES:
        return unjudged("FILE_TOO_LARGE", file_bytes, file_name, at, most=MOST_BYTES)
    header = header_of(file_name[:1000].encode(errors="replace").decode(), moment(at), anchors.certificates)
    async with _places.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)):
        ended = await run_apart(header, file_bytes, limits)
    if ended.code is not None:
        return unjudged(ended.code, file_bytes, file_name, at)
    return Finding.of_document(ended.answer)
