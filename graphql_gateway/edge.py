"""The addresses beside the graph: OAuth and its metadata pass through to identity byte for byte; and whether services answer."""

import string
from collections.abc import Awaitable, Callable
from urllib.parse import quote_from_bytes

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from chassis.calls import Call, Caller, ServiceUnavailable
from graphql_gateway.errors import BodyNotReadable, BodyTooLarge, error_body
from graphql_gateway.limits import read_body

LARGEST_BYTES = 64 * 1024
_PASSED_IN = ("accept", "authorization", "content-type", "origin", "user-agent")
_NOT_PASSED_OUT = frozenset({"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"})
PASSED_THROUGH = {
    "/oauth/token": ("POST",),
    "/.well-known/oauth-authorization-server": ("GET",),
    "/.well-known/jwks.json": ("GET",),
}


def edge_routes(caller: Caller) -> list[BaseRoute]:
    """Return the routes that identity answers itself."""

    async def pass_through(request: Request) -> Response:
        declared = request.headers.get("content-length", "0")
        try:
            body = await read_body(request.receive, int(declared) if declared.isdecimal() else 0, LARGEST_BYTES)
        except (BodyNotReadable, BodyTooLarge) as refusal:
            return JSONResponse(error_body(refusal.code, refusal.message), refusal.status)
        headers = {name: request.headers[name] for name in _PASSED_IN if name in request.headers}
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

    return [Route(path, pass_through, methods=list(methods)) for path, methods in PASSED_THROUGH.items()]


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
