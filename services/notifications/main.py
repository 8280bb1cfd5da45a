"""How notifications is put together."""

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service
from services.notifications.settings import NotificationsSettings


def build(settings: NotificationsSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:  # noqa: ARG001 - see below
    """Return the service, ready to be started."""
    return Service(name="notifications", store=store, bus=bus, verifier=verifier)
