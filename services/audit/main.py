"""How audit is put together."""

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service
from services.audit.settings import AuditSettings


def build(settings: AuditSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:  # noqa: ARG001 - see below
    """Return the service, ready to be started."""
    return Service(name="audit", store=store, bus=bus, verifier=verifier)
