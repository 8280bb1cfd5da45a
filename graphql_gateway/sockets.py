"""GraphQL over WebSocket: the graphql-transport-ws protocol, and no other.

Strawberry's own handler keeps the protocol; what it is given here is our way of reading messages and of running operations.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import timedelta
from json import JSONDecodeError
from typing import Any, cast

import orjson
from graphql import OperationType
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import NonJsonMessageReceived, NonTextMessageReceived, WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.unset import UNSET

from chassis.errors import Refusal
from chassis.telemetry import log, span
from graphql_gateway.auth import CSRF_HEADER, Credentials, Doorkeeper, bearer_in
from graphql_gateway.context import Context, Desk
from graphql_gateway.endpoint import address_of, user_agent_in
from graphql_gateway.engine.front import Front, Refused
from graphql_gateway.errors import BodyNotReadable, internal_body, refusal_body
from graphql_gateway.idempotency import read_key, tell
from graphql_gateway.limits import read_json, read_operation
from graphql_gateway.live import Hub, updates

PROTOCOL = "graphql-transport-ws"
INIT_SECONDS = 10
_extensions: ContextVar[Any] = ContextVar("extensions", default=None)
_log = log("gateway")


@dataclass(frozen=True, slots=True)
class Told:
    """An error that is written already, where Strawberry's handler expects one that is not."""

    formatted: dict[str, Any]
    original_error: None = None


@dataclass(slots=True)
class Member:
    """One connection: what its handshake showed, and who it turned out to be."""

    headers: Headers
    context: Context
    connection_params: dict[str, Any] | None = None


@dataclass(slots=True)
class Sockets:
    """The ASGI application behind the WebSockets of ``/graphql``."""

    front: Front
    desk: Desk
    door: Doorkeeper
    hub: Hub
    most_bytes: int
    most_operations: int = 50

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection for as long as it lasts."""
        websocket = WebSocket(scope, receive, send)
        headers = Headers(scope=scope)
        with span("gateway /graphql socket", headers.get("traceparent")):
            try:
                self.door.check_origin(headers)
            except Refusal:
                await websocket.close(1008)
                return
            if PROTOCOL not in scope["subprotocols"]:
                await websocket.accept()
                await websocket.close(4406, "Subprotocol not acceptable")
                return
            await websocket.accept(PROTOCOL)
            context = Context(self.desk, network_address=address_of(scope), user_agent=user_agent_in(headers))
            await self._handle(websocket, Member(headers, context))

    async def _handle(self, websocket: WebSocket, member: Member) -> None:
        handler = _Handler(
            view=cast("Any", self),
            websocket=cast("Any", _Wire(websocket, self.most_bytes)),
            context=member,
            root_value=None,
            schema=cast("Any", self),
            connection_init_wait_timeout=timedelta(seconds=INIT_SECONDS),
            max_subscriptions_per_connection=self.most_operations,
        )
        await handler.handle()

    async def on_ws_connect(self, member: Member) -> Any:
        """Find out who connects: by the first message's ``authorization``, or by what the handshake carried."""
        sent = {name.lower(): value for name, value in (member.connection_params or {}).items() if isinstance(value, str)}
        bearer = bearer_in(sent.get("authorization"))
        credentials = Credentials(bearer) if bearer else self.door.credentials(member.headers)
        try:
            self.door.check_page(credentials, member.headers, sent.get(CSRF_HEADER))
            if credentials.token is not None:
                await self.desk.sessions.passport(credentials.token)
        except Refusal as refusal:
            raise ConnectionRejectionError from refusal
        member.context.token = credentials.token
        return UNSET

    async def stream(
        self,
        query: Any,
        *,
        variable_values: Any,
        context_value: Member,
        root_value: None,  # noqa: ARG002 - the handler names it
        operation_name: Any,
    ) -> AsyncGenerator[Any, None]:
        """Run one operation: this is what the handler takes for a schema."""
        sent = {"query": query, "variables": variable_values, "operationName": operation_name, "extensions": _extensions.get()}
        return self._stream(sent, context_value)

    async def _stream(self, sent: dict[str, Any], member: Member) -> AsyncGenerator[Any, None]:
        try:
            asked = read_operation(sent)
            ready = self.front.ready(asked)
            if ready.kind is OperationType.SUBSCRIPTION:
                async with aclosing(updates(self.front, self.hub, ready, member.context)) as responses:
                    async for response in responses:
                        yield _result(response)
                return
            context = member.context
            if ready.kind is OperationType.MUTATION:
                context = replace(context, idempotency_key=read_key((), asked.extensions), replayed=[])
            yield _result(tell(await self.front.answer(ready, context), context.replayed))
        except Refused as refused:
            yield _not_run(refused.body)
        except Refusal as refusal:
            yield _not_run(refusal_body(refusal))
        except Exception:  # noqa: BLE001 - whatever it is, the outside learns the trace id and nothing else
            _log.exception("an operation over a socket failed")
            yield _not_run(internal_body())


def _result(response: dict[str, Any]) -> ExecutionResult:
    errors = cast("Any", [Told(error) for error in response.get("errors", ())])
    return ExecutionResult(data=response.get("data"), errors=errors or None, extensions=response.get("extensions"))


def _not_run(body: dict[str, Any]) -> PreExecutionError:
    return PreExecutionError(data=None, errors=cast("Any", [Told(error) for error in body["errors"]]))


class _Handler(BaseGraphQLTransportWSHandler[Any, Any]):
    """Strawberry's handler, which forgets a message's ``extensions``: the task of the operation finds them here."""

    async def handle_subscribe(self, message: Any) -> None:
        """Begin an operation."""
        _extensions.set(message["payload"].get("extensions"))
        await super().handle_subscribe(message)


class _Wire:
    """The messages of one WebSocket, as the protocol's handler takes them."""

    def __init__(self, websocket: WebSocket, most_bytes: int) -> None:
        self._websocket = websocket
        self._most_bytes = most_bytes

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """Give each message that is a JSON object."""
        while True:
            try:
                text = await self._websocket.receive_text()
            except WebSocketDisconnect:
                return
            except (KeyError, RuntimeError) as error:
                raise NonTextMessageReceived from error
            try:
                yield self._read(text)
            except (BodyNotReadable, JSONDecodeError) as error:
                if not ignore_parsing_errors:
                    raise NonJsonMessageReceived from error

    def _read(self, text: str) -> dict[str, Any]:
        encoded = text.encode("utf-8", "surrogatepass")
        if len(encoded) > self._most_bytes:
            raise BodyNotReadable
        message = read_json(encoded)
        if not isinstance(message, dict) or not isinstance(message.get("id", ""), str):
            raise BodyNotReadable
        if message.get("type") == "subscribe" and not isinstance(message.get("payload"), dict):
            raise BodyNotReadable
        return message

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send one message."""
        try:
            await self._websocket.send_text(orjson.dumps(message).decode())
        except (WebSocketDisconnect, RuntimeError) as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """Close the connection."""
        await self._websocket.close(code, reason)
