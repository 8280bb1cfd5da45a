"""How far the announcing of a log has come, for those who look after it: numbers, and a file that others can look at.

The file's time of change is the moment up to which everything in the log was announced. So whoever shares the folder sees that a
shipper lags, and just as well that it is not there at all.
"""

import os
import time
from pathlib import Path

from prometheus_client import Counter, Gauge

LATE_SECONDS = 30.0
_EVERY_MS = 1_000
ANNOUNCED = Counter("portico_calls_announced", "Calls in the proxy's log that this process has announced")
BEHIND = Gauge("portico_calls_behind_seconds", "How long ago everything in the proxy's log had been announced")


class Standing:
    """Keeps the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reached_ms = 0

    def announced(self, calls: int) -> None:
        """Count calls that are announced."""
        ANNOUNCED.inc(calls)

    def reach(self, moment_ms: int) -> None:
        """Note that everything in the log at this moment has been announced."""
        if 0 <= moment_ms - self._reached_ms < _EVERY_MS:
            return
        self._reached_ms = moment_ms
        self._path.touch()
        os.utime(self._path, (moment_ms / 1000, moment_ms / 1000))

    def behind_seconds(self) -> float:
        """Return how long ago everything was announced; where it never was, since when the folder is there."""
        try:
            reached = self._path.stat().st_mtime
        except FileNotFoundError:
            reached = self._since()
        return max(0.0, time.time() - reached)

    def show(self) -> None:
        """Let this process tell the number among its metrics, from now on."""
        BEHIND.set_function(self.behind_seconds)

    async def is_kept_up(self) -> bool:
        """Say whether the announcing keeps up with the log."""
        return self.behind_seconds() < LATE_SECONDS

    def _since(self) -> float:
        try:
            return self._path.parent.stat().st_mtime
        except FileNotFoundError:
            return time.time()
