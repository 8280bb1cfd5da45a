"""What Envoy itself counts, read from its administration: how many calls have ended, how many lines it has written down."""

from pathlib import Path
from typing import NamedTuple

import orjson

from chassis.calls import Answer, Call, HttpCaller, ServiceUnavailable
from services.enforcement.proxy.envoy import STAT_PREFIX

_PROXY = "proxy"
_BEGUN = f"http.{STAT_PREFIX}.downstream_rq_total"
_RUNNING = f"http.{STAT_PREFIX}.downstream_rq_active"
_LINES = "filesystem.write_buffered"
_STATS = f"/stats?filter=^({_BEGUN}|{_RUNNING}|{_LINES})$"


class Counted(NamedTuple):
    """The proxy's own counts since the run began."""

    run: str
    calls: int
    """Calls that have ended."""
    lines: int
    """Lines given to the log, written to its file or about to be."""


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
        return await self._caller.call(Call(_PROXY, path, method=method, timeout_seconds=2.0))
