"""What programs have computed, as the kernel counts it, and how they are started and ended."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

_PATIENCE_SECONDS = 60.0


def computed_ns(pid: int) -> int:
    """Return for how long all threads of a process have been running on a core."""
    # The file has the nanoseconds of one thread; /proc/<pid>/stat counts in hundredths of a second.
    total = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += int((thread / "schedstat").read_text(encoding="ascii").split()[0])
    return total


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    parents: dict[int, int] = {}
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The name of a program stands in brackets and may hold anything.
            parents[int(each.name)] = int((each / "stat").read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for each_pid in found:
        found += [child for child, parent in parents.items() if parent == each_pid]
    return found


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


async def until_open(port: int) -> None:
    """Wait until something listens on a port. Raises ``TimeoutError``."""
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"nothing listens on port {port}") from None
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return


@asynccontextmanager
async def running(
    command: Sequence[str], log: Path, *, stdout: Path | None = None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[int]:
    """Run a program, with what it says in a file; yield its process id, and stop it in the end."""
    with log.open("ab") as said, (stdout or log).open("ab") as written:
        program = await asyncio.create_subprocess_exec(
            *command,
            stdout=written,
            stderr=said,
            stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, **(environment or {})},
        )
    try:
        yield program.pid
    finally:
        if program.returncode is None:
            program.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(20):
                await program.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(program.pid, signal.SIGKILL)
            await program.wait()
