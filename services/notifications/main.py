"""How notifications is put together."""

from datetime import timedelta

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.outward import Door
from chassis.principal import PassportVerifier
from chassis.service import Service
from chassis.web import Edge
from services.notifications.sealing import own_seal
from services.notifications.settings import NotificationsSettings
from services.notifications.webhooks import lanes as webhook_lanes
from services.notifications.webhooks import log as webhook_log
from services.notifications.webhooks import repository as webhooks
from services.notifications.webhooks import routes as webhook_routes
from services.notifications.webhooks.actions import Desk
from services.notifications.webhooks.reactions import reactions as webhook_reactions
from services.notifications.webhooks.sender import Bounds, Sender

INDEXES = (*webhooks.INDEXES, *webhook_log.INDEXES, *webhook_lanes.INDEXES)


def build(settings: NotificationsSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service, ready to be started. Raises ``KeyFileNotUsable``."""
    edge = Edge(store, verifier)
    desk = _desk(settings)
    bounds = Bounds(settings.webhook_seconds, settings.webhook_at_once, settings.webhooks_at_once)
    return Service(
        name="notifications",
        store=store,
        bus=bus,
        routes=[*webhook_routes.routes(edge, desk)],
        indexes=INDEXES,
        reactions=[*webhook_reactions(desk)],
        workers=[Sender(store, desk, bounds)],
        verifier=verifier,
    )


def _desk(settings: NotificationsSettings) -> Desk:
    return Desk(
        Door(settings.webhooks_allowed, connect_seconds=settings.webhook_seconds),
        own_seal(settings.shared_key_file, "webhooks"),
        timedelta(days=settings.webhook_log_days),
        timedelta(days=settings.webhook_disable_days),
    )
