"""How subscriptions is put together."""

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service
from chassis.web import Edge
from services.subscriptions.known import repository as known
from services.subscriptions.reactions import REACTIONS
from services.subscriptions.settings import SubscriptionsSettings
from services.subscriptions.subscriptions import repository as subscriptions
from services.subscriptions.subscriptions import routes as subscription_routes


def build(settings: SubscriptionsSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service, ready to be started."""
    edge = Edge(store, verifier)
    return Service(
        name="subscriptions",
        store=store,
        bus=bus,
        routes=[*subscription_routes.routes(edge, patience_seconds=settings.patience_seconds)],
        indexes=[*known.INDEXES, *subscriptions.INDEXES],
        reactions=REACTIONS,
        verifier=verifier,
    )
