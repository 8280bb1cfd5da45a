"""How the gateway calls services: the same bytes, in process or over HTTP/1.1.

``AsgiCaller`` runs a service's application in this process; ``HttpCaller`` keeps a pool of connections of its own, because the
internal client decides what a page costs: a general-purpose client spends more on one call than a service on answering it.
"""

import asyncio
import contextvars
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import httptools
from starlette.types import ASGIApp, Message

from chassis.errors import Unavailable
from chassis.mongo import is_in_transaction
from chassis.telemetry import REQUEST_HEADER, current_request, current_traceparent, log

_log = log("calls")
_MAX_IDLE = 64
_MAX_IDLE_SECONDS = 15.0
_LARGEST_ANSWER_BYTES = 64 * 1024 * 1024


class ServiceUnavailable(Unavailable):
    """A service does not answer; try again shortly."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service answered. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Call:
    """One call: ``service`` by name, ``path`` with its query, ``headers`` with lower-case names."""

    service: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    timeout_seconds: float = 10.0

    @property
    def is_repeatable(self) -> bool:
        """Say whether asking twice does no more than asking once."""
        return self.method == "GET" or self.path.startswith("/load/")


class Caller(Protocol):
    """Calls services by name."""

    async def call(self, call: Call) -> Answer:
        """Return the service's answer, whatever its status. Raises ``ServiceUnavailable``."""
        ...

    async def close(self) -> None:
        """Give back what is held open."""
        ...


def _outgoing_headers(call: Call) -> dict[str, str]:
    assert not is_in_transaction(), "no call may be made while a transaction is open"
    headers = {
        "content-type": "application/json",
        "traceparent": current_traceparent(),
        REQUEST_HEADER: current_request(),
    }
    headers.update(call.headers)
    return headers


class AsgiCaller:
    """Runs services' applications in this process, as if over the network: own context, deadline, no exceptions."""

    def __init__(self, apps: Mapping[str, ASGIApp]) -> None:
        self._apps = dict(apps)

    async def call(self, call: Call) -> Answer:
        """Return the application's answer. Raises ``ServiceUnavailable`` at the deadline or for an unknown service."""
        app = self._apps.get(call.service)
        if app is None:
            raise ServiceUnavailable(f"There is no service {call.service} here.")
        run = _AsgiRun(call, _outgoing_headers(call))
        # A task of its own in an empty context: context variables leak neither in nor out.
        task = asyncio.get_running_loop().create_task(run.run(app), context=contextvars.Context())
        done, _ = await asyncio.wait([task], timeout=call.timeout_seconds)
        if not done:
            task.cancel()
            raise ServiceUnavailable(f"{call.service} did not answer within {call.timeout_seconds} s.")
        failure = task.exception()
        if failure is not None:
            _log.error("a service's application failed", service=call.service, exc_info=failure)
            return Answer(500, {}, b"")
        return task.result()

    async def close(self) -> None:
        """Nothing is held open."""


class _AsgiRun:
    """One request through an ASGI application."""

    def __init__(self, call: Call, headers: Mapping[str, str]) -> None:
        path, _, query = call.path.partition("?")
        self._body: bytes | None = call.body
        self._finished = asyncio.Event()
        self._scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": call.method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
            "client": ("127.0.0.1", 0),
            "server": (call.service, 80),
        }
        self._status = 500
        self._headers: dict[str, str] = {}
        self._answer = bytearray()

    async def run(self, app: ASGIApp) -> Answer:
        await app(self._scope, self._receive, self._send)
        return Answer(self._status, self._headers, bytes(self._answer))

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._finished.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            self._answer += message.get("body", b"")
            if not message.get("more_body"):
                self._finished.set()


class _Connection(asyncio.Protocol):
    """One keep-alive HTTP/1.1 connection that carries one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._waiter: asyncio.Future[Answer] | None = None
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self.is_open = False
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not subclasses of asyncio's, only alike.
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._fail(exc or ConnectionResetError("the service closed the connection"))

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(ConnectionError(f"not HTTP: {error}"))
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, piece: bytes) -> None:
        self._body += piece
        if len(self._body) > _LARGEST_ANSWER_BYTES:
            self._fail(ConnectionError("the answer is too large"))
            self.close()

    def on_message_complete(self) -> None:
        answer = Answer(self._parser.get_status_code(), self._headers, bytes(self._body))
        if not self._parser.should_keep_alive():
            self.close()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(answer)

    async def ask(self, request: bytes) -> Answer:
        """Send a request and return its answer; the caller bounds the time."""
        assert self._transport is not None
        self._parser = httptools.HttpResponseParser(self)
        self._headers = {}
        self._body = bytearray()
        self._waiter = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiter

    def close(self) -> None:
        self.is_open = False
        if self._transport is not None:
            self._transport.close()

    def _fail(self, error: Exception) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)


class _Pool:
    """The idle connections to one address."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.hostname or "127.0.0.1"
        self.port = parts.port or 80
        self.prefix = parts.path.rstrip("/")
        self._idle: list[_Connection] = []

    def take(self) -> _Connection | None:
        oldest = time.monotonic() - _MAX_IDLE_SECONDS
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and connection.idle_since > oldest:
                return connection
            connection.close()
        return None

    async def connect(self) -> _Connection:
        _, connection = await asyncio.get_running_loop().create_connection(_Connection, self.host, self.port)
        return connection

    def give_back(self, connection: _Connection) -> None:
        if connection.is_open and len(self._idle) < _MAX_IDLE:
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()


class HttpCaller:
    """Calls services over HTTP/1.1 with kept-alive connections. ``urls`` maps a service's name to its base URL."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._pools = {name: _Pool(url) for name, url in urls.items()}

    async def call(self, call: Call) -> Answer:
        """Return the service's answer. Raises ``ServiceUnavailable`` when it cannot be reached or is too slow."""
        pool = self._pools.get(call.service)
        if pool is None:
            raise ServiceUnavailable(f"No address is set for the service {call.service}.")
        request = _request_bytes(pool, call, _outgoing_headers(call))
        try:
            async with asyncio.timeout(call.timeout_seconds):
                return await self._ask(pool, request, is_repeatable=call.is_repeatable)
        except (OSError, TimeoutError) as error:
            raise ServiceUnavailable(f"{call.service} does not answer.") from error

    async def _ask(self, pool: _Pool, request: bytes, *, is_repeatable: bool) -> Answer:
        connection = pool.take()
        if connection is None:
            return await self._ask_on(pool, await pool.connect(), request)
        try:
            return await self._ask_on(pool, connection, request)
        except ConnectionError:
            # The service may have closed the idle connection, or may have done the work and died: only reading is asked again.
            if not is_repeatable:
                raise
            return await self._ask_on(pool, await pool.connect(), request)

    async def _ask_on(self, pool: _Pool, connection: _Connection, request: bytes) -> Answer:
        try:
            answer = await connection.ask(request)
        except BaseException:
            connection.close()
            raise
        pool.give_back(connection)
        return answer

    async def close(self) -> None:
        """Close the idle connections."""
        for pool in self._pools.values():
            pool.close()


def _request_bytes(pool: _Pool, call: Call, headers: Mapping[str, str]) -> bytes:
    lines = [f"{call.method} {pool.prefix}{call.path} HTTP/1.1", f"host: {pool.host}:{pool.port}"]
    for name, value in headers.items():
        if "\r" in value or "\n" in value:
            raise ServiceUnavailable("A header value with a line break is not sent.")
        lines.append(f"{name}: {value}")
    lines.append(f"content-length: {len(call.body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + call.body
