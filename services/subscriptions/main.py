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
from services.subscriptions.audited import ACTS
from services.subscriptions.calls import repository as calls
from services.subscriptions.connections import repository as connections
from services.subscriptions.connections import routes as connection_routes
from services.subscriptions.known import files, parties
from services.subscriptions.known import repository as known
from services.subscriptions.permissions import actions as permission_actions
from services.subscriptions.permissions import repository as permissions
from services.subscriptions.permissions import routes as permission_routes
from services.subscriptions.plan_changes import actions as plan_changes
from services.subscriptions.plan_changes import routes as plan_change_routes
from services.subscriptions.reactions import REACTIONS
from services.subscriptions.republishing import KINDS
from services.subscriptions.requirements import routes as requirement_routes
from services.subscriptions.settings import SubscriptionsSettings
from services.subscriptions.subscriptions import actions as subscription_actions
from services.subscriptions.subscriptions import repository as subscriptions
from services.subscriptions.subscriptions import routes as subscription_routes
from services.subscriptions.timekeeper import Due, Timekeeper

# What time makes due, noun by noun.
DUE: tuple[Due, ...] = (
    permission_actions.begin_due,
    permission_actions.lapse_due,
    agreement_actions.keep_time_of_agreements,
    approval_actions.keep_time_of_steps,
    plan_changes.begin_due_plan_change,
    subscription_actions.reconsider_more,
)
INDEXES = (
    *known.INDEXES,
    *files.INDEXES,
    *parties.INDEXES,
    *calls.INDEXES,
    *permissions.INDEXES,
    *agreements.INDEXES,
    *approvals.INDEXES,
    *connections.INDEXES,
    *subscriptions.INDEXES,
)


def build(settings: SubscriptionsSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service, ready to be started."""
    store.record(ACTS)
    edge = Edge(store, verifier)
    return Service(
        name="subscriptions",
        store=store,
        bus=bus,
        routes=[
            *permission_routes.routes(edge, patience_seconds=settings.patience_seconds),
            *agreement_routes.routes(edge, patience_seconds=settings.patience_seconds),
            *approval_routes.routes(edge, patience_seconds=settings.patience_seconds),
            *connection_routes.routes(edge, patience_seconds=settings.patience_seconds),
            *subscription_routes.routes(edge, patience_seconds=settings.patience_seconds),
            *plan_change_routes.routes(edge, patience_seconds=settings.patience_seconds),
            *requirement_routes.routes(edge),
        ],
        indexes=INDEXES,
        reactions=REACTIONS,
        kinds=KINDS,
        workers=[Timekeeper(store, DUE, every_seconds=settings.due_every_seconds), edge.tally],
        verifier=verifier,
    )
