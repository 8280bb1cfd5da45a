"""What upstreams' names stand for: resolved here and judged here, so that the proxy is given numbers alone.

A proxy that resolved names itself could be led into networks of others by whoever answers for the name. A name that leads where
no call may go stands for nothing at once; one that nobody answers for keeps its numbers for a while.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from chassis.outward import AddressNotAllowed, Allowed, Resolve, judge, read_place
from chassis.tasks import end_task
from chassis.telemetry import log

LOOK_AGAIN_SECONDS = 30.0
NOT_RESOLVED, NOT_ALLOWED = "NAME_NOT_RESOLVED", "ADDRESS_NOT_ALLOWED"
_LOOK_AGAIN_SOON_SECONDS = 2.0
_KEPT_SECONDS = 3600.0
_PATIENCE_SECONDS = 5.0
_MOST_ADDRESSES = 8
_AT_ONCE = 8
_log = log("enforcement.upstreams")

Addresses = tuple[str, ...]


class _Known(NamedTuple):
    addresses: Addresses
    answered_at: float
    again_at: float
    problem: str | None = None


class Found(NamedTuple):
    """What was found at the last look: why a name stands for nothing, or for what it stood for before; and how long ago."""

    addresses: Addresses
    problem: str | None
    seconds_ago: float


def in_threads_of_its_own() -> Resolve:
    """Return what resolves names as the machine does, apart from everything else that waits for threads.

    A name that nobody answers for holds a thread for long, and nobody can stop that.
    """
    threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="upstreams")

    async def resolve(host: str) -> Sequence[str]:
        asked = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(threads, asked)
        return [str(address[0]) for *_, address in found]

    return resolve


class Resolver:
    """Knows the numbers of origins; ``allowed`` says which may be connected to."""

    def __init__(
        self,
        allowed: Allowed,
        *,
        resolve: Resolve | None = None,
        every_seconds: float = LOOK_AGAIN_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = allowed
        self._resolve = resolve or in_threads_of_its_own()
        self._every = every_seconds
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._looking: dict[str, asyncio.Task[_Known]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    def addresses_of(self, origin: str) -> Addresses | None:
        """Return the numbers, as ``address:port``; nothing where no call may go there; None where it was not looked at yet."""
        known = self._known.get(origin)
        return None if known is None else known.addresses

    def found(self, origin: str) -> Found | None:
        """Return what the last look has found; None where there was none yet."""
        known = self._known.get(origin)
        return None if known is None else Found(known.addresses, known.problem, self._clock() - known.answered_at)

    async def look(self, origins: Iterable[str], patience_seconds: float) -> bool:
        """Look at those that are due, forget those that are not among these; say whether any is different now.

        What takes longer than the patience goes on, and is noted the next time: no name waits for another one.
        """
        wanted, now = set(origins), self._clock()
        for gone in self._known.keys() - wanted:
            del self._known[gone]
        for origin in wanted - self._looking.keys():
            if origin not in self._known or self._known[origin].again_at <= now:
                self._looking[origin] = asyncio.create_task(self._look_at(origin), name="enforcement.resolving")
        if self._looking:
            await asyncio.wait(self._looking.values(), timeout=patience_seconds)
        is_different = False
        for origin, task in [each for each in self._looking.items() if each[1].done()]:
            del self._looking[origin]
            if origin in wanted:
                is_different |= self.addresses_of(origin) != task.result().addresses
                self._known[origin] = task.result()
        return is_different

    async def close(self) -> None:
        """Look at nothing any more."""
        looking, self._looking = self._looking, {}
        for task in looking.values():
            await end_task(task)

    async def _look_at(self, origin: str) -> _Known:
        now, known = self._clock(), self._known.get(origin)
        try:
            place = read_place(origin, self._allowed)
        except AddressNotAllowed:
            _log.warning("an upstream is where no call may go", origin=origin)
            return _Known((), now, now + self._every, NOT_ALLOWED)
        if place.literal is not None:
            return _Known((_joined(str(place.literal), place.port),), now, now + self._every)
        try:
            async with self._places, asyncio.timeout(_PATIENCE_SECONDS):
                numbers = await self._resolve(place.host)
        except (OSError, UnicodeError, TimeoutError) as error:
            _log.warning("an upstream's name stands for nothing", origin=origin, reason=type(error).__name__)
            is_kept = known is not None and now - known.answered_at < _KEPT_SECONDS
            addresses, answered_at = (known.addresses, known.answered_at) if known is not None and is_kept else ((), now)
            return _Known(addresses, answered_at, now + _LOOK_AGAIN_SOON_SECONDS, NOT_RESOLVED)
        judged = judge(numbers, self._allowed, only_loopback=place.only_loopback)
        if not judged:
            _log.warning("an upstream's name leads where no call may go", origin=origin)
        # In one order, whatever order they were told in: the proxy spreads calls over them anyway.
        addresses = tuple(sorted(_joined(each, place.port) for each in judged))[:_MOST_ADDRESSES]
        return _Known(addresses, now, now + self._every, None if addresses else NOT_ALLOWED)


def _joined(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
