"""How recertification is put together."""

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.principal import PassportVerifier
from chassis.service import Service
from chassis.web import Edge
from services.recertification.audited import ACTS
from services.recertification.campaigns import repository as campaigns
from services.recertification.items import repository as items
from services.recertification.items import routes as item_routes
from services.recertification.items import settling, taking
from services.recertification.known import repository as known
from services.recertification.reactions import REACTIONS
from services.recertification.report import actions as reports
from services.recertification.report import repository as report_repository
from services.recertification.report import routes as report_routes
from services.recertification.report.apart import Press
from services.recertification.report.worker import Printer
from services.recertification.settings import RecertificationSettings
from services.recertification.timekeeper import Due, Timekeeper

# What time makes due, in the order of a campaign's life.
DUE: tuple[Due, ...] = (
    taking.take_more,
    settling.tell_started,
    settling.remind,
    settling.settle,
    settling.tell_finished,
    settling.tell_cancelled,
    reports.plan_reports,
)
INDEXES = (*known.INDEXES, *campaigns.INDEXES, *items.INDEXES, *report_repository.INDEXES)


def build(settings: RecertificationSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the service, ready to be started."""
    store.record(ACTS)
    edge = Edge(store, verifier)
    press = Press(settings.report_certificate_file, settings.report_key_file, settings.report_chain_file, settings.report_seconds)
    return Service(
        name="recertification",
        store=store,
        bus=bus,
        routes=[*item_routes.routes(edge), *report_routes.routes(edge)],
        indexes=INDEXES,
        reactions=REACTIONS,
        workers=[
            Timekeeper(store, DUE, every_seconds=settings.due_every_seconds),
            Printer(store, press, every_seconds=settings.due_every_seconds),
            edge.tally,
        ],
        verifier=verifier,
    )
