"""How the shipper is put together: a part of its own, beside a proxy, in a process that checks nothing.

It needs the folder that it shares with the proxy, and a bus. Nobody else may announce that log, so it holds a lock in the folder
for as long as it lives; one that is started early waits for the one before it.
"""

import asyncio
import fcntl
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from starlette.types import ASGIApp

from chassis.bus import Bus
from chassis.clock import Clock
from chassis.telemetry import log
from chassis.web import service_app
from services.enforcement.calls.ledger import LedgerFile
from services.enforcement.calls.shipper import Announces, Log, Rotation, Shipper
from services.enforcement.calls.standing import Standing
from services.enforcement.calls.tail import Tail
from services.enforcement.proxy.counters import counters_of
from services.enforcement.proxy.plane import DataPlane, Kind

_LOOK_SECONDS = 0.1
_log = log("enforcement.shipper")


@dataclass(frozen=True, slots=True)
class Shipped:
    """The folder that is shared with the proxy, which proxy it is, and how large its log grows."""

    folder: Path
    kind: Kind
    log_bytes: int


def standing(folder: Path) -> Standing:
    """Return how far the announcing of the proxy's log has come, for whoever shares the proxy's folder."""
    return Standing(folder / "announced.moment")


def shipper(shipped: Shipped, bus: Announces, clock: Clock) -> Shipper:
    """Return the shipper of the proxy's log."""
    plane = DataPlane(shipped.folder, "", "", "", "", kind=shipped.kind)  # of it the files alone matter here
    ledger = LedgerFile(plane.folder / "announced.ledger")
    source = Log(Tail(plane.log_file), ledger, counters_of(plane), standing(plane.folder))
    return Shipper(source, bus, clock, Rotation(source, plane.log_file, shipped.log_bytes))


class Shipping:
    """The shipper as a part that is started by itself, with its health and its numbers."""

    name = "shipper"

    def __init__(self, shipped: Shipped, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._folder = shipped.folder
        self._standing = standing(shipped.folder)
        self._shipper = shipper(shipped, bus, clock)
        self._lock: IO[bytes] | None = None
        self.app: ASGIApp = service_app(self.name, [], self.ready)

    async def declare(self) -> None:
        """Nothing is declared: the queues are those of the services that hear of calls."""

    async def start(self) -> None:
        """Begin where the last one stopped, once that has ended."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = await _held(self._folder / "shipper.lock")
        self._standing.show()
        await self._shipper.start()

    async def close(self) -> None:
        """Announce what the log holds now, within bounds, and let another one have the log."""
        await self._shipper.close()
        if self._lock is not None:
            self._lock.close()

    async def ready(self) -> dict[str, bool]:
        """Say of the bus whether it is there, of the shipper whether it runs, and of the log whether all of it is announced."""
        return {
            "bus": self._bus.is_connected,
            "shipper": self._shipper.is_running,
            "log": await self._standing.is_kept_up(),
        }


async def _held(path: Path) -> IO[bytes]:
    """Return the lock file once it is ours; the kernel gives it back however this process ends."""
    file = path.open("ab")
    is_told = False
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not is_told:
                is_told = True
                _log.warning("another process announces this log; waiting until it ends", lock=str(path))
            await asyncio.sleep(_LOOK_SECONDS)
        except BaseException:
            file.close()
            raise
        else:
            return file
