"""GraphQL over HTTP: from the bytes of a request to the bytes of its response.

The media types and statuses are those of the GraphQL-over-HTTP specification: ``application/graphql-response+json`` gets 4xx for
a request that is not run; ``application/json``, which older clients expect, gets 200 for every request that is well formed.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import OperationType
from starlette.datastructures import Headers, QueryParams
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.errors import Refusal
from chassis.telemetry import REQUEST_SECONDS, REQUESTS, log, span
from graphql_gateway.auth import CSRF_HEADER, Credentials, Doorkeeper
from graphql_gateway.clients.identity import SessionEnded
from graphql_gateway.context import Context, Desk
from graphql_gateway.engine.front import Asked, Front, Ready, Refused
from graphql_gateway.errors import (
    BodyNotReadable,
    MediaTypeNotTaken,
    MethodNotTaken,
    NothingAcceptable,
    internal_body,
    refusal_body,
)
from graphql_gateway.idempotency import HEADER, REPLAYED_HEADER, read_key, tell
from graphql_gateway.limits import read_body, read_json, read_operation
from graphql_gateway.live import Hub, updates
from graphql_gateway.pages.graphiql import Graphiql
from graphql_gateway.stream import EventStream

JSON = "application/json"
GRAPHQL = "application/graphql-response+json"
EVENTS = "text/event-stream"
_USER_AGENT_LENGTH = 500
_log = log("gateway")


@dataclass(frozen=True, slots=True)
class Sizes:
    """The largest bodies, of visitors and of those who are signed in."""

    anybody: int
    signed_in: int


@dataclass(slots=True)
class Endpoint:
    """The ASGI application at ``/graphql``."""

    front: Front
    desk: Desk
    door: Doorkeeper
    hub: Hub
    sizes: Sizes
    graphiql: Graphiql | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever it is, with a GraphQL response."""
        headers = Headers(scope=scope)
        with span("gateway /graphql", headers.get("traceparent")):
            media_type = media_type_of(headers.get("accept")) or GRAPHQL
            try:
                response: ASGIApp = await self._respond(scope, headers, receive)
            except Refused as refused:
                response = _json(refused.body, media_type, 200 if media_type == JSON else 400)
            except Refusal as refusal:
                response = _json(refusal_body(refusal), media_type, refusal.status)
                if isinstance(refusal, MethodNotTaken):
                    response.headers["allow"] = "POST"
                if refusal.status == 401:
                    response.headers["www-authenticate"] = "Bearer"
            except Exception:  # noqa: BLE001 - whatever it is, the outside learns the trace id and nothing else
                _log.exception("a request failed")
                response = _json(internal_body(), media_type, 500)
            REQUESTS.labels("gateway", "/graphql", str(getattr(response, "status_code", 200))).inc()
            await response(scope, receive, send)

    async def _respond(self, scope: Scope, headers: Headers, receive: Receive) -> Response | EventStream:
        media_type = media_type_of(headers.get("accept"))
        method = scope["method"]
        if method == "GET" and self.graphiql is not None and "query=" not in scope["query_string"].decode("latin-1"):
            return self.graphiql.page()
        if method not in ("GET", "POST"):
            raise MethodNotTaken
        if media_type is None:
            raise NothingAcceptable
        credentials = self.door.credentials(headers)
        self.door.check_page(credentials, headers, headers.get(CSRF_HEADER))
        # Events begin before anything is done, so their headers can carry no cookie.
        cookies = None if media_type == EVENTS else self.door.cookies
        context = Context(
            self.desk, credentials.token, cookies, network_address=address_of(scope), user_agent=user_agent_in(headers)
        )
        is_signed_in = await self._is_signed_in(context, credentials)
        most_bytes = self.sizes.signed_in if is_signed_in else self.sizes.anybody
        asked = _in_query(scope) if method == "GET" else await _in_body(headers, receive, most_bytes)
        ready = self.front.ready(asked)
        if method == "GET" and ready.kind is not OperationType.QUERY:
            raise MethodNotTaken
        if ready.kind is OperationType.MUTATION:
            context.idempotency_key = read_key(headers.getlist(HEADER), asked.extensions)
        if media_type == EVENTS:
            return EventStream(self._events(ready, context))
        if ready.kind is OperationType.SUBSCRIPTION:
            raise NothingAcceptable("Updates come over a WebSocket, or as text/event-stream.")
        with REQUEST_SECONDS.labels("gateway", ready.kind.value).time():
            answer = await self.front.answer(ready, context)
        return _with_headers(_json(tell(answer, context.replayed), media_type, 200), context)

    async def _is_signed_in(self, context: Context, credentials: Credentials) -> bool:
        """Say whether a living session asks.

        Raises ``SessionEnded`` to a program; a page whose cookie is stale goes on as a visitor and loses the cookie.
        """
        if credentials.token is None:
            return False
        try:
            await self.desk.sessions.passport(credentials.token)
        except SessionEnded:
            if not credentials.is_cookie:
                raise
            context.token = None
            context.set_cookies += self.door.cookies.dropped()
            return False
        except Refusal:
            return False  # sessions cannot be checked now: what needs them will say so, the rest is answered
        return True

    async def _events(self, ready: Ready, context: Context) -> AsyncGenerator[dict[str, Any], None]:
        try:
            if ready.kind is not OperationType.SUBSCRIPTION:
                yield tell(await self.front.answer(ready, context), context.replayed)
                return
            async for update in updates(self.front, self.hub, ready, context):
                yield update
        except Refused as refused:
            yield refused.body
        except Refusal as refusal:
            yield refusal_body(refusal)
        except Exception:  # noqa: BLE001 - as above
            _log.exception("an update failed")
            yield internal_body()


async def _in_body(headers: Headers, receive: Receive, most_bytes: int) -> Asked:
    kind, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if kind.strip().lower() != JSON or charset not in ("", "utf-8", "utf8"):
        raise MediaTypeNotTaken
    declared = headers.get("content-length", "0")
    return read_operation(read_json(await read_body(receive, int(declared) if declared.isdecimal() else 0, most_bytes)))


def _in_query(scope: Scope) -> Asked:
    try:
        sent: dict[str, Any] = dict(QueryParams(scope["query_string"]))
    except UnicodeDecodeError as error:
        raise BodyNotReadable("The query string is not UTF-8.") from error
    for name in ("variables", "extensions"):
        if sent.get(name):
            sent[name] = read_json(sent[name].encode("utf-8", "surrogatepass"))
        else:
            sent.pop(name, None)
    return read_operation(sent)


def user_agent_in(headers: Headers) -> str | None:
    """Return what the program that asks calls itself, or None where it does not say."""
    return headers.get("user-agent", "")[:_USER_AGENT_LENGTH] or None


def address_of(scope: Scope) -> str | None:
    """Return the network address that a request came from, as the server in front understands it."""
    client = scope.get("client")
    return str(client[0]) if client else None


def media_type_of(accept: str | None) -> str | None:
    """Return the media type to answer in, or None where nothing that can be given is accepted."""
    if not accept:
        return JSON
    best, best_quality = None, 0.0
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        found = {GRAPHQL: GRAPHQL, JSON: JSON, EVENTS: EVENTS, "*/*": JSON, "application/*": JSON}.get(name)
        if found is not None and quality > best_quality:
            best, best_quality = found, quality
    return best


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def _json(body: dict[str, Any], media_type: str, status: int) -> Response:
    kind = JSON if media_type == EVENTS else media_type
    return Response(orjson.dumps(body), status, {"content-type": f"{kind}; charset=utf-8"})


def _with_headers(response: Response, context: Context) -> Response:
    if context.replayed and not context.done_anew:
        response.headers[REPLAYED_HEADER] = "true"
    for cookie in context.set_cookies:
        response.headers.append("set-cookie", cookie)
    if context.token is not None or context.set_cookies:
        response.headers["cache-control"] = "no-store"
    return response
