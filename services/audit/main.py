"""How audit is put together."""

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service
from chassis.web import Edge
from services.audit.acts.repository import INDEXES as ACTS_INDEXES
from services.audit.acts.routes import routes as acts_routes
from services.audit.audited import ACTS
from services.audit.checkpoints.actions import Notary
from services.audit.checkpoints.repository import INDEXES as CHECKPOINT_INDEXES
from services.audit.checkpoints.signing import SigningKey
from services.audit.checkpoints.worker import Checkpointing
from services.audit.exports.actions import Exporter
from services.audit.holdings.repository import INDEXES as HOLDING_INDEXES
from services.audit.holdings.routes import routes as holding_routes
from services.audit.holdings.worker import Beginning
from services.audit.reactions import REACTIONS
from services.audit.settings import AuditSettings


def build(settings: AuditSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service, ready to be started."""
    store.record(ACTS)
    edge = Edge(store, verifier)
    return Service(
        name="audit",
        store=store,
        bus=bus,
        routes=[*acts_routes(edge), *holding_routes(edge, known_since=settings.access_known_since)],
        indexes=[*ACTS_INDEXES, *CHECKPOINT_INDEXES, *HOLDING_INDEXES],
        reactions=REACTIONS,
        workers=[
            edge.tally,
            Beginning(store),
            Checkpointing(_notary(settings, store), every_seconds=settings.look_every_seconds),
        ],
        verifier=verifier,
    )


def exporter(settings: AuditSettings, store: Store) -> Exporter:
    """Return what writes the audit trail to a file, beside the running service."""
    return Exporter(store, _notary(settings, store), SigningKey(settings.keys_dir))


def _notary(settings: AuditSettings, store: Store) -> Notary:
    return Notary(
        store,
        SigningKey(settings.keys_dir),
        every_seconds=settings.checkpoint_every_seconds,
        at_most_entries=settings.checkpoint_at_most_entries,
    )
