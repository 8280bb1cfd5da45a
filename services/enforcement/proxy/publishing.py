"""Keeps what is published, with the numbers of its upstreams, and tells those who render it for a proxy."""

import asyncio
import contextlib
from collections.abc import Callable

from chassis.tasks import end_task
from chassis.telemetry import log
from services.enforcement.proxy.published import Published
from services.enforcement.proxy.resolving import Resolver
from services.enforcement.state.feed import Feed
from services.enforcement.state.upstreams import PRODUCTION, THE_SANDBOX, Upstream
from services.enforcement.state.versions import Version
from services.enforcement.state.world import World

_TICK_SECONDS = 1.0
_LOOK_SECONDS = 0.25
_FIRST_LOOK_SECONDS = 3.0
_log = log("enforcement.publishing")


class Publishing:
    """Follows the published versions and what their upstreams' names stand for."""

    def __init__(self, world: World, feed: Feed, resolver: Resolver) -> None:
        self._world = world
        self._feed = feed
        self.resolver = resolver
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._on_change: list[Callable[[tuple[Published, ...]], None]] = []
        self._on_tick: list[Callable[[], None]] = []
        self.now: tuple[Published, ...] = ()

    def follow(self, call: Callable[[tuple[Published, ...]], None], tick: Callable[[], None] | None = None) -> None:
        """Tell a plain function what is published, now and whenever it changes; call another about once a second."""
        self._on_change.append(call)
        if tick is not None:
            self._on_tick.append(tick)
        call(self.now)

    def origin_of(self, upstream: Upstream) -> str:
        """Return where an upstream is, as a number that was judged; nothing where no call may go there."""
        addresses = self.resolver.addresses_of(upstream.origin)
        return f"{upstream.origin.partition(':')[0]}://{addresses[0]}" if addresses else ""

    async def start(self) -> None:
        """Look once, so that a proxy that runs already loses nothing; and follow from now on."""
        await self.resolver.look(self._origins(), _FIRST_LOOK_SECONDS)
        self._renew()
        self._feed.when_routes_change(self._hear)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="enforcement.publishing")

    async def close(self) -> None:
        """Follow no more: what was rendered last stays."""
        if self._task is not None:
            await end_task(self._task)
        await self.resolver.close()

    def _hear(self) -> None:
        self._renew()
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                if await self.resolver.look(self._origins(), _LOOK_SECONDS):
                    self._renew()
                for call in self._on_tick:
                    call()
            except Exception:  # noqa: BLE001 - what stands, stands; a later look may succeed
                _log.exception("the proxy's configuration could not be renewed; trying again")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._wake.wait()

    def _origins(self) -> set[str]:
        upstreams = (self._world.upstream_of(version.id, PRODUCTION) for version in self._world.versions())
        return {each.origin for each in upstreams if each is not THE_SANDBOX}

    def _renew(self) -> None:
        before = {each.version_id: each for each in self.now}
        published = tuple(self._published(version, before.get(version.id)) for version in self._world.versions())
        if published == self.now:
            return
        self.now = published
        for call in self._on_change:
            call(published)

    def _published(self, version: Version, before: Published | None) -> Published:
        stays_open = self._world.stays_open(version.product_id)
        plain = Published(version.base_path, version.id, version.product_id, stays_open=stays_open)
        upstream = self._world.upstream_of(version.id, PRODUCTION)
        if upstream is THE_SANDBOX:
            return plain
        addresses = self.resolver.addresses_of(upstream.origin)
        if addresses is None and before is not None:
            # Its name is being looked at: until that is known, calls go where they went.
            return plain._replace(upstream=before.upstream, addresses=before.addresses)
        return plain._replace(upstream=upstream, addresses=addresses or ())
