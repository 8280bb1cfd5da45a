"""The one composition root: the parts are put together here and nowhere else, by the same functions in one process and in many.

What differs is what they are handed: a place (database, bus, clock, keys) and, in one process, addresses found just now.
"""

import secrets
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp

from chassis.bus import Bus
from chassis.calls import AsgiCaller, Caller
from chassis.clock import SystemClock
from chassis.local import LocalBus
from chassis.mongo import Store, connect
from chassis.tasks import bounded, end_task
from chassis.telemetry import log
from portico.authority import ANCHORS, open_authority
from portico.catching_up import begin_to_catch_up, services_among
from portico.demo import OPERATOR
from portico.door import Door, door_app, new_secret, shut_door
from portico.mailbox import Mailbox, mailbox_app
from portico.place import Part, Place, settings_of
from portico.servers import HttpServer
from portico.settings import PorticoSettings
from portico.trouble import Trouble, bind
from portico.watching import GapWatch

if TYPE_CHECKING:
    from services.audit.exports.actions import Exporter
    from services.enforcement.settings import EnforcementSettings

SERVICES = ("identity", "catalog", "subscriptions", "enforcement", "analytics", "notifications", "audit", "recertification")
SUPPORT_ADDRESS = "support@portico.localhost"
_CLOSE_SECONDS = 10.0
_log = log("portico")


def build_identity(place: Place, **here: Any) -> Part:
    """Put identity together."""
    from services.identity.main import build
    from services.identity.settings import IdentitySettings

    settings = settings_of(IdentitySettings, keys_dir=place.keys_dir, **here)
    return build(settings, place.bus, place.store("identity"), place.verifier())


def build_catalog(place: Place, **here: Any) -> Part:
    """Put the catalogue together."""
    from services.catalog.main import build
    from services.catalog.settings import CatalogSettings

    return build(settings_of(CatalogSettings, **here), place.bus, place.store("catalog"), place.verifier())


@dataclass(frozen=True)
class Sandbox:
    """The upstream behind the data plane: it only reads the catalogue's documents, so it has nothing to begin or to end."""

    app: ASGIApp
    name: str = "sandbox"

    async def declare(self) -> None:
        """Nothing is kept here."""

    async def start(self) -> None:
        """Nothing begins."""

    async def close(self) -> None:
        """Nothing ends."""


def build_sandbox(place: Place, **here: Any) -> Part:
    """Put the sandbox together: an application of its own over the catalogue's documents."""
    from services.catalog.sandbox.routes import SandboxApp, with_health
    from services.catalog.settings import CatalogSettings

    store = place.store("catalog")
    return Sandbox(with_health(SandboxApp(store, settings_of(CatalogSettings, **here).sandbox_cache_operations), store))


def build_subscriptions(place: Place, **here: Any) -> Part:
    """Put subscriptions together."""
    from services.subscriptions.main import build
    from services.subscriptions.settings import SubscriptionsSettings

    return build(settings_of(SubscriptionsSettings, **here), place.bus, place.store("subscriptions"), place.verifier())


def build_enforcement(place: Place, **here: Any) -> Part:
    """Put enforcement together."""
    from services.enforcement.main import build
    from services.enforcement.settings import EnforcementSettings

    settings = settings_of(EnforcementSettings, keys_dir=place.keys_dir, **here)
    return build(settings, place.bus, place.store("enforcement"), verifier=place.verifier())


def build_shipping(bus: Bus) -> Part:
    """Put together what announces a proxy's log, from the environment. Raises ``Trouble`` where there is none."""
    from services.enforcement.settings import EnforcementSettings
    from services.enforcement.shipping import Shipped, Shipping

    settings = settings_of(EnforcementSettings)
    if settings.data_plane is None:
        raise Trouble("There is no log: set PORTICO_ENFORCEMENT_DATA_PLANE to the folder that the proxy writes to.")
    return Shipping(Shipped(settings.data_plane.absolute(), settings.proxy, settings.log_bytes), bus, SystemClock())


def fleet_bootstrap() -> bytes:
    """Return what a proxy of a fleet starts with, from the environment. Raises ``Trouble`` where there is no fleet."""
    from services.enforcement.main import fleet_bootstrap as made
    from services.enforcement.settings import EnforcementSettings

    settings = settings_of(EnforcementSettings)
    if not settings.discovery_port:
        raise Trouble("There is no fleet: set PORTICO_ENFORCEMENT_DISCOVERY_PORT; docs/mechanisms/data-plane.md says more.")
    return made(settings)


def build_analytics(place: Place, **here: Any) -> Part:
    """Put analytics together."""
    from services.analytics.main import build
    from services.analytics.settings import AnalyticsSettings

    return build(settings_of(AnalyticsSettings, **here), place.bus, place.store("analytics"), place.verifier())


def build_notifications(place: Place, **here: Any) -> Part:
    """Put notifications together."""
    from services.notifications.main import build
    from services.notifications.settings import NotificationsSettings

    settings = settings_of(NotificationsSettings, **{"shared_key_file": place.keys_dir / "notices.key", **here})
    return build(settings, place.bus, place.store("notifications"), place.verifier())


def support_port_of(notifications: Part) -> int | None:
    """Return the port where support takes mail, once the part has started; None where it takes none."""
    from chassis.service import Service
    from services.notifications.support_part import port_of

    return port_of(notifications.workers) if isinstance(notifications, Service) else None


def build_audit(place: Place, **here: Any) -> Part:
    """Put audit together."""
    from services.audit.main import build
    from services.audit.settings import AuditSettings

    return build(settings_of(AuditSettings, keys_dir=place.keys_dir, **here), place.bus, place.store("audit"), place.verifier())


def audit_exporter(store: Store, keys_dir: Path) -> "Exporter":
    """Return what writes the audit trail to a file."""
    from services.audit.main import exporter
    from services.audit.settings import AuditSettings

    return exporter(settings_of(AuditSettings, keys_dir=keys_dir), store)


def build_recertification(place: Place, **here: Any) -> Part:
    """Put recertification together."""
    from services.recertification.main import build
    from services.recertification.settings import RecertificationSettings

    return build(settings_of(RecertificationSettings, **here), place.bus, place.store("recertification"), place.verifier())


def build_gateway(place: Place, caller: Caller, **here: Any) -> Part:
    """Put the gateway together."""
    from graphql_gateway.main import build
    from graphql_gateway.settings import GatewaySettings

    return build(settings_of(GatewaySettings, **here), caller, place.bus, place.clock)


def certified_edge_of(gateway: Part) -> ASGIApp | None:
    """Return the gateway's application for the TLS proxy, or None where it shares no secret with one."""
    from graphql_gateway.main import Gateway

    return gateway.certified if isinstance(gateway, Gateway) else None


BUILDERS: dict[str, Callable[..., Part]] = {
    "identity": build_identity,
    "catalog": build_catalog,
    "subscriptions": build_subscriptions,
    "enforcement": build_enforcement,
    "analytics": build_analytics,
    "notifications": build_notifications,
    "audit": build_audit,
    "recertification": build_recertification,
    "sandbox": build_sandbox,
}


def one_service(name: str, place: Place, caller: Caller) -> Part:
    """Put one part together for a process of its own: everything else comes from the environment."""
    return build_gateway(place, caller) if name == "gateway" else BUILDERS[name](place)


@dataclass
class OneProcess:
    """The whole platform in this process: its parts, its servers, its mailbox."""

    place: Place
    parts: dict[str, Part]
    gateway: Part
    sandbox: tuple[ASGIApp, socket.socket]
    certified: socket.socket
    door: socket.socket
    mailbox: Mailbox
    stack: AsyncExitStack
    here: dict[str, dict[str, Any]]
    var: Path
    mongo_url: str
    catch_up: tuple[str, ...] = ()

    def proxy_command(self) -> list[str]:
        """Return the command that starts the proxy, once the parts have started."""
        from services.enforcement.main import ushered_proxy_command
        from services.enforcement.proxy.command import ProxyMissing

        try:
            return ushered_proxy_command(self.enforcement_settings())
        except ProxyMissing as missing:
            raise Trouble(str(missing)) from missing

    def enforcement_settings(self) -> "EnforcementSettings":
        """Return what the proxy and the shipper beside it have to know."""
        from services.enforcement.settings import EnforcementSettings

        return settings_of(EnforcementSettings, keys_dir=self.place.keys_dir, **self.here["enforcement"])

    async def start(self, sockets: dict[str, socket.socket]) -> None:
        """Make what others depend on, then let every part work, then answer requests."""
        await self.place.bus.start()
        self._at_close(self.place.bus.close, "bus")
        everything = [*self.parts.values(), self.gateway]
        for part in everything:
            await part.declare()
        for part in everything:
            await part.start()
            self._at_close(part.close, part.name)
        self.mailbox.answers_to = support_port_of(self.parts["notifications"])
        app, listening = self.sandbox
        await self._serve("sandbox", app, listening)
        certified = certified_edge_of(self.gateway)
        if certified is not None:
            await self._serve("certified edge", certified, self.certified)
        await self._serve("mailbox", mailbox_app(self.mailbox), sockets["mailbox"])
        await self._serve("gateway", self.gateway.app, sockets["gateway"])
        await self._open_door()
        watch = GapWatch(services_among(self.parts), self.place.bus)
        await watch.start()
        self._at_close(watch.close, "watch for gaps")
        if self.catch_up:
            services = services_among(self.parts)
            task = begin_to_catch_up(services, self.catch_up, self.place.bus)
            self._at_close(lambda: end_task(task), "catching up")

    async def close(self) -> None:
        """Stop answering, let every part end, close what is open; each step is bounded in time."""
        await self.stack.aclose()

    async def _open_door(self) -> None:
        secret, port = new_secret(), self.door.getsockname()[1]
        await self._serve("door", door_app(self.place.bus, secret), self.door)
        Door(f"http://127.0.0.1:{port}", secret, self.mongo_url, self.place.database_prefix).write(self.var)
        self.stack.callback(shut_door, self.var)

    async def _serve(self, name: str, app: ASGIApp, listening: socket.socket) -> None:
        server = HttpServer(name, app, listening)
        await server.start()
        self._at_close(server.close, f"{name}'s server")

    def _at_close(self, close: Callable[[], Any], name: str) -> None:
        self.stack.push_async_callback(_close_bounded, close, name)


async def _close_bounded(close: Callable[[], Any], name: str) -> None:
    """Close one part; what fails or hangs is told to the log and does not keep the others from closing."""
    try:
        await bounded(close(), _CLOSE_SECONDS)
    except Exception as failure:  # noqa: BLE001 - the others have to be closed all the same
        _log.error("a part did not close well", name=name, exc_info=failure)


async def one_process(
    settings: PorticoSettings, var: Path, mongo_url: str, *, database_prefix: str = "portico_", has_proxy: bool = True
) -> OneProcess:
    """Put the whole platform together; nothing but the mailbox's SMTP listens yet."""
    stack = AsyncExitStack()
    try:
        return await _one_process(settings, var, _Open(stack, mongo_url, database_prefix, has_proxy))
    except BaseException:
        await stack.aclose()
        raise


@dataclass(frozen=True)
class _Open:
    stack: AsyncExitStack
    mongo_url: str
    database_prefix: str
    has_proxy: bool


async def _one_process(settings: PorticoSettings, var: Path, opened: _Open) -> OneProcess:
    client = connect(opened.mongo_url)
    opened.stack.callback(client.close)
    bus = LocalBus(var / "bus.sqlite")
    place = Place(client, bus, var / "keys", opened.database_prefix, outbox_days=settings.outbox_days)
    mailbox = Mailbox(var / "mail", place.clock)
    mailbox.open()
    smtp = await mailbox.listen()
    opened.stack.callback(smtp.close)
    listening, certified, door = (bind("127.0.0.1", 0, "PORTICO_VAR") for _ in range(3))
    for each in (listening, certified, door):
        opened.stack.callback(each.close)
    here = _addresses(settings, smtp.sockets[0].getsockname()[1], listening.getsockname()[1])
    here["enforcement"]["data_plane"] = var / "dataplane" if opened.has_proxy else None
    if settings.demo:
        here["recertification"] = open_authority(settings.authority_dir).report_files(settings.authority_dir)
        here["identity"]["signature_anchors_dir"] = settings.authority_dir / ANCHORS
    if settings.data_plane_tls_port:
        _open_tls(here, settings, var / "keys" / "tls", certified.getsockname()[1])
    parts = {name: BUILDERS[name](place, **here.get(name, {})) for name in SERVICES}
    gateway = build_gateway(place, AsgiCaller({name: part.app for name, part in parts.items()}), **here["gateway"])
    sandbox = build_sandbox(place, **here["catalog"])
    return OneProcess(
        place=place,
        parts=parts,
        gateway=gateway,
        sandbox=(sandbox.app, listening),
        certified=certified,
        door=door,
        mailbox=mailbox,
        stack=opened.stack,
        here=here,
        var=var,
        mongo_url=opened.mongo_url,
        catch_up=settings.services_to_catch_up,
    )


def _open_tls(here: dict[str, dict[str, Any]], settings: PorticoSettings, folder: Path, certified_port: int) -> None:
    """Add what follows from the TLS door: its certificate, and the way from it to the gateway's certified edge."""
    secret = secrets.token_urlsafe(32)  # the proxy is told anew at each start
    here["identity"]["mtls_url"] = settings.data_plane_tls_url
    here["gateway"]["certified_secret"] = secret
    here["enforcement"] |= {
        "proxy_tls_port": settings.data_plane_tls_port,
        "tls_certificate_file": folder / "server.pem",
        "tls_key_file": folder / "server.key",
        "certified_address": f"127.0.0.1:{certified_port}",
        "certified_secret": secret,
    }


def _addresses(settings: PorticoSettings, smtp_port: int, sandbox_port: int) -> dict[str, dict[str, Any]]:
    """Return the settings that follow from where things are in this one process; the environment wins over them."""
    gateway, audience = settings.gateway_url, "portico:calls"
    demo = {"operator_emails": OPERATOR} if settings.demo else {}
    return {
        "identity": {
            "issuer": gateway,
            "portal_url": gateway,
            "smtp_host": "127.0.0.1",
            "smtp_port": smtp_port,
            "token_audience": audience,
            **demo,
        },
        "notifications": {
            "portal_url": gateway,
            "smtp_host": "127.0.0.1",
            "smtp_port": smtp_port,
            "support_address": SUPPORT_ADDRESS,
            "support_smtp_port": 0,
            "webhook_loopback": settings.demo,
        },
        "catalog": {"calls_url": settings.data_plane_url, "upstream_loopback": settings.demo},
        "enforcement": {
            "token_issuer": gateway,
            "token_audience": audience,
            "check_host": "127.0.0.1",
            "check_port": 0,
            "sandbox_address": f"127.0.0.1:{sandbox_port}",
            "proxy_host": settings.data_plane_host,
            "proxy_port": settings.data_plane_port,
            "upstream_loopback": settings.demo,
        },
        "gateway": {"development": True, "cookie_secure": False},
    }
