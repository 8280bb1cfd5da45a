"""Connecting to an upstream to see whether anybody answers: when somebody asks, at numbers that were judged, not often."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from chassis.telemetry import log
from services.enforcement.state.upstreams import Upstream
from services.enforcement.upstreams.domain import Problem, Tried

AGAIN_SECONDS = 10.0
PATIENCE_SECONDS = 3.0
_CONNECT_SECONDS = 2.0
_AT_ONCE = 8
_MOST_KEPT = 10_000
_log = log("enforcement.upstreams")


class Target(NamedTuple):
    """An upstream and the numbers that it may be connected to, as ``address:port``."""

    upstream: Upstream
    addresses: tuple[str, ...]


class Attempts:
    """Remembers what became of connecting; ``authorities_file`` are the authorities that the world trusts."""

    def __init__(
        self, authorities_file: str, *, again_seconds: float = AGAIN_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._authorities_file = authorities_file
        self._again_seconds = again_seconds
        self._clock = clock
        self._kept: dict[Target, tuple[float, Tried]] = {}
        self._running: dict[Target, asyncio.Task[Tried]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._trusting: ssl.SSLContext | None = None

    async def look(self, targets: Sequence[Target], patience_seconds: float = PATIENCE_SECONDS) -> list[Tried | None]:
        """Return what became of the last attempt at each: one of just now, unless there was one a moment ago.

        What takes longer than the patience goes on, and is told to whoever asks next.
        """
        tasks = {each: self._begin(each) for each in dict.fromkeys(targets) if self._is_due(each)}
        if tasks:
            await asyncio.wait(tasks.values(), timeout=patience_seconds)
        return [self._kept[each][1] if each in self._kept else None for each in targets]

    async def close(self) -> None:
        """Try nothing any more."""
        for task in [*self._running.values()]:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _is_due(self, target: Target) -> bool:
        kept = self._kept.get(target)
        return kept is None or self._clock() - kept[0] >= self._again_seconds

    def _begin(self, target: Target) -> asyncio.Task[Tried]:
        running = self._running.get(target)
        if running is None:
            running = self._running[target] = asyncio.create_task(self._run(target), name="enforcement.trying_upstream")
        return running

    async def _run(self, target: Target) -> Tried:
        try:
            async with self._places:
                problem = await self._problem_of(target)
        finally:
            del self._running[target]
        now = datetime.now(UTC)
        tried = Tried(now, problem, None if problem is None else now)
        former = self._kept.pop(target, None)
        tried = tried if former is None else former[1].followed_by(tried)
        if len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[target] = (self._clock(), tried)
        return tried

    async def _problem_of(self, target: Target) -> Problem | None:
        """Return why no number answers, or None where one does."""
        found = Problem.NOT_ANSWERING
        for address in target.addresses:
            problem = await self._problem_at(target.upstream, address)
            if problem is None:
                return None
            found = problem
        return found

    async def _problem_at(self, upstream: Upstream, address: str) -> Problem | None:
        host, _, port = address.rpartition(":")
        context = await self._context_of(upstream)
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
                try:
                    return None if context is None else await _problem_shown(writer, context, upstream)
                finally:
                    writer.transport.abort()
        except (OSError, TimeoutError):
            return Problem.NOT_ANSWERING

    async def _context_of(self, upstream: Upstream) -> ssl.SSLContext | None:
        if not upstream.origin.startswith("https:"):
            return None
        if upstream.authorities is not None:
            return await asyncio.to_thread(ssl.create_default_context, cadata=upstream.authorities)
        if self._trusting is None:  # reading all that the world trusts takes a while
            try:
                self._trusting = await asyncio.to_thread(ssl.create_default_context, cafile=self._authorities_file)
            except OSError:
                _log.warning("the authorities that the world trusts are not here: certificates of upstreams are not looked at")
        return self._trusting


async def _problem_shown(writer: asyncio.StreamWriter, context: ssl.SSLContext, upstream: Upstream) -> Problem | None:
    """Return what is wrong with whoever has taken the connection."""
    try:
        await writer.start_tls(context, server_hostname=urlsplit(upstream.origin).hostname)
    except ssl.SSLCertVerificationError:
        return Problem.CERTIFICATE_NOT_ACCEPTED
    except OSError:
        # Who wants to see a certificate has answered: what it makes of the data plane's is seen in its calls.
        return None if upstream.client_certificate else Problem.NOT_ANSWERING
    return None
