"""``portico ship``: what announces the calls in a proxy's log."""


def ship() -> int:
    """Announce the calls in the log of the proxy beside it, until asked to stop: from the environment.

    PORTICO_ENFORCEMENT_DATA_PLANE is the folder that the proxy writes to, PORTICO_RABBITMQ_URL the bus; without that it is the
    platform that runs on PORTICO_VAR. Its health and its numbers are at PORTICO_PORT.
    """
    import uvloop

    from portico.place import settings_of
    from portico.settings import PorticoSettings, ServeSettings
    from portico.shipping import ship as run_ship

    return uvloop.run(run_ship(settings_of(ServeSettings), settings_of(PorticoSettings)))
