"""How audit is put together."""

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service
from chassis.web import Edge
from services.audit.acts.repository import INDEXES as ACTS_INDEXES
from services.audit.acts.routes import routes as acts_routes
from services.audit.audited import ACTS
from services.audit.reactions import REACTIONS
from services.audit.settings import AuditSettings


def build(settings: AuditSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:  # noqa: ARG001 - none yet
    """Return the service, ready to be started."""
    store.record(ACTS)
    edge = Edge(store, verifier)
    return Service(
        name="audit",
        store=store,
        bus=bus,
        routes=acts_routes(edge),
        indexes=ACTS_INDEXES,
        reactions=REACTIONS,
        workers=[edge.tally],
        verifier=verifier,
    )
