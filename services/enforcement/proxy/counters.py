"""What the proxy itself counts: how many calls have ended, how many lines it has written down."""

import asyncio
import re
import signal
from pathlib import Path
from typing import NamedTuple, Protocol

import orjson

from chassis.calls import Answer, Call, HttpCaller, ServiceUnavailable
from services.enforcement.proxy.envoy.configuration import STAT_PREFIX
from services.enforcement.proxy.nginx.generation import ask
from services.enforcement.proxy.nginx.process import tell
from services.enforcement.proxy.plane import DataPlane, NginxFiles

_PROXY = "proxy"
_BEGUN = f"http.{STAT_PREFIX}.downstream_rq_total"
_RUNNING = f"http.{STAT_PREFIX}.downstream_rq_active"
_LINES = "filesystem.write_buffered"
_STATS = f"/stats?filter=^({_BEGUN}|{_RUNNING}|{_LINES})$"
_ANSWER_SECONDS = 2.0
_NGINX_COUNTS = re.compile(
    rb"^portico-run: (\S+)\r\n.*\n \d+ \d+ (\d+) \nReading: (\d+) Writing: (\d+) ", re.DOTALL | re.MULTILINE
)


class Counted(NamedTuple):
    """The proxy's own counts since the run began."""

    run: str
    calls: int
    """Calls that have ended."""
    lines: int
    """Lines given to the log, written to its file or about to be."""


class Counters(Protocol):
    """Where the proxy tells what it has counted."""

    async def counted(self) -> Counted | None:
        """Return the counts, or None while the proxy does not answer."""
        ...

    async def reopen_logs(self) -> bool:
        """Ask the proxy to write on into a new file at the log's path; say whether it heard."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


def counters_of(plane: DataPlane) -> Counters:
    """Return where the data plane's proxy tells its counts."""
    return NginxCounters(plane.nginx) if plane.kind == "nginx" else ProxyAdmin(plane.admin_file)


class ProxyAdmin:
    """Envoy's administration, wherever Envoy says it is."""

    def __init__(self, address_file: Path) -> None:
        self._address_file = address_file
        self._address = ""
        self._caller = HttpCaller({})

    async def counted(self) -> Counted | None:
        """Return the counts, or None while Envoy does not answer."""
        try:
            server = orjson.loads((await self._ask("GET", "/server_info")).body)
            stats = (await self._ask("GET", _STATS)).body.decode()
            numbers = dict(line.split(": ", 1) for line in stats.splitlines() if ": " in line)
            ended = int(numbers.get(_BEGUN, 0)) - int(numbers.get(_RUNNING, 0))
            return Counted(str(server["node"]["id"]), max(ended, 0), int(numbers.get(_LINES, 0)))
        except (ServiceUnavailable, OSError, ValueError, KeyError):
            return None

    async def reopen_logs(self) -> bool:
        """Ask Envoy to write on into a new file at the log's path; say whether it heard."""
        try:
            return (await self._ask("POST", "/reopen_logs")).status == 200
        except (ServiceUnavailable, OSError):
            return False

    async def close(self) -> None:
        """Close the idle connections."""
        await self._caller.close()

    async def _ask(self, method: str, path: str) -> Answer:
        address = self._address_file.read_text().strip()
        if address != self._address:
            await self._caller.close()
            self._caller = HttpCaller({_PROXY: f"http://{address}"})
            self._address = address
        return await self._caller.call(Call(_PROXY, path, method=method, timeout_seconds=_ANSWER_SECONDS))


class NginxCounters:
    """nginx's ``stub_status`` on a socket of its own.

    nginx counts the questions about its counts like calls. So each question is a line in a file, and the counts hold when exactly
    one line, this question's, has come: then as many questions had ended before as there were lines before.
    """

    def __init__(self, files: NginxFiles) -> None:
        self._files = files

    async def counted(self) -> Counted | None:
        """Return the counts, or None while nginx does not answer or somebody else asks, too."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                asked_before = self._asked()
                answer = await ask(self._files)
                while self._asked() == asked_before:  # noqa: ASYNC110 - the line is written an instant after the answer
                    await asyncio.sleep(0.001)
                if self._asked() != asked_before + 1:
                    return None
        except (TimeoutError, OSError):
            return None
        found = _NGINX_COUNTS.search(answer)
        if found is None:
            return None
        begun, reading, writing = map(int, found.group(2, 3, 4))
        # nginx writes down a call in the same breath in which it counts it as ended.
        ended = max(begun - reading - writing - asked_before, 0)
        return Counted(found.group(1).decode(), ended, ended)

    def _asked(self) -> int:
        return self._files.asked_file.stat().st_size // len(".\n")

    async def reopen_logs(self) -> bool:
        """Tell nginx's first process to open its log anew; say whether there is one."""
        return tell(self._files, signal.SIGUSR1)

    async def close(self) -> None:
        """Nothing is held open."""
