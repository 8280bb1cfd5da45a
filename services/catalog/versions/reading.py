"""Having a document read by a program of its own, bounded in number, time and memory."""

import asyncio
import base64
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from chassis.mongo import is_in_transaction
from chassis.telemetry import log
from services.catalog.documents.domain import REFUSALS, DocumentTooComplex, ReaderUnavailable, Trouble
from services.catalog.documents.reading import check_size

_PROGRAM = "services.catalog.versions.reader"
CLOCK = 3
"""How many seconds the clock may show for each second of computing: on a busy machine a program waits for its turn."""
_log = log("catalog.reader")


@dataclass(frozen=True, slots=True)
class Reading:
    """A document that was read: what it describes, its compressed text, and the sandbox's packed answers by operation.

    Where it was converted, ``original`` is what it was before: the compressed text and its media type.
    """

    media_type: str
    openapi_version: str
    title: str
    version: str
    warnings: tuple[str, ...]
    operations: tuple[Mapping[str, Any], ...]
    answers: Mapping[str, bytes]
    packed_text: bytes
    original: tuple[bytes, str] | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much reading may take; ``seconds`` are of computing, and ``CLOCK`` times as many of the clock."""

    max_bytes: int
    seconds: float
    memory_bytes: int
    at_once: int


class DocumentReader:
    """Starts the reading program for each document; at most ``limits.at_once`` of them run."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._places = asyncio.Semaphore(limits.at_once)

    async def read(self, text: str) -> Reading:
        """Return what a document describes.

        Raises ``DocumentNotReadable``, ``DocumentNotValid``, ``DocumentVersionNotSupported``, ``DocumentTooLarge``,
        ``DocumentTooComplex`` or ``ReaderUnavailable``.
        """
        assert not is_in_transaction(), "no document is read while a transaction is open"
        check_size(text, self._limits.max_bytes)
        async with self._places:
            outcome = await run(_PROGRAM, text.encode(), self._limits)
        if "refusal" in outcome:
            troubles = [Trouble(*each) for each in outcome["troubles"]]
            raise REFUSALS[outcome["refusal"]](outcome["message"], troubles=troubles)
        return Reading(
            media_type=outcome["media_type"],
            openapi_version=outcome["openapi_version"],
            title=outcome["title"],
            version=outcome["version"],
            warnings=tuple(outcome["warnings"]),
            operations=tuple(outcome["operations"]),
            answers={key: base64.b64decode(packed) for key, packed in outcome["answers"].items()},
            packed_text=base64.b64decode(outcome["text"]),
            original=(base64.b64decode(outcome["original"][0]), outcome["original"][1]) if outcome["original"] else None,
        )


async def run(name: str, sent: bytes, limits: Limits) -> dict[str, Any]:
    """Return what a program of ours makes of the bytes it is sent. Raises ``DocumentTooComplex`` or ``ReaderUnavailable``."""
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        name,
        str(int(limits.seconds) + 1),
        str(limits.memory_bytes),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
    )
    try:
        async with asyncio.timeout(limits.seconds * CLOCK):
            answer, said = await program.communicate(sent)
    except TimeoutError as error:
        raise DocumentTooComplex(f"Reading the document takes longer than {limits.seconds * CLOCK:g} seconds.") from error
    finally:
        await _end(program)
    if program.returncode == 0:
        outcome: dict[str, Any] = orjson.loads(answer)
        return outcome
    return _failed(program.returncode, said)


def _failed(returned: int | None, said: bytes) -> dict[str, Any]:
    last = said.decode(errors="replace").strip()[-2000:]
    # The kernel ends a program that computes too long; running out of memory can end it in several ways.
    if returned in (-signal.SIGXCPU, -signal.SIGKILL) or "memory" in last.lower() or "MemoryError" in last:
        raise DocumentTooComplex
    _log.error("the program that reads documents failed", returned=returned, said=last)
    raise ReaderUnavailable


async def _end(program: asyncio.subprocess.Process) -> None:
    if program.returncode is None:
        program.kill()
        # Its pipes are read to their end, so that nothing of it stays behind.
        await program.communicate()


def _environment() -> dict[str, str]:
    """Return what the program is told: where the code lies, and nothing of our settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path), "PYTHONUTF8": "1"}
