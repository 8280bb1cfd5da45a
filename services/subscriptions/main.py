"""How subscriptions is put together."""

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service
from chassis.web import Edge
from services.subscriptions.agreements import actions as agreement_actions
from services.subscriptions.agreements import repository as agreements
from services.subscriptions.agreements import routes as agreement_routes
from services.subscriptions.approvals import actions as approval_actions
from services.subscriptions.approvals import repository as approvals
from services.subscriptions.approvals import routes as approval_routes
from services.subscriptions.connections import repository as connections
from services.subscriptions.connections import routes as connection_routes
from services.subscriptions.known import files, parties
from services.subscriptions.known import repository as known
from services.subscriptions.reactions import REACTIONS
from services.subscriptions.settings import SubscriptionsSettings
from services.subscriptions.subscriptions import repository as subscriptions
from services.subscriptions.subscriptions import routes as subscription_routes
from services.subscriptions.timekeeper import Due, Timekeeper

# What time makes due, noun by noun.
DUE: tuple[Due, ...] = (agreement_actions.keep_time_of_agreements, approval_actions.keep_time_of_steps)
INDEXES = (
    *known.INDEXES,
    *files.INDEXES,
    *parties.INDEXES,
    *agreements.INDEXES,
    *approvals.INDEXES,
    *connections.INDEXES,
    *subscriptions.INDEXES,
)


def build(settings: SubscriptionsSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service, ready to be started."""
    edge = Edge(store, verifier)
    return Service(
        name="subscriptions",
        store=store,
        bus=bus,
        routes=[
            *agreement_routes.routes(edge, patience_seconds=settings.patience_seconds),
            *approval_routes.routes(edge, patience_seconds=settings.patience_seconds),
            *connection_routes.routes(edge, patience_seconds=settings.patience_seconds),
            *subscription_routes.routes(edge, patience_seconds=settings.patience_seconds),
        ],
        indexes=INDEXES,
        reactions=REACTIONS,
        workers=[Timekeeper(store, DUE, every_seconds=settings.due_every_seconds)],
        verifier=verifier,
    )
