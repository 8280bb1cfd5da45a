"""How analytics is put together."""

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service
from chassis.web import Edge
from services.analytics.audited import ACTS
from services.analytics.known.repository import INDEXES as KNOWN
from services.analytics.reactions import REACTIONS
from services.analytics.reports.routes import routes
from services.analytics.rollups.repository import INDEXES as ROLLUPS
from services.analytics.settings import AnalyticsSettings
from services.analytics.sources.repository import INDEXES as SOURCES


def build(settings: AnalyticsSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service, ready to be started."""
    store.record(ACTS)
    return Service(
        name="analytics",
        store=store,
        bus=bus,
        routes=routes(Edge(store, verifier), most_rollups=settings.most_rollups),
        indexes=(*ROLLUPS, *SOURCES, *KNOWN),
        reactions=REACTIONS,
        verifier=verifier,
    )
