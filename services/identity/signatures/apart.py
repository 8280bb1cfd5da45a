"""Having a file judged by a program of its own, bounded in number, time and memory."""

import asyncio
import base64
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from chassis.telemetry import log

_PROGRAM = "services.identity.signatures.program"
_ENDING_SECONDS = 5.0
_MOST_ANSWER_BYTES = 512 * 1024
_log = log("identity.signatures")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much judging may take; ``seconds`` are of the clock, ``computing_seconds`` of the processor."""

    seconds: float = 30
    computing_seconds: int = 20
    memory_bytes: int = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ended:
    """How the program ended: with an answer, or with the code that says why there is none."""

    answer: bytes = b""
    code: str | None = None


async def run_apart(header: dict[str, object], content: bytes, limits: Limits) -> Ended:
    """Give a header and a file to the program and return what it answers; it is ended with this call, however that ends."""
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        _PROGRAM,
        str(limits.computing_seconds),
        str(limits.memory_bytes),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
    )
    asked = orjson.dumps(header) + b"\n" + content
    try:
        async with asyncio.timeout(limits.seconds):
            answer, said = await program.communicate(asked)
    except TimeoutError:
        return Ended(code="JUDGING_TOO_LONG")
    finally:
        await end(program)
    if program.returncode == 0 and len(answer) <= _MOST_ANSWER_BYTES:
        return Ended(answer)
    return Ended(code=_why(program.returncode, said))


def header_of(file_name: str, at: str, anchors: Sequence[bytes]) -> dict[str, object]:
    """Return what the program is told of a file: its name, the time of judging, and the authorities."""
    return {"file_name": file_name, "at": at, "anchors": [base64.b64encode(each).decode() for each in anchors]}


def _why(returned: int | None, said: bytes) -> str:
    last = said.decode(errors="replace").strip()[-2000:]
    if returned in (-signal.SIGXCPU, -signal.SIGKILL):
        return "JUDGING_TOO_LONG"
    # Running out of memory can end a program in several ways.
    if "memory" in last.lower() or "MemoryError" in last or returned in (-signal.SIGABRT, -signal.SIGSEGV):
        return "JUDGING_TOO_LARGE"
    _log.error("the program that judges signatures failed", returned=returned, said=_without_content(last))
    return "JUDGING_FAILED"


def _without_content(said: str) -> str:
    """Return the places and the kind of an error without its message, which may quote the file."""
    lines = [line.strip() for line in said.splitlines()] or [""]
    places = [line for line in lines if line.startswith("File ")]
    return " | ".join([*places[-5:], lines[-1].split(":")[0]])


async def end(program: asyncio.subprocess.Process, seconds: float = _ENDING_SECONDS) -> None:
    """Kill a program that still runs, and wait for its end, but no longer than so many seconds."""
    if program.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            program.kill()
        # Its pipes are read to their end, so that nothing of it stays behind; but for nothing that holds them open without end.
        try:
            async with asyncio.timeout(seconds):
                await program.communicate()
        except TimeoutError:
            _log.error("the program that judges signatures was killed, and its pipes stay open")


def _environment() -> dict[str, str]:
    """Return what the program is told: where the code lies, and nothing of our settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path), "PYTHONUTF8": "1"}
