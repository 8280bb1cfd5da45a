"""The HTTP edge of a service: parse, open the transaction, call the action, serialise.

Two kinds of route, both ``POST`` with JSON: ``/do/<verb>`` changes something and answers ``{"result": {...}}``; ``/load/<name>``
takes ``{"keys": [...], "args": {...}}`` and answers ``{"rows": [...]}``, aligned with the keys. Who asks stands in the passport.
Every failure leaves as an RFC 9457 problem document.

A verb that is asked under an idempotency key is done at most once, and answered the same whenever it is asked again: see
``chassis.idempotency``. A verb that takes no keys says why, where its route is added.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis import idempotency
from chassis.acts import Deed
from chassis.errors import FieldProblem, Invalid, NotFound, Refusal, internal_problem, to_problem
from chassis.idempotency import Answered, Attempt, Ledger, Wish, wish_of
from chassis.mends import mend_of
from chassis.mongo import Reader, Store, Transaction
from chassis.principal import ANONYMOUS, HEADER, PassportVerifier, Principal
from chassis.tallying import Tally, is_denial
from chassis.telemetry import (
    REQUEST_HEADER,
    REQUEST_SECONDS,
    REQUESTS,
    current_request,
    current_trace,
    log,
    read_request_id,
    span,
    within_request,
)

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Json = Any
Handler = Callable[["Asked"], Awaitable[Json]]
Endpoint = Callable[[Request], Awaitable[Response]]

MAX_KEYS = 1000
MAX_BODY_BYTES = 16 * 1024 * 1024
_ANYBODYS = "it is answered without a passport: there is nobody whose key it could be"
_log = log("web")


class InputNotUsable(Invalid):
    """Some fields cannot be used as they were sent."""


class BodyNotReadable(Invalid):
    """The body is not the JSON object that this route takes."""

    status = 400


class BodyTooLarge(Invalid):
    """The body is larger than this route takes."""

    status = 413


class NoSuchRoute(NotFound):
    """There is nothing at this address."""


class Edge:
    """What a service's routes stand on: its store, the verifier of passports, what was done under keys, what was refused."""

    def __init__(self, store: Store, verifier: PassportVerifier, *, wait_seconds: float = idempotency.WAIT_SECONDS) -> None:
        self.store = store
        self.verifier = verifier
        self.ledger = Ledger(store, wait_seconds=wait_seconds)
        self.tally = Tally(store)


class Asked:
    """One request to a service, as its handlers see it."""

    __slots__ = ("_attempt", "_edge", "_verb", "body", "principal")

    def __init__(
        self,
        edge: Edge,
        principal: Principal,
        body: dict[str, Any],
        *,
        verb: str | None = None,
        attempt: Attempt | None = None,
    ) -> None:
        self._edge = edge
        self._verb = verb
        self._attempt = attempt
        self.principal = principal
        self.body = body

    @property
    def keys(self) -> list[Any]:
        """Return the keys of a load. Raises ``BodyNotReadable``."""
        keys = self.body.get("keys")
        if not isinstance(keys, list) or len(keys) > MAX_KEYS:
            raise BodyNotReadable(f"keys: give a list of at most {MAX_KEYS} keys")
        return keys

    @property
    def ids(self) -> list[str]:
        """Return the keys of a load that takes ids. Raises ``BodyNotReadable``."""
        keys = self.keys
        if not all(isinstance(key, str) for key in keys):
            raise BodyNotReadable("keys: give ids")
        return keys

    @property
    def args(self) -> dict[str, Any]:
        """Return the arguments of a load."""
        args = self.body.get("args") or {}
        if not isinstance(args, dict):
            raise BodyNotReadable("args: give an object")
        return args

    def read(self, model: type[M]) -> M:
        """Return the body as the model reads it. Raises ``InputNotUsable`` naming each field and its mend."""
        return read_input(model, self.body)

    async def transact(self, work: Callable[[Transaction], Awaitable[T]], *, patience_seconds: float = 1.0) -> T:
        """Run work in a transaction of this service, on behalf of the one who asks.

        Under an idempotency key the first one also leaves the marker; a handler opens its transactions one after the other. Each
        is recorded as an act of its verb.
        """
        if self._attempt is not None:
            work = self._attempt.marking(work)
        deed = Deed(self._verb) if self._verb is not None else None
        return await self._edge.store.transact(self.principal, work, patience_seconds=patience_seconds, deed=deed)

    def reader(self) -> Reader:
        """Return a reader on behalf of the one who asks."""
        return self._edge.store.reader(self.principal)


def read_input(model: type[M], body: object) -> M:
    """Return input as the model reads it. Raises ``InputNotUsable`` naming each field and its mend."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        problems = [
            FieldProblem(".".join(str(part) for part in each["loc"]) or "input", mend_of(each))
            for each in error.errors(include_url=False, include_input=False)
        ]
        raise InputNotUsable("; ".join(f"{each.field}: {each.message}" for each in problems[:5]), fields=problems) from error


def problem_response(refusal: Refusal) -> Response:
    """Return a refusal as a problem response."""
    headers = {}
    if refusal.retry_after_seconds is not None:
        headers["retry-after"] = str(refusal.retry_after_seconds)
    body = orjson.dumps(to_problem(refusal, current_trace(), current_request()))
    return Response(body, refusal.status, headers, media_type="application/problem+json")


def json_response(document: Json, status: int = 200) -> Response:
    """Return a JSON response."""
    body = orjson.dumps(document, option=orjson.OPT_UTC_Z)
    return Response(body, status, media_type="application/json")


async def read_body(request: Request) -> dict[str, Any]:
    """Return the request's JSON object. Raises ``BodyNotReadable`` or ``BodyTooLarge``."""
    pieces = bytearray()
    async for piece in request.stream():
        pieces += piece
        if len(pieces) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"The body is larger than {MAX_BODY_BYTES} bytes.")
    try:
        body = orjson.loads(bytes(pieces))
    except orjson.JSONDecodeError as error:
        raise BodyNotReadable(f"The body is not JSON: {error}.") from error
    if not isinstance(body, dict):
        raise BodyNotReadable
    return body


class Verb(Route):
    """``POST /do/<verb>``; ``without_keys`` says why it takes no idempotency keys, where it takes none."""

    def __init__(self, verb: str, endpoint: Endpoint, without_keys: str | None) -> None:
        super().__init__(f"/do/{verb}", endpoint, methods=["POST"])
        self.without_keys = without_keys


class Routes:
    """Collects the routes of one noun; every one verifies the passport before anything else is looked at."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self.collected: list[BaseRoute] = []

    def do(self, verb: str, handler: Handler, *, without_keys: str | None = None) -> None:
        """Add ``POST /do/<verb>``; ``without_keys`` is the reason why idempotency keys are ignored."""

        async def endpoint(request: Request) -> Response:
            principal = self._principal(request)
            body = await read_body(request)
            key = request.headers.get(idempotency.HEADER)
            wish = (
                None
                if key is None or without_keys is not None or principal.id is None
                else wish_of(key, principal.id, verb, body)
            )
            try:
                if wish is not None:
                    return await self._once(wish, handler, verb, Asked(self._edge, principal, body))
                return json_response({"result": await handler(Asked(self._edge, principal, body, verb=verb))})
            except Refusal as refusal:
                if is_denial(refusal):
                    self._edge.tally.deny(principal, verb, refusal, body)
                raise

        self.collected.append(Verb(verb, endpoint, without_keys))

    def do_for_anyone(self, verb: str, handler: Handler) -> None:
        """Add ``POST /do/<verb>`` that is answered without a passport: only what gives out passports is."""

        async def endpoint(request: Request) -> Response:
            asked = Asked(self._edge, ANONYMOUS, await read_body(request), verb=verb)
            return json_response({"result": await handler(asked)})

        self.collected.append(Verb(verb, endpoint, _ANYBODYS))

    def load(self, name: str, handler: Handler) -> None:
        """Add ``POST /load/<name>``."""

        async def endpoint(request: Request) -> Response:
            principal = self._principal(request)
            return json_response({"rows": await handler(Asked(self._edge, principal, await read_body(request)))})

        self.collected.append(Route(f"/load/{name}", endpoint, methods=["POST"]))

    def _principal(self, request: Request) -> Principal:
        return self._edge.verifier.verify(request.headers.get(HEADER))

    async def _once(self, wish: Wish, handler: Handler, verb: str, asked: Asked) -> Response:
        async def run(attempt: Attempt) -> Answered:
            try:
                marked = Asked(self._edge, asked.principal, asked.body, verb=verb, attempt=attempt)
                response = json_response({"result": await handler(marked)})
            except Refusal as refusal:
                # Refused before anything was done: asked again, it runs again. Afterwards it is the answer to what was done.
                if not attempt.is_done or refusal.status >= 500:
                    raise
                response = problem_response(refusal)
            return Answered(response.status_code, bytes(response.body))

        answered, is_kept = await self._edge.ledger.answer(wish, run)
        headers = {idempotency.REPLAYED_HEADER: "true"} if is_kept else {}
        kind = "application/json" if answered.status < 400 else "application/problem+json"
        return Response(answered.body, answered.status, headers, media_type=kind)


class _Guard:
    """Pure ASGI: one span, one metric and one problem document at most for every request."""

    def __init__(self, app: ASGIApp, service: str) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        traceparent = headers.get(b"traceparent", b"").decode("latin-1") or None
        started_at = time.perf_counter()
        status = 500

        async def send_and_note(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        request_id = read_request_id(headers.get(REQUEST_HEADER.encode(), b"").decode("latin-1"))
        with span(f"{self._service} {scope['path']}", traceparent), within_request(request_id):
            try:
                await self._app(scope, receive, send_and_note)
            finally:
                route = scope["path"] if status not in (404, 405) else "other"
                REQUESTS.labels(self._service, route, str(status)).inc()
                REQUEST_SECONDS.labels(self._service, route).observe(time.perf_counter() - started_at)


async def _on_refusal(_request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return problem_response(refusal)


async def _on_failure(_request: Request, failure: Exception) -> Response:
    _log.error("a request failed", exc_info=failure)
    return Response(
        orjson.dumps(internal_problem(current_trace(), current_request())), 500, media_type="application/problem+json"
    )


async def _on_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    problem = to_problem(NoSuchRoute(), current_trace(), current_request()) | {"status": error.status_code}
    return Response(orjson.dumps(problem), error.status_code, error.headers, media_type="application/problem+json")


class _Failures:
    """Pure ASGI: an unexpected exception becomes a masked 500 with a trace id, and a log line."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def send_and_note(message: Any) -> None:
            nonlocal has_begun
            has_begun = has_begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as failure:
            if scope["type"] != "http" or has_begun:
                raise
            response = await _on_failure(Request(scope), failure)
            await response(scope, receive, send)


Ready = Callable[[], Awaitable[dict[str, bool]]]


async def _nothing_beside() -> dict[str, bool]:
    return {}


def health_routes(ready: Ready, beside: Ready = _nothing_beside) -> list[BaseRoute]:
    """Return ``/health/live`` (the process answers), ``/health/ready`` (each part it needs answers) and ``/metrics``.

    What stands ``beside`` is told, too: it can be away while everything that is asked here is answered.
    """

    async def live(_request: Request) -> Response:
        return json_response({"status": "live"})

    async def is_ready(_request: Request) -> Response:
        parts = await ready()
        is_whole = all(parts.values())
        neighbours = {"beside": found} if (found := await beside()) else {}
        told = {"status": "ready" if is_whole else "not ready", "parts": parts, **neighbours}
        return json_response(told, 200 if is_whole else 503)

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [
        Route("/health/live", live, methods=["GET"]),
        Route("/health/ready", is_ready, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]


def service_app(service: str, routes: Sequence[BaseRoute], ready: Ready, beside: Ready = _nothing_beside) -> ASGIApp:
    """Return a service's whole HTTP application."""
    app = Starlette(
        routes=[*routes, *health_routes(ready, beside)],
        middleware=[Middleware(_Failures)],
        exception_handlers={Refusal: _on_refusal, HTTPException: _on_http_error},
    )
    return _Guard(app, service)
