"""How subscriptions is put together."""

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service
from chassis.web import Edge
from services.subscriptions.reactions import REACTIONS
from services.subscriptions.repository import INDEXES
from services.subscriptions.routes import routes
from services.subscriptions.settings import SubscriptionsSettings


def build(settings: SubscriptionsSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service, ready to be started."""
    return Service(
        name="subscriptions",
        store=store,
        bus=bus,
        routes=routes(Edge(store, verifier), patience_seconds=settings.patience_seconds),
        indexes=INDEXES,
        reactions=REACTIONS,
        verifier=verifier,
    )
