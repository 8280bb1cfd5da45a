"""The addresses beside the graph: OAuth and its metadata pass through to identity byte for byte; and whether services answer.

Clients that show a certificate in TLS (RFC 8705) come by the certified edge, an application of its own that listens for the TLS
proxy alone. It takes what the handshake has shown from a header, and believes it only beside the secret that both share. At the
public addresses no such header passes, whoever sends it.
"""

import hmac
import string
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote_from_bytes

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from chassis.calls import Call, Caller, ServiceUnavailable
from graphql_gateway.errors import BodyNotReadable, BodyTooLarge, error_body
from graphql_gateway.limits import read_body

LARGEST_BYTES = 64 * 1024
CERTIFICATE_HEADER = "portico-client-certificate"  # URL-encoded PEM, as nginx and Envoy write it
CERTIFIED_HEADER = "portico-certified"
_PASSED_IN = ("accept", "authorization", "content-type", "origin", "user-agent")
_NOT_PASSED_OUT = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"})
PASSED_THROUGH = {
    "/oauth/token": ("POST",),
    "/oauth/introspect": ("POST",),
    "/oauth/revoke": ("POST",),
    "/.well-known/oauth-authorization-server": ("GET",),
    "/.well-known/jwks.json": ("GET",),
}
CERTIFIED = ("/oauth/token", "/oauth/introspect", "/oauth/revoke")


def edge_routes(caller: Caller) -> list[BaseRoute]:
    """Return the routes that identity answers itself."""

    async def pass_on(request: Request) -> Response:
        return await _pass_through(caller, request, {})

    return [Route(path, pass_on, methods=list(methods)) for path, methods in PASSED_THROUGH.items()]


def certified_edge(caller: Caller, secret: str) -> ASGIApp:
    """Return the application for the TLS proxy: the authorization server's routes, with what a handshake has shown."""

    async def pass_on(request: Request) -> Response:
        shown = request.headers.getlist(CERTIFIED_HEADER)
        if len(shown) != 1 or not hmac.compare_digest(shown[0].encode("latin-1"), secret.encode()):
            return JSONResponse(error_body("NOT_FOUND", "There is nothing at this address."), 404)
        certificates = [each for each in request.headers.getlist(CERTIFICATE_HEADER) if each not in ("", "-")]
        if len(certificates) > 1:
            return JSONResponse(error_body("BODY_NOT_READABLE", "The request shows more than one certificate."), 400)
        return await _pass_through(caller, request, {CERTIFICATE_HEADER: certificates[0]} if certificates else {})

    return Starlette(routes=[Route(path, pass_on, methods=["POST"]) for path in CERTIFIED])


async def _pass_through(caller: Caller, request: Request, added: Mapping[str, str]) -> Response:
    declared = request.headers.get("content-length", "0")
    try:
        body = await read_body(request.receive, int(declared) if declared.isdecimal() else 0, LARGEST_BYTES)
    except (BodyNotReadable, BodyTooLarge) as refusal:
        return JSONResponse(error_body(refusal.code, refusal.message), refusal.status)
    headers = {name: request.headers[name] for name in _PASSED_IN if name in request.headers} | dict(added)
    # As it was sent, whatever it holds: a query string need not be text that can be read.
    query = quote_from_bytes(request.scope["query_string"], safe=string.punctuation)
    path = request.scope["path"] + (f"?{query}" if query else "")
    try:
        answer = await caller.call(Call("identity", path, body, headers, request.method))
    except ServiceUnavailable:
        body_of_503 = {"error": "temporarily_unavailable", "error_description": "Try again shortly."}
        return JSONResponse(body_of_503, 503, {"retry-after": "1", "cache-control": "no-store"})
    response = Response(answer.body, answer.status)
    for name, value in answer.headers.items():
        if name not in _NOT_PASSED_OUT:
            response.headers[name] = value
    return response


def readiness_of(caller: Caller, services: tuple[str, ...]) -> Callable[[], Awaitable[dict[str, bool]]]:
    """Return the check whether every service that the graph stands on answers."""

    async def ready() -> dict[str, bool]:
        return {service: await _answers(caller, service) for service in services}

    return ready


async def _answers(caller: Caller, service: str) -> bool:
    try:
        answer = await caller.call(Call(service, "/health/live", b"", {}, "GET", 2.0))
    except ServiceUnavailable:
        return False
    return answer.status == 200
