"""Programs that run beside the platform's own process: the embedded database and the data plane's proxy.

A child never outlives the platform: it is asked to stop and, when it does not, killed; should the platform itself be killed, the
kernel asks the child to stop. A child that dies by itself is reported in one sentence and started again; one that keeps dying
ends the platform.
"""

import asyncio
import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from chassis.tasks import end_task
from portico.trouble import Trouble, sentence_of

# Run by a bare interpreter before the program: asks the kernel for SIGTERM at the parent's death (1 is PR_SET_PDEATHSIG), makes
# sure that the parent has not died meanwhile, and becomes the program.
_LEASH = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(signal.SIGTERM))
    if os.getppid() != int(sys.argv[1]):
        sys.exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""
_LOG_LIMIT_BYTES = 20 * 2**20
_LOOK_SECONDS = 0.02
_KNOCK_AFTER_SECONDS = 0.2
_WATCH_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Program:
    """What to start: the command (an absolute path first), where its output goes, and the line that says it is ready.

    ``knock_at`` is a port of this machine: a program that waits there for the next connection notices only then that it was
    asked to stop.
    """

    name: str
    command: tuple[str, ...]
    log: Path
    ready: re.Pattern[str] | None = None
    lock: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    knock_at: int | None = None


class Child:
    """One running program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def pid(self) -> int:
        """Return the process id."""
        assert self._process is not None, "the child has not been started"
        return self._process.pid

    def start(self) -> None:
        """Start the program in a session of its own (Ctrl-C in the terminal is the platform's to handle)."""
        program = self.program
        with _open_log(program.log) as output, _held(program) as lock:
            self._log_start = output.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid()), *program.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **program.environment},
                start_new_session=True,
                pass_fds=() if lock is None else (lock.fileno(),),
            )

    def exit_code(self) -> int | None:
        """Return how the program ended, or None while it runs."""
        return None if self._process is None else self._process.poll()

    def output(self) -> str:
        """Return what the program has written since it was started."""
        with self.program.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    async def wait_ready(self, timeout_seconds: float = 30.0) -> re.Match[str] | None:
        """Wait for the program's line of readiness and return its match. Raises ``Trouble``."""
        give_up_at = time.monotonic() + timeout_seconds
        while self.program.ready is not None:
            if found := self.program.ready.search(self.output()):
                return found
            if self.exit_code() is not None:
                raise Trouble(f"{self.death_sentence()} The end of {self.program.log} says why: {self.last_words()}")
            if time.monotonic() > give_up_at:
                raise Trouble(
                    f"The {self.program.name} was not ready after {timeout_seconds:.0f} seconds: "
                    f"see {self.program.log}, and try again on a less busy machine."
                )
            await asyncio.sleep(_LOOK_SECONDS)
        return None

    def death_sentence(self) -> str:
        """Say in one sentence how the program ended."""
        code = self.exit_code()
        how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        return f"The {self.program.name} (process {self.pid}) ended by itself with {how}."

    def last_words(self) -> str:
        """Return the last line of the program's output."""
        lines = self.output().strip().splitlines()
        return lines[-1].strip() if lines else "nothing was written"

    async def stop(self, grace_seconds: float = 8.0) -> None:
        """Ask the program to stop, wait for it within bounds, and kill it when it does not."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        knock_at, has_knocked = time.monotonic() + _KNOCK_AFTER_SECONDS, self.program.knock_at is None
        give_up_at = time.monotonic() + grace_seconds
        while process.poll() is None and time.monotonic() < give_up_at:
            await asyncio.sleep(_LOOK_SECONDS)
            if not has_knocked and time.monotonic() > knock_at:
                has_knocked = True
                await _knock(self.program.knock_at)
        if process.poll() is None:
            process.kill()
            await asyncio.to_thread(process.wait)


async def _knock(port: int | None) -> None:
    """Connect to a port of this machine and hang up; nobody has to be there."""
    if port is None:
        return
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()


def _open_log(path: Path) -> IO[bytes]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES:
            path.replace(path.with_suffix(".former.log"))
        log = path.open("ab")
        log.seek(0, os.SEEK_END)
    except OSError as error:
        raise Trouble(sentence_of(error, path.parent)) from error
    return log


@contextlib.contextmanager
def _held(program: Program) -> Iterator[IO[bytes] | None]:
    """Lock the program's file; the child inherits the lock and holds it until it ends, however it ends."""
    if program.lock is None:
        yield None
        return
    program.lock.parent.mkdir(parents=True, exist_ok=True)
    with program.lock.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file


async def wait_until_free(lock: Path, name: str, timeout_seconds: float = 15.0) -> None:
    """Wait until a former child has ended: it holds the lock for as long as it lives. Raises ``Trouble``."""
    if not lock.exists():
        return
    give_up_at = time.monotonic() + timeout_seconds
    with lock.open("ab") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > give_up_at:
                    raise Trouble(
                        f"The {name} of a former run has not ended after {timeout_seconds:.0f} seconds: "
                        f"end the process that holds {lock} (fuser {lock} names it), then start again."
                    ) from None
                await asyncio.sleep(0.05)
            else:
                return


class Keeper:
    """Watches over children: one that dies is reported and started again; one that keeps dying ends the platform."""

    def __init__(self, report: Callable[[str], None], *, deaths_allowed: int = 3, within_seconds: float = 60.0) -> None:
        self._report = report
        self._deaths_allowed = deaths_allowed
        self._within_seconds = within_seconds
        self._watching: dict[Child, asyncio.Task[None]] = {}
        self.gave_up: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def watch(self, child: Child) -> None:
        """Watch over a child that has been started."""
        self._watching[child] = asyncio.create_task(self._watch(child), name=f"watch the {child.program.name}")

    async def end(self, child: Child, grace_seconds: float = 8.0) -> None:
        """Stop watching over a child, then stop it."""
        watching = self._watching.pop(child, None)
        if watching is not None:
            await end_task(watching)
        await child.stop(grace_seconds)

    async def _watch(self, child: Child) -> None:
        deaths: list[float] = []
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            if child.exit_code() is None:
                continue
            now = time.monotonic()
            deaths = [each for each in deaths if now - each < self._within_seconds] + [now]
            sentence = child.death_sentence()
            if len(deaths) > self._deaths_allowed:
                self._give_up(f"{sentence} It keeps doing so; {child.program.log} says why: {child.last_words()}")
                return
            self._report(f"{sentence} It is started again.")
            try:
                child.start()
                await child.wait_ready()
            except (OSError, Trouble) as error:
                self._report(str(error))

    def _give_up(self, sentence: str) -> None:
        if not self.gave_up.done():
            self.gave_up.set_result(sentence)
