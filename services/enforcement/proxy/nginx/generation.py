"""Whether nginx has taken over what was written for it: one that cannot read it goes on by what it had, and says so to nobody.

What is written names its generation, and nginx tells on its socket by which one it goes. Where that stays another one, somebody
has to be told; and since what was in the way may have gone, nginx is told to read again.
"""

import asyncio
import re
import signal
import time
from collections.abc import Callable

from prometheus_client import Gauge

from chassis.repeating import Repeating
from services.enforcement.proxy.nginx.process import tell
from services.enforcement.proxy.plane import NginxFiles

GENERATION_HEADER = "portico-generation"
LOOK_SECONDS = 1.0
REFUSED_AFTER_SECONDS = 3.0  # nginx asks its former workers to end a tenth of a second after it has read
AGAIN_SECONDS = 10.0
_ANSWER_SECONDS = 2.0
_WRITTEN = re.compile(rb'map "" \$portico_generation \{ default "(\w+)"; \}')
_TOLD = re.compile(rb"^portico-generation: (\w+)\r$", re.MULTILINE)

CURRENT = Gauge(
    "portico_nginx_is_current", "Whether nginx goes by what was written for it last, as far as is known: 0 where it was refused"
)


def line(generation: str) -> str:
    """Return what names a generation in nginx's configuration."""
    return f'map "" $portico_generation {{ default "{generation}"; }}'


async def ask(files: NginxFiles) -> bytes:
    """Return everything that nginx tells of itself, head and counts. Raises ``OSError``."""
    reader, writer = await asyncio.open_unix_connection(files.counts_socket)
    try:
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        return await reader.read()
    finally:
        writer.close()


class TakingOver(Repeating):
    """Looks whether nginx goes by what was written last; complains where it does not, and has it read again."""

    def __init__(self, files: NginxFiles, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__("enforcement.nginx", every_seconds=LOOK_SECONDS)
        self._files = files
        self._clock = clock
        self._taken: bytes | None = None
        self._expected: bytes | None = None
        self._since = self._tried_at = 0.0
        self.is_refused = False
        CURRENT.set(1)

    async def look(self) -> None:
        """Look once; nginx is asked only while it is not known to be right."""
        written = _WRITTEN.search(self._files.upstreams_file.read_bytes())
        if written is None or written.group(1) == self._taken:
            return
        wanted = written.group(1)
        if wanted != self._expected:
            self._expected, self._since = wanted, self._clock()
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                told = _TOLD.search(await ask(self._files))
        except (TimeoutError, OSError):
            self._since = self._clock()  # it does not run, and will read what is there when it starts
            return
        if told is not None and told.group(1) == wanted:
            self._take(wanted)
        elif self._clock() - self._since >= REFUSED_AFTER_SECONDS:
            self._complain(wanted)

    def _take(self, generation: bytes) -> None:
        self._taken = generation
        if self.is_refused:
            self.is_refused = False
            CURRENT.set(1)
            self._log.info("nginx has taken over its upstreams", generation=generation.decode())

    def _complain(self, wanted: bytes) -> None:
        if not self.is_refused:
            self.is_refused = True
            CURRENT.set(0)
            self._log.error(
                "nginx has not taken over its upstreams and goes on by the former ones; it has said why on its standard error",
                generation=wanted.decode(),
                path=str(self._files.upstreams_file),
            )
        elif self._clock() - self._tried_at < AGAIN_SECONDS:
            return
        self._tried_at = self._clock()
        tell(self._files, signal.SIGHUP)
