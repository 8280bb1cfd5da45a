"""How the gateway is put together."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp

from chassis.bus import Bus
from chassis.calls import Caller
from chassis.clock import Clock
from chassis.web import health_routes
from graphql_gateway.auth import Cookies, Doorkeeper
from graphql_gateway.clients.identity import Sessions
from graphql_gateway.context import Desk
from graphql_gateway.edge import certified_edge, edge_routes, readiness_of
from graphql_gateway.endpoint import Endpoint, Sizes
from graphql_gateway.engine.front import Front
from graphql_gateway.engine.price import Limits
from graphql_gateway.files import file_routes
from graphql_gateway.live import Hub
from graphql_gateway.pages.graphiql import Graphiql
from graphql_gateway.pages.links import link_routes
from graphql_gateway.pages.outside import outside_routes
from graphql_gateway.reports import report_routes
from graphql_gateway.requests import RequestIds
from graphql_gateway.schema import model
from graphql_gateway.settings import GatewaySettings
from graphql_gateway.sockets import Sockets

SERVICES = ("identity", "catalog", "subscriptions", "enforcement", "analytics", "notifications", "audit", "recertification")

_HEADERS_TAKEN = (
    *("authorization", "content-type", "idempotency-key", "portico-csrf"),
    *("portico-file-name", "portico-file-for", "x-request-id"),
)


@dataclass(slots=True)
class Gateway:
    """The gateway, put together: started and closed like any service.

    ``certified`` is for the TLS proxy, on a listener that nobody else reaches; None where no secret is shared with one.
    """

    name: str
    app: ASGIApp
    certified: ASGIApp | None
    bus: Bus
    sessions: Sessions
    hub: Hub

    async def declare(self) -> None:
        """Nothing of the gateway is kept: there is nothing to make beforehand."""

    async def start(self) -> None:
        """Begin to listen to the bus."""
        await self.sessions.start(self.bus)
        await self.hub.start(self.bus)

    async def close(self) -> None:
        """Stop listening."""
        await self.hub.close()
        await self.sessions.close()


def build(settings: GatewaySettings, caller: Caller, bus: Bus, clock: Clock) -> Gateway:
    """Put the gateway together."""
    sessions = Sessions(caller, clock, settings.passport_seconds)
    hub = Hub(model(), settings.updates_at_once)
    routes = [
        *_graph_routes(settings, Desk(caller, sessions, settings.load_seconds, settings.do_seconds), hub),
        *edge_routes(caller),
        *health_routes(readiness_of(caller, SERVICES)),
        Route("/", _front_page(is_development=settings.development), methods=["GET"]),
    ]
    secret = settings.certified_secret.get_secret_value()
    certified = certified_edge(caller, secret) if secret else None
    return Gateway("gateway", Starlette(routes=routes, middleware=_middleware(settings)), certified, bus, sessions, hub)


def _graph_routes(settings: GatewaySettings, desk: Desk, hub: Hub) -> list[BaseRoute]:
    limits = Limits(depth=settings.document_depth, aliases=settings.document_aliases, price=settings.document_price)
    front = Front(model(), limits, shows_schema=settings.development or settings.introspection)
    door = Doorkeeper(Cookies(is_secure=settings.cookie_secure), settings.allowed_origins)
    sizes = Sizes(settings.body_bytes, settings.signed_in_body_bytes)
    graphiql = Graphiql(settings.graphiql_dir) if settings.development else None
    pages = [*graphiql.routes(), *link_routes()] if graphiql is not None else []
    return [
        *pages,
        *outside_routes(desk, door),
        *file_routes(desk, door),
        *report_routes(desk, door),
        Route("/graphql", Endpoint(front, desk, door, hub, sizes, graphiql), include_in_schema=False),
        WebSocketRoute("/graphql", Sockets(front, desk, door, hub, settings.body_bytes, settings.updates_per_connection)),
    ]


def _middleware(settings: GatewaySettings) -> list[Middleware]:
    if not settings.allowed_origins:
        return [Middleware(RequestIds)]
    return [
        Middleware(RequestIds),
        Middleware(
            CORSMiddleware,
            allow_origins=list(settings.allowed_origins),
            allow_credentials=True,
            allow_methods=["GET", "POST"],
            allow_headers=_HEADERS_TAKEN,
            expose_headers=["content-disposition", "idempotency-replayed", "x-request-id"],
        ),
    ]


def _front_page(*, is_development: bool) -> Callable[[Request], Awaitable[Response]]:
    async def front_page(_request: Request) -> Response:
        if is_development:
            return RedirectResponse("/graphql")
        return JSONResponse({"graphql": "/graphql", "metadata": "/.well-known/oauth-authorization-server"})

    return front_page
