"""The check's own listener: HTTP/1.1 spoken directly, because every call of every API passes through here.

A web framework, or even a general ASGI server, costs more per request than the decision itself. Proxies keep their connections
open and send small requests without bodies; so this reads the request line and a few headers, and answers at once without a task.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import httptools

from chassis.clock import steady_ns
from chassis.tasks import bounded
from chassis.telemetry import log
from services.enforcement.checks.answers import answer_to, not_a_check, not_ready, said_to_be_stale
from services.enforcement.checks.case import Asked, Credentials, Now, Rejected
from services.enforcement.checks.domain import Decided, Verdict, decide, settled
from services.enforcement.checks.patience import HOLD_NS, PAUSE_SECONDS, Patience
from services.enforcement.checks.refusals import ApiNotFound
from services.enforcement.checks.tokens import Tokens
from services.enforcement.checks.told import (
    CERTIFICATE_HEADER,
    NGINX,
    CallNotReadable,
    Certificates,
    Destination,
    Told,
    answer_for,
    told_in,
)
from services.enforcement.checks.told import HEADERS as TOLD_HEADERS
from services.enforcement.epochs.domain import EnforcementNotFresh
from services.enforcement.epochs.freshness import Freshness
from services.enforcement.limits.counting import Counted
from services.enforcement.state.upstreams import Upstream, environment_of
from services.enforcement.state.world import World

PREFIX = b"/check"
_WANTED = frozenset({b"authorization", b"x-forwarded-client-cert", b"x-request-id", *TOLD_HEADERS})
_LARGEST_HEAD_BYTES = 64 * 1024
_log = log("enforcement.check")

Headers = dict[bytes, bytes]


class Held(NamedTuple):
    """A call that is decided again until it passes or its time is up (a steady clock's nanoseconds)."""

    asked: Asked
    credentials: Credentials | Rejected
    request_id: str
    until_ns: int
    told: Told | None = None


class Counting(NamedTuple):
    """A call that passes if its limits let it, which is being found out."""

    decided: Decided
    told: Told | None = None


class Check:
    """Answers one check: from the request line and headers to the bytes of the answer."""

    def __init__(
        self,
        world: World,
        tokens: Tokens,
        is_loaded: Callable[[], bool],
        freshness: Freshness,
        *,
        origin_of: Callable[[Upstream], str] = lambda _: "",
        keeps: Callable[[Decided], bool] = lambda _: False,
    ) -> None:
        """Begin to answer.

        ``origin_of`` says where an upstream is, for proxies that ask where to send a call (nothing: it cannot be called);
        ``keeps`` takes refusals.
        """
        self._world = world
        self._freshness = freshness
        self._origin_of = origin_of
        self._certificates = Certificates()
        self._tokens = tokens
        self._is_loaded = is_loaded
        self._keeps = keeps
        self._patience = Patience(world)
        self._clocks = (time.monotonic_ns, time.time_ns)

    def answer(self, method: bytes, target: bytes, headers: Headers) -> bytes | Held | Counting:
        """Return the answer to a request that the proxy sent about a call; or the call, to be answered in a moment."""
        is_for_nginx = target == NGINX
        if not is_for_nginx and not target.startswith(PREFIX):
            return not_a_check()
        if not self._is_loaded():
            return not_ready()
        path = target[len(PREFIX) :].partition(b"?")[0]
        if is_for_nginx or path in (b"", b"/"):
            return self._told_in_headers(method, headers, is_for_nginx=is_for_nginx)
        certificate = headers.get(b"x-forwarded-client-cert")
        environment, below = environment_of(path.decode("latin-1"))
        shown = None if certificate is None else certificate.decode("latin-1")
        return self._decided(Asked(method.decode("latin-1"), below, shown, environment), headers)

    def _told_in_headers(self, method: bytes, headers: Headers, *, is_for_nginx: bool) -> bytes | Held | Counting:
        """Answer a proxy that asks at one fixed path and tells the call in headers."""
        try:
            told = told_in(headers, method, is_for_nginx=is_for_nginx)
        except CallNotReadable:
            refused = answer_to(Verdict(CallNotReadable), _request_id(headers), self._now().wall_ns)
            return answer_for(refused, Told(method, b"/", is_for_nginx))
        # Others pass on what the caller wrote of a certificate, which is public: only the doors of our own are believed.
        certificate = self._certificates.told(headers.get(CERTIFICATE_HEADER)) if is_for_nginx else None
        environment, path = environment_of(told.path.decode("latin-1"))
        return self._decided(Asked(told.method.decode("latin-1"), path, certificate, environment), headers, told)

    def _decided(self, call: Asked, headers: Headers, told: Told | None = None) -> bytes | Held | Counting:
        now = self._now()
        credentials = self._tokens.read(headers.get(b"authorization"), now.wall_ns / 1_000_000_000)
        request_id = _request_id(headers)
        verdict = decide(self._world, call, credentials, now)
        if told is not None and verdict.version is None:
            # Envoy has no route there and asks nobody; everywhere else it is the same answer, whoever calls.
            return answer_for(answer_to(Verdict(ApiNotFound), request_id, now.wall_ns), told)
        if verdict.refusal is not None and self._patience.takes(verdict, credentials, now.steady_ns):
            return Held(call, credentials, request_id, now.steady_ns + HOLD_NS, told)
        return self._answer(Decided(request_id, call, credentials, verdict, now), told)

    def finish(self, counting: Counting, taken: Counted) -> bytes:
        """Return the answer to a call that has been counted."""
        verdict = settled(counting.decided.verdict, taken)
        return self._final(counting.decided._replace(verdict=verdict, now=self._now()), counting.told)

    def try_again(self, held: Held) -> bytes | Counting | None:
        """Return the answer to a call that was held back, or None while it has to wait."""
        now = self._now()
        verdict = decide(self._world, held.asked, held.credentials, now)
        if self._patience.may_be_overturned(verdict) and now.steady_ns < held.until_ns:
            return None
        self._patience.release()
        return self._answer(Decided(held.request_id, held.asked, held.credentials, verdict, now), held.told)

    def _answer(self, decided: Decided, told: Told | None) -> bytes | Counting:
        decided = self._closed_where_stale(decided)
        return self._final(decided, told) if decided.verdict.later is None else Counting(decided, told)

    def _final(self, decided: Decided, told: Told | None) -> bytes:
        verdict, version = decided.verdict, decided.verdict.version
        # That the check is not fresh is no link of the chain, so there would be nothing to explain.
        is_kept = verdict.refusal not in (None, EnforcementNotFresh) and self._keeps(decided)
        upstream = None if version is None else self._world.upstream_of(version.id, decided.asked.environment)
        answer = answer_to(verdict, decided.request_id, decided.now.wall_ns, upstream, is_kept=is_kept)
        if not self._freshness.is_fresh(steady_ns()):
            answer = said_to_be_stale(answer)
        if told is None:
            return answer
        if version is None or upstream is None:
            return answer_for(answer, told)
        origin = "" if told.is_for_nginx else self._origin_of(upstream)
        return answer_for(answer, told, Destination(upstream, version.base_path, origin))

    def _closed_where_stale(self, decided: Decided) -> Decided:
        """Return what is decided; one that is not fresh refuses what it knows to be withdrawn, and closes the rest."""
        verdict = decided.verdict
        if verdict.refusal is not None or verdict.version is None or self._freshness.is_fresh(steady_ns()):
            return decided
        if self._world.stays_open(verdict.version.product_id):
            return decided
        return decided._replace(verdict=verdict._replace(refusal=EnforcementNotFresh, lease=None, taken=None, later=None))

    def let_go(self) -> None:
        """Forget a call that was held back: whoever made it is gone."""
        self._patience.release()

    def _now(self) -> Now:
        steady, wall = self._clocks
        return Now(steady(), wall())


def _request_id(headers: Headers) -> str:
    return headers.get(b"x-request-id", b"").decode("latin-1")


class _Request(NamedTuple):
    """A request that has arrived whole."""

    method: bytes
    target: bytes
    headers: Headers
    is_last: bool


class _Connection(asyncio.Protocol):
    """One connection of a proxy; requests on it are answered in their order."""

    def __init__(self, check: Check, connections: "set[_Connection]") -> None:
        self._check = check
        self._open = connections
        self._parser: Any = None
        self._transport: asyncio.Transport | None = None
        self._target = b""
        self._headers: Headers = {}
        self._head_bytes = 0
        self._is_closing = False
        self._retry: asyncio.TimerHandle | None = None
        self._is_counting = False
        self._is_paused = False
        self._is_going_on = False
        self._behind: deque[_Request] = deque()  # what arrived while an earlier call has no answer yet

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's: a check of the type would fail there.
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        self._open.discard(self)
        self._parser = None
        self._behind.clear()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
            self._check.let_go()

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()
        if self._head_bytes > _LARGEST_HEAD_BYTES:
            self.close()

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers = {}

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in _WANTED:
            # A second Authorization header makes both unusable: nobody can say which one the upstream would take.
            self._headers[name] = value if name not in self._headers else self._headers[name] + b", " + value

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        request = _Request(self._parser.get_method(), self._target, self._headers, not self._parser.should_keep_alive())
        if self._is_waiting:
            self._behind.append(request)
        else:
            self._answer(request)

    def _answer(self, request: _Request) -> None:
        if self._transport is None or self._is_closing:
            return
        try:
            answer = self._check.answer(request.method, request.target, request.headers)
        except Exception:  # noqa: BLE001 - no decision, so nothing passes; the connection lives on
            _log.exception("a check failed")
            answer = not_ready()
        if isinstance(answer, Held):
            self._transport.pause_reading()
            self._is_paused = True
            self._wait(answer, is_last=request.is_last)
        elif isinstance(answer, Counting):
            self._count(answer, is_last=request.is_last)
        else:
            self._write(answer, is_last=request.is_last)

    @property
    def _is_waiting(self) -> bool:
        return self._retry is not None or self._is_counting

    def _count(self, counting: Counting, *, is_last: bool) -> None:
        later = counting.decided.verdict.later
        assert later is not None
        self._is_counting = True
        later.when_known(lambda taken: self._finish(counting, taken, is_last=is_last))

    def _finish(self, counting: Counting, taken: Counted, *, is_last: bool) -> None:
        self._is_counting = False
        if self._transport is None or self._is_closing:
            return
        try:
            answer = self._check.finish(counting, taken)
        except Exception:  # noqa: BLE001 - the same as above
            _log.exception("a check failed")
            answer = not_ready()
        self._write(answer, is_last=is_last)
        if not self._is_going_on:
            self._go_on()

    def _go_on(self) -> None:
        """Answer what arrived meanwhile, in its order, and read on."""
        self._is_going_on = True
        while self._behind and not self._is_waiting:
            self._answer(self._behind.popleft())
        self._is_going_on = False
        if self._is_paused and self._transport is not None and not self._is_closing and not self._is_waiting:
            self._is_paused = False
            self._transport.resume_reading()

    def _wait(self, held: Held, *, is_last: bool) -> None:
        loop = asyncio.get_running_loop()
        self._retry = loop.call_later(PAUSE_SECONDS, lambda: self._try_again(held, is_last=is_last))

    def _try_again(self, held: Held, *, is_last: bool) -> None:
        answer = self._check.try_again(held)
        if answer is None:
            self._wait(held, is_last=is_last)
            return
        self._retry = None
        if isinstance(answer, Counting):
            self._count(answer, is_last=is_last)
            return
        self._write(answer, is_last=is_last)
        self._go_on()

    def _write(self, answer: bytes, *, is_last: bool) -> None:
        assert self._transport is not None
        self._transport.write(answer)
        if is_last:
            self.close()

    def close(self) -> None:
        """Close the connection once everything written is sent."""
        self._is_closing = True
        if self._transport is not None:
            self._transport.close()


class CheckListener:
    """Serves the check on an address of its own; port 0 takes a free one."""

    def __init__(self, check: Check, host: str, port: int) -> None:
        self._check = check
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        assert self._server is not None, "the listener has not been started"
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self._check, self._connections), self._host, self._port, backlog=1024, reuse_address=True
        )

    async def close(self) -> None:
        """Stop listening and close what is open."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._connections):
            connection.close()
        with contextlib.suppress(TimeoutError):
            await bounded(self._server.wait_closed(), 2)
        self._server = None
