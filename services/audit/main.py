"""How audit is put together."""

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service
from chassis.web import Edge
from services.audit.holdings import repository as holdings
from services.audit.holdings import routes as holding_routes
from services.audit.holdings.worker import Beginning
from services.audit.reactions import REACTIONS
from services.audit.settings import AuditSettings

INDEXES = (*holdings.INDEXES,)


def build(settings: AuditSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service, ready to be started."""
    edge = Edge(store, verifier)
    return Service(
        name="audit",
        store=store,
        bus=bus,
        routes=holding_routes.routes(edge, known_since=settings.access_known_since),
        indexes=INDEXES,
        reactions=REACTIONS,
        workers=[Beginning(store)],
        verifier=verifier,
    )
