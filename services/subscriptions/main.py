"""How subscriptions is put together."""

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service
from chassis.web import Edge
from services.subscriptions.calls import repository as calls
from services.subscriptions.known import repository as known
from services.subscriptions.permissions import actions as permission_actions
from services.subscriptions.permissions import repository as permissions
from services.subscriptions.permissions import routes as permission_routes
from services.subscriptions.plan_changes import actions as plan_changes
from services.subscriptions.plan_changes import routes as plan_change_routes
from services.subscriptions.reactions import REACTIONS
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
    plan_changes.begin_due_plan_change,
    subscription_actions.reconsider_more,
)


def build(settings: SubscriptionsSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service, ready to be started."""
    edge = Edge(store, verifier)
    return Service(
        name="subscriptions",
        store=store,
        bus=bus,
        routes=[
            *permission_routes.routes(edge, patience_seconds=settings.patience_seconds),
            *subscription_routes.routes(edge, patience_seconds=settings.patience_seconds),
            *plan_change_routes.routes(edge, patience_seconds=settings.patience_seconds),
            *requirement_routes.routes(edge),
        ],
        indexes=[*known.INDEXES, *calls.INDEXES, *permissions.INDEXES, *subscriptions.INDEXES],
        reactions=REACTIONS,
        workers=[Timekeeper(store, DUE, every_seconds=settings.due_every_seconds)],
        verifier=verifier,
    )
