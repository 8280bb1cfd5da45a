"""Having a report made by a program of its own, bounded in time and memory: the event loop goes on meanwhile."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from chassis.telemetry import log
from services.recertification.report.domain import MAKING_FAILED, MAKING_TOO_LONG, SIGNING_KEY_NOT_USABLE

_PROGRAM = "services.recertification.report.program"
_KEY_NOT_USABLE = 3
_MEMORY_BYTES = 2 * 1024 * 1024 * 1024
_ENDING_SECONDS = 5.0
_log = log("recertification.report")


@dataclass(frozen=True, slots=True)
class Press:
    """What making reports takes: the certificate and key that sign them, and how long one may take."""

    certificate_file: Path | None
    key_file: Path | None
    chain_file: Path | None
    seconds: float

    @property
    def can_sign(self) -> bool:
        """Say whether there is something to sign with."""
        return self.certificate_file is not None and self.key_file is not None

    def asked(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the program is asked."""
        return {
            "told": told,
            "certificate_file": str(self.certificate_file),
            "key_file": str(self.key_file),
            "chain_files": [] if self.chain_file is None else [str(self.chain_file)],
        }


@dataclass(frozen=True, slots=True)
class Made:
    """The report, or the code of why there is none."""

    content: bytes = b""
    why: str | None = None


async def make(press: Press, told: Mapping[str, Any]) -> Made:
    """Let the program make a report; it is ended with this call, however that ends."""
    program = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        _PROGRAM,
        str(int(press.seconds) + 1),
        str(_MEMORY_BYTES),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=_environment(),
    )
    try:
        async with asyncio.timeout(press.seconds):
            content, said = await program.communicate(orjson.dumps(press.asked(told)))
    except TimeoutError:
        return Made(why=MAKING_TOO_LONG)
    finally:
        await _end(program)
    if program.returncode == 0 and content:
        return Made(content)
    if program.returncode == _KEY_NOT_USABLE:
        return Made(why=SIGNING_KEY_NOT_USABLE)
    _log.error("a report could not be made", returned=program.returncode, said=_places(said))
    return Made(why=MAKING_FAILED)


def _places(said: bytes) -> str:
    """Return the places and the kind of an error without its message, which may quote what is told."""
    lines = [line.strip() for line in said.decode(errors="replace").splitlines()] or [""]
    places = [line for line in lines if line.startswith("File ")]
    return " | ".join([*places[-5:], lines[-1].split(":")[0]])


async def _end(program: asyncio.subprocess.Process) -> None:
    if program.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            program.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_ENDING_SECONDS):
                await program.communicate()


def _environment() -> dict[str, str]:
    """Return what the program is told: where the code lies, and nothing of our settings."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    path = os.pathsep.join(each or "." for each in sys.path)
    return {**kept, "PYTHONPATH": path, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
