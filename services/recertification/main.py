"""How recertification is put together."""

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service
from services.recertification.settings import RecertificationSettings


def build(settings: RecertificationSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:  # noqa: ARG001 - see below
    """Return the service, ready to be started."""
    return Service(name="recertification", store=store, bus=bus, verifier=verifier)
