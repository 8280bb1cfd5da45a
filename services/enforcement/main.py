"""How enforcement is put together."""

import asyncio
import socket
from pathlib import Path
from typing import NamedTuple

from starlette.routing import BaseRoute

from chassis import inbox
from chassis.bus import Bus, Message
from chassis.clock import Clock, SystemClock, steady_ns
from chassis.ids import new_id
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service, Worker
from chassis.web import Edge
from services.enforcement.audited import ACTS
from services.enforcement.calls.ledger import LedgerFile
from services.enforcement.calls.shipper import Log, Rotation, Shipper
from services.enforcement.calls.tail import Tail
from services.enforcement.checks.listener import Check, CheckListener
from services.enforcement.checks.tokens import Keys, Tokens
from services.enforcement.epochs import repository as epochs_repository
from services.enforcement.epochs import routes as epochs_routes
from services.enforcement.epochs.acknowledging import Beating, Following, Presence
from services.enforcement.epochs.freshness import Freshness
from services.enforcement.epochs.numberer import Numberer
from services.enforcement.limits import repository as counts
from services.enforcement.limits.keeper import QuotaKeeper
from services.enforcement.limits.rates import Rate
from services.enforcement.proxy import command, files
from services.enforcement.proxy.counters import ProxyAdmin
from services.enforcement.proxy.envoy import DataPlane, TlsDoor
from services.enforcement.reactions import REACTIONS
from services.enforcement.settings import EnforcementSettings
from services.enforcement.state import repository
from services.enforcement.state.feed import Feed
from services.enforcement.state.world import World


def data_plane(settings: EnforcementSettings, check_port: int | None = None) -> DataPlane:
    """Return what the proxy's configuration is made from."""
    assert settings.data_plane is not None, "this instance has no proxy of its own"
    return DataPlane(
        folder=settings.data_plane.absolute(),
        proxy_address=f"{settings.proxy_host}:{settings.proxy_port}",
        admin_address=settings.proxy_admin_address,
        check_address=settings.check_address or f"{settings.check_host}:{check_port or settings.check_port}",
        sandbox_address=settings.sandbox_address,
        threads=settings.proxy_threads,
        max_connections=settings.proxy_max_connections,
        upstream_timeout_seconds=settings.upstream_timeout_seconds,
        drain_seconds=settings.drain_seconds,
        tls=_tls_door(settings),
        certified_address=settings.certified_address,
        certified_secret=settings.certified_secret.get_secret_value(),
    )


def _tls_door(settings: EnforcementSettings) -> TlsDoor | None:
    if not settings.proxy_tls_port:
        return None
    address = f"{settings.proxy_host}:{settings.proxy_tls_port}"
    return TlsDoor(address, settings.tls_certificate_file.absolute(), settings.tls_key_file.absolute())


def envoy_command(settings: EnforcementSettings, binary: Path | None = None) -> list[str]:
    """Return the command that starts the proxy; run it once enforcement has started (its files are there then)."""
    return command.command(data_plane(settings), binary)


def ushered_envoy_command(settings: EnforcementSettings, binary: Path | None = None) -> list[str]:
    """Return the command that starts the proxy so that its last lines are written however its parent ends."""
    return command.ushered(data_plane(settings), binary)


class ProxyFiles:
    """Writes the proxy's configuration once the check is listening, and its routes whenever they change."""

    def __init__(self, settings: EnforcementSettings, listener: CheckListener, feed: Feed, world: World) -> None:
        self._settings = settings
        self._listener = listener
        self._feed = feed
        self._world = world

    async def start(self) -> None:
        """Write everything, and from now on the routes as they change."""
        plane = data_plane(self._settings, self._listener.port)
        pusher = files.RoutePusher(plane)
        await asyncio.to_thread(files.prepare, plane)
        pusher.push(self._world.base_paths())
        self._feed.when_routes_change(lambda: pusher.push(self._world.base_paths()))

    async def close(self) -> None:
        """Leave the files: the proxy goes on by them."""


def build(
    settings: EnforcementSettings,
    bus: Bus,
    store: Store,
    clock: Clock | None = None,
    *,
    verifier: PassportVerifier | None = None,
) -> Service:
    """Return enforcement: reactions, state in memory, the check; and, where it has a proxy, its routes and its log's shipper."""
    store.record(ACTS)
    world = World(Rate(settings.open_test_requests, 1, settings.open_test_burst))
    tokens = Tokens(Keys(settings.keys_dir / "tokens.public.json"), settings.token_issuer, settings.token_audience)
    feed = Feed(store, bus, world, tokens)
    epochs = _epochs(settings, store, bus, feed=feed, world=world)
    check = Check(world, tokens, lambda: feed.is_loaded, epochs.freshness)
    listener = CheckListener(check, settings.check_host, settings.check_port)
    workers: list[Worker] = [*epochs.before, feed, *epochs.after, QuotaKeeper(store, world.counters), listener]
    if settings.data_plane is not None:
        workers += [ProxyFiles(settings, listener, feed, world), _shipper(settings, bus, clock or SystemClock())]

    async def is_loaded() -> bool:
        return feed.is_loaded

    async def is_fresh() -> bool:
        return epochs.freshness.is_fresh(steady_ns())

    routes: list[BaseRoute] = []
    if verifier is not None:
        edge = Edge(store, verifier)
        routes = [*epochs_routes.routes(edge, fresh_seconds=settings.fresh_seconds)]
        workers.append(edge.tally)
    return Service(
        name="enforcement",
        store=store,
        bus=bus,
        routes=routes,
        indexes=(*repository.INDEXES, *counts.INDEXES, *epochs_repository.INDEXES),
        reactions=REACTIONS,
        workers=workers,
        ready_checks={"state": is_loaded, "freshness": is_fresh},
        verifier=verifier,
    )


class Epochs(NamedTuple):
    """What makes changes count as in force: whether this instance is fresh, and what runs before and after the feed."""

    freshness: Freshness
    before: tuple[Worker, ...]
    after: tuple[Worker, ...]


def _epochs(settings: EnforcementSettings, store: Store, bus: Bus, *, feed: Feed, world: World) -> Epochs:
    instance_id = new_id("ins")
    freshness = Freshness(settings.fresh_seconds)
    following = Following(instance_id, bus, feed, world=world, freshness=freshness)
    presence = Presence(store, instance_id, host=socket.gethostname(), following=following, freshness=freshness)
    reactions = inbox.wire("enforcement", store, REACTIONS)

    async def remember(message: Message) -> None:
        for reaction in reactions:
            if message.key in reaction.keys:
                await reaction.handle(message)

    numberer = Numberer(store, bus, feed, instance_id=instance_id, fresh_seconds=settings.fresh_seconds, remember=remember)
    return Epochs(freshness, (presence,), (following, Beating(instance_id, bus), numberer))


def _shipper(settings: EnforcementSettings, bus: Bus, clock: Clock) -> Shipper:
    plane = data_plane(settings)
    log = Log(Tail(plane.log_file), LedgerFile(plane.folder / "announced.ledger"), ProxyAdmin(plane.admin_file))
    return Shipper(log, bus, clock, Rotation(log, plane.log_file))
