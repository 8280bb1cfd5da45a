"""Gives the proxy beside us what is published, whenever that changes."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from chassis.telemetry import log
from services.enforcement.proxy.files import mark_of, write_clusters, write_routes, write_upstreams
from services.enforcement.proxy.nginx.process import may_have_missed, tell
from services.enforcement.proxy.plane import DataPlane, client_certificate
from services.enforcement.proxy.published import Published, Standing

_BETWEEN_SECONDS = 0.3
_log = log("enforcement.proxy")


class Marks:
    """Knows which certificates lie where one is to be shown from."""

    def __init__(self, plane: DataPlane) -> None:
        self._plane = plane
        self._known: dict[Path, str | None] = {}

    def take(self, published: Sequence[Published]) -> bool:
        """Look at them; say whether any has come, gone or changed."""
        upstreams = [each.upstream for each in published if each.upstream is not None]
        stems = [client_certificate(self._plane, each) for each in upstreams if each.client_certificate is not None]
        before, self._known = self._known, {stem: mark_of(stem) for stem in stems}
        for stem, mark in self._known.items():
            if mark is None and before.get(stem, "") is not None:
                _log.warning("the certificate to be shown to an upstream is missing, so no call goes there", path=f"{stem}.pem")
        return before != self._known

    def __call__(self, stem: Path) -> str | None:
        """Return what tells a certificate from others at its place, or None for none."""
        return self._known[stem]


class EnvoyPusher:
    """Writes clusters and routes whenever what is published changes; Envoy takes them over while it runs."""

    def __init__(self, plane: DataPlane, clock: Callable[[], float] = time.monotonic) -> None:
        self._plane = plane
        self._standing = Standing(clock)
        self._marks = Marks(plane)

    def push(self, published: Sequence[Published]) -> None:
        """Write everything, unless it stands already."""
        if self._standing.take(published):
            self._marks.take(self._standing.with_upstreams)
            self._write_clusters()
            write_routes(self._plane, self._standing.published or ())

    def tidy(self) -> None:
        """Take away what no route has led to for a moment, and take over certificates that were changed."""
        is_tidied = self._standing.tidy()
        if self._marks.take(self._standing.with_upstreams) or is_tidied:
            self._write_clusters()

    def _write_clusters(self) -> None:
        write_clusters(self._plane, self._standing.with_upstreams, self._marks)


class NginxPusher:
    """Writes upstreams whenever they change, and has nginx read them again: at once, and not all too often."""

    def __init__(self, plane: DataPlane, clock: Callable[[], float] = time.monotonic) -> None:
        self._plane = plane
        self._clock = clock
        self._standing = Standing(clock)
        self._marks = Marks(plane)
        self._told_at = -_BETWEEN_SECONDS
        self._is_due = False
        self._later: asyncio.TimerHandle | None = None

    def push(self, published: Sequence[Published]) -> None:
        """Write everything, and tell nginx where any of it is different."""
        if self._standing.take(published):
            self._marks.take(published)
            self._write()

    def tidy(self) -> None:
        """Take over certificates that were changed, and tell nginx what it was not told yet or may have missed."""
        if self._marks.take(self._standing.published or ()):
            self._write()
        written = self._plane.nginx.upstreams_file
        if may_have_missed(self._plane.nginx, written):
            written.touch()  # from now on it is newer than the start
            self._is_due = True
        if self._later is None:
            self._tell()

    def _write(self) -> None:
        self._is_due |= write_upstreams(self._plane, self._standing.published or (), self._marks)
        if self._later is None:
            self._tell()

    def _tell(self) -> None:
        self._later = None
        if not self._is_due:
            return
        left = self._told_at + _BETWEEN_SECONDS - self._clock()
        if left > 0:
            self._later = asyncio.get_running_loop().call_later(left, self._tell)
            return
        self._told_at = self._clock()
        self._is_due = False
        # Where it does not run, it reads them when it starts.
        tell(self._plane.nginx, signal.SIGHUP)


def pusher(plane: DataPlane) -> EnvoyPusher | NginxPusher:
    """Return what gives a proxy what is published."""
    return NginxPusher(plane) if plane.kind == "nginx" else EnvoyPusher(plane)
