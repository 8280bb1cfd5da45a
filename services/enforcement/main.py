"""How enforcement is put together."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from starlette.routing import BaseRoute

from chassis import inbox
from chassis.bus import Bus
from chassis.ids import new_id
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service, Worker
from chassis.web import Edge
from services.enforcement.audited import ACTS
from services.enforcement.checks.case import Now
from services.enforcement.checks.check import Check
from services.enforcement.checks.listener import CheckListener
from services.enforcement.checks.tokens import Keys, Tokens
from services.enforcement.epochs import repository as epochs_repository
from services.enforcement.epochs import routes as epochs_routes
from services.enforcement.epochs.parts import Instance, parts_of
from services.enforcement.explaining import repository as refusals
from services.enforcement.explaining import routes as explaining_routes
from services.enforcement.explaining.access import Explaining, Here
from services.enforcement.explaining.keeping import Keeping
from services.enforcement.limits import repository as counts
from services.enforcement.limits.book import Book
from services.enforcement.limits.rates import Rate
from services.enforcement.limits.sharing import Sharing
from services.enforcement.proxy import command, files, pushing
from services.enforcement.proxy.fleet import bootstrap as fleet
from services.enforcement.proxy.fleet.discovery import Discovery
from services.enforcement.proxy.fleet.listener import DiscoveryListener
from services.enforcement.proxy.nginx.generation import TakingOver
from services.enforcement.proxy.plane import DataPlane, Fleet, TlsDoor
from services.enforcement.proxy.publishing import Publishing
from services.enforcement.proxy.resolving import Resolver
from services.enforcement.quotas import routes as quota_routes
from services.enforcement.quotas.access import Quotas
from services.enforcement.quotas.thresholds import Thresholds
from services.enforcement.reactions import REACTIONS
from services.enforcement.settings import EnforcementSettings
from services.enforcement.shipping import standing
from services.enforcement.state import repository
from services.enforcement.state.feed import Feed
from services.enforcement.state.upstreams import THE_SANDBOX, Upstream
from services.enforcement.state.world import World
from services.enforcement.trying import routes as trying_routes
from services.enforcement.trying.actions import Places, TrialDesk
from services.enforcement.trying.calling import DataPlaneCaller
from services.enforcement.upstreams import routes as upstream_routes
from services.enforcement.upstreams.access import Upstreams
from services.enforcement.upstreams.trying import Attempts

_LONGEST_SOCKET_PATH = 107  # what the kernel has room for


def data_plane(settings: EnforcementSettings, check_port: int | None = None) -> DataPlane:
    """Return what the configuration of the proxy that shares files with us is made from."""
    assert settings.data_plane is not None, "this instance has no proxy of its own"
    return replace(_plane(settings, settings.data_plane.absolute(), check_port), check_door=check_door(settings))


def check_door(settings: EnforcementSettings) -> Path | None:
    """Return the socket file that the proxy beside us asks at; None where it asks at an address."""
    if settings.data_plane is None or settings.check_address:
        return None
    door = settings.data_plane.absolute() / "check" / "socket"
    return door if len(os.fsencode(f"{door}.new")) <= _LONGEST_SOCKET_PATH else None


def fleet_plane(settings: EnforcementSettings, check_port: int | None = None) -> DataPlane:
    """Return what the configuration of a fleet's members is made from."""
    address = settings.discovery_address or f"{settings.discovery_host}:{settings.discovery_port}"
    fleet = Fleet(address, settings.discovery_secret.get_secret_value())
    return replace(_plane(settings, settings.fleet_folder, check_port), fleet=fleet, kind="envoy")


def fleet_bootstrap(settings: EnforcementSettings) -> bytes:
    """Return what a member of the fleet starts with."""
    return files.written(fleet.bootstrap(fleet_plane(settings)))


def _plane(settings: EnforcementSettings, folder: Path, check_port: int | None) -> DataPlane:
    return DataPlane(
        folder=folder,
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
        kind=settings.proxy,
        upstream_calls=settings.upstream_calls,
        authorities_file=settings.upstream_authorities_file,
    )


def _tls_door(settings: EnforcementSettings) -> TlsDoor | None:
    if not settings.proxy_tls_port:
        return None
    address = f"{settings.proxy_host}:{settings.proxy_tls_port}"
    return TlsDoor(address, settings.tls_certificate_file.absolute(), settings.tls_key_file.absolute())


def proxy_command(settings: EnforcementSettings, binary: Path | None = None) -> list[str]:
    """Return the command that starts the proxy; run it once enforcement has started (its files are there then)."""
    return command.command(data_plane(settings), binary)


def ushered_proxy_command(settings: EnforcementSettings, binary: Path | None = None) -> list[str]:
    """Return the command that starts the proxy so that its last lines are written however its parent ends."""
    return command.ushered(data_plane(settings), binary)


class ProxyFiles:
    """Writes the proxy's configuration once the check is listening, and its clusters and routes whenever they change."""

    def __init__(self, settings: EnforcementSettings, listener: CheckListener, publishing: Publishing) -> None:
        self._settings = settings
        self._listener = listener
        self._publishing = publishing
        self._taking_over: TakingOver | None = None

    async def start(self) -> None:
        """Write everything, and from now on clusters and routes as they change."""
        plane = data_plane(self._settings, self._listener.port)
        await asyncio.to_thread(files.prepare, plane)
        pusher = pushing.pusher(plane)
        self._publishing.follow(pusher.push, pusher.tidy)
        if plane.kind == "nginx":
            self._taking_over = TakingOver(plane.nginx)
            await self._taking_over.start()

    async def close(self) -> None:
        """Leave the files: the proxy goes on by them."""
        if self._taking_over is not None:
            await self._taking_over.close()


class FleetDiscovery:
    """Answers a fleet of proxies once the check is listening."""

    def __init__(self, settings: EnforcementSettings, listener: CheckListener, publishing: Publishing) -> None:
        self._settings = settings
        self._listener = listener
        self._publishing = publishing
        self._door: DiscoveryListener | None = None

    async def start(self) -> None:
        """Begin to answer."""
        plane = fleet_plane(self._settings, self._listener.port)
        discovery = Discovery(plane)
        self._publishing.follow(discovery.take, discovery.tidy)
        address = (self._settings.discovery_host, self._settings.discovery_port)
        self._door = DiscoveryListener(discovery, address, self._settings.discovery_secret.get_secret_value())
        await self._door.start()

    async def close(self) -> None:
        """Answer no more: members go on by what they have."""
        if self._door is not None:
            await self._door.close()


def build(
    settings: EnforcementSettings,
    bus: Bus,
    store: Store,
    *,
    verifier: PassportVerifier | None = None,
) -> Service:
    """Return enforcement: reactions, state in memory, the check; and, where it has a proxy, what that is told.

    The proxy's log is read by a process of its own (`services.enforcement.shipping`), never by the one that checks.
    """
    store.record(ACTS)
    book, instance_id = Book(), new_id("ins")
    sharing = _sharing(settings, store, book, instance_id)
    world = World(Rate(settings.open_test_requests, 1, settings.open_test_burst), book, sharing)
    tokens = Tokens(Keys(settings.keys_dir / "tokens.public.json"), settings.token_issuer, settings.token_audience)
    feed = Feed(store, bus, world, tokens)
    instance = Instance(instance_id, settings.fresh_seconds)
    epochs = parts_of(instance, store, bus, feed=feed, world=world, reactions=inbox.wire("enforcement", store, REACTIONS))
    publishing = Publishing(world, feed, Resolver(settings.upstreams_allowed, every_seconds=settings.upstream_seconds))
    keeping = Keeping(store, world, epochs.epoch)
    check = Check(
        world, tokens, lambda: feed.is_loaded, epochs.freshness, origin_of=_origins(settings, publishing), keeps=keeping.take
    )
    listener = CheckListener(check, settings.check_host, settings.check_port, check_door(settings))
    workers: list[Worker] = [*epochs.before, feed, *epochs.after, sharing, keeping, listener, publishing]
    if settings.data_plane is not None:
        workers.append(ProxyFiles(settings, listener, publishing))
    if settings.discovery_port:
        workers.append(FleetDiscovery(settings, listener, publishing))
    explaining = Explaining(world, keeping, Here(lambda: feed.is_loaded, epochs.goes_by_memory, epochs.epoch, _now))
    routes: list[BaseRoute] = []
    if verifier is not None:
        edge = Edge(store, verifier)
        routes = _routes(edge, settings, explaining, _trial_desk(settings, world, tokens))
        upstreams = Upstreams(world, publishing.resolver, Attempts(settings.upstream_authorities_file))
        routes += [*quota_routes.routes(edge, Quotas(book, sharing.is_counted_here)), *upstream_routes.routes(edge, upstreams)]
        workers += [upstreams, edge.tally]
    return Service(
        name="enforcement",
        store=store,
        bus=bus,
        routes=routes,
        indexes=(*repository.INDEXES, *counts.INDEXES, *refusals.INDEXES, *epochs_repository.INDEXES),
        reactions=REACTIONS,
        workers=workers,
        ready_checks={"state": feed.has_loaded, "freshness": epochs.is_fresh},
        checks_beside=_beside(settings),
        verifier=verifier,
    )


def _origins(settings: EnforcementSettings, publishing: Publishing) -> Callable[[Upstream], str]:
    """Return what says where an upstream is."""

    def origin_of(upstream: Upstream) -> str:
        return f"http://{settings.sandbox_address}" if upstream is THE_SANDBOX else publishing.origin_of(upstream)

    return origin_of


def _now() -> Now:
    return Now(time.monotonic_ns(), time.time_ns())


def _beside(settings: EnforcementSettings) -> dict[str, Callable[[], Awaitable[bool]]]:
    """Return what is told of the shipper, which is a process of its own beside this one."""
    if settings.data_plane is None:
        return {}
    shown = standing(settings.data_plane.absolute())
    shown.show()
    return {"shipper": shown.is_kept_up}


def _sharing(settings: EnforcementSettings, store: Store, book: Book, instance_id: str) -> Sharing:
    host, port, address = settings.peers_host, settings.peers_port, settings.peers_address
    sharing = Sharing(store, book, instance_id, host=host, port=port, address=address)
    sharing.keeper.after_telling = Thresholds(store, book).look
    return sharing


def _routes(edge: Edge, settings: EnforcementSettings, explaining: Explaining, desk: TrialDesk) -> list[BaseRoute]:
    of_epochs = epochs_routes.routes(edge, fresh_seconds=settings.fresh_seconds)
    return [*of_epochs, *trying_routes.routes(edge, desk), *explaining_routes.routes(edge, explaining)]


def _trial_desk(settings: EnforcementSettings, world: World, tokens: Tokens) -> TrialDesk:
    address = settings.trial_address or f"{settings.proxy_host}:{settings.proxy_port}"
    if address.startswith("0.0.0.0:"):  # it listens everywhere, and so here
        address = address.replace("0.0.0.0", "127.0.0.1", 1)  # noqa: S104 - the same
    caller = DataPlaneCaller(address, seconds=settings.trial_seconds, most_bytes=settings.trial_response_bytes)
    return TrialDesk(world, tokens, caller, Places(settings.trials_at_once, settings.trials_at_once_of_one))
