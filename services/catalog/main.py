"""How the catalogue is put together."""

from dataclasses import dataclass

from starlette.types import ASGIApp

from chassis.bus import Bus
from chassis.mongo import Store
from chassis.outward import Allowed
from chassis.principal import PassportVerifier
from chassis.service import Service
from chassis.web import Edge
from services.catalog.audited import ACTS
from services.catalog.callers import repository as callers
from services.catalog.categories import repository as categories
from services.catalog.categories import routes as category_routes
from services.catalog.entries import repository as entries
from services.catalog.fetching.fetcher import Bounds, Fetcher
from services.catalog.finding import routes as finding_routes
from services.catalog.finding.searching import KeepsIndex, Searcher
from services.catalog.guidance import repository as guidance
from services.catalog.guidance import routes as guidance_routes
from services.catalog.products import repository as products
from services.catalog.products import routes as product_routes
from services.catalog.products.rows import Rows
from services.catalog.providers import repository as providers
from services.catalog.providers import routes as provider_routes
from services.catalog.reactions import REACTIONS
from services.catalog.republishing import KINDS
from services.catalog.retiring import repository as retiring
from services.catalog.retiring import routes as retiring_routes
from services.catalog.sandbox import repository as sandbox
from services.catalog.sandbox.routes import SandboxApp, with_health
from services.catalog.settings import CatalogSettings
from services.catalog.trials import routes as trial_routes
from services.catalog.trials.asking import Judge
from services.catalog.upstreams import routes as upstream_routes
from services.catalog.versions import repository as versions
from services.catalog.versions import routes as version_routes
from services.catalog.versions.comparing import Comparer
from services.catalog.versions.reading import DocumentReader, Limits

NAME = "catalog"


def build(settings: CatalogSettings, bus: Bus, store: Store, verifier: PassportVerifier) -> Service:
    """Return the catalogue, not started yet."""
    store.record(ACTS)
    edge, rows, searcher = Edge(store, verifier), Rows(settings.calls_url), Searcher(store)
    limits = Limits(
        max_bytes=settings.document_max_bytes,
        seconds=settings.document_seconds,
        memory_bytes=settings.document_memory_bytes,
        at_once=settings.documents_at_once,
    )
    fetcher = Fetcher(
        Allowed(settings.url_ports, settings.url_networks, insecure=settings.document_url_insecure),
        Bounds(settings.document_url_seconds, settings.document_max_bytes, settings.documents_at_once),
    )
    tools = version_routes.Tools(DocumentReader(limits), fetcher, Comparer(limits, settings.comparison_patience_seconds))
    return Service(
        name=NAME,
        store=store,
        bus=bus,
        routes=[
            *provider_routes.routes(edge),
            *category_routes.routes(edge),
            *product_routes.routes(edge, rows),
            *version_routes.routes(edge, rows, tools),
            *trial_routes.routes(edge, rows, Judge(limits)),
            *upstream_routes.routes(edge, rows, settings.upstreams_allowed),
            *retiring_routes.routes(edge, rows),
            *guidance_routes.routes(edge),
            *finding_routes.routes(edge, rows, searcher),
        ],
        indexes=[
            *(*providers.INDEXES, *entries.INDEXES, *categories.INDEXES, *products.INDEXES, *versions.INDEXES),
            *(*sandbox.INDEXES, *guidance.INDEXES, *callers.INDEXES, *retiring.INDEXES),
        ],
        reactions=REACTIONS,
        kinds=KINDS,
        workers=[KeepsIndex(store, searcher), tools.comparer, edge.tally],
        verifier=verifier,
    )


@dataclass(slots=True)
class Sandbox:
    """The sandbox: the upstream behind the data plane, on a listener of its own over the catalogue's database. It only reads."""

    name: str
    app: ASGIApp
    store: Store

    async def declare(self) -> None:
        """Make nothing: the catalogue keeps what is read here."""

    async def start(self) -> None:
        """Begin nothing: answers are read when they are first asked for."""

    async def close(self) -> None:
        """End nothing."""


def build_sandbox(settings: CatalogSettings, store: Store) -> Sandbox:
    """Return the sandbox over the catalogue's store."""
    return Sandbox("sandbox", with_health(SandboxApp(store, settings.sandbox_cache_operations), store), store)
