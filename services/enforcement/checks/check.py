"""One check: from a request of a proxy's to the bytes of the answer, or to a call that is answered in a moment."""

import time
from collections.abc import Callable
from typing import NamedTuple

from chassis.clock import steady_ns
from services.enforcement.checks.answers import allowed, not_a_check, not_ready, refused, said_to_be_stale
from services.enforcement.checks.case import Asked, Credentials, Now, Rejected
from services.enforcement.checks.domain import Decided, Verdict, decide, settled
from services.enforcement.checks.patience import HOLD_NS, Patience
from services.enforcement.checks.refusals import ApiNotFound, CallNotCounted
from services.enforcement.checks.tokens import Tokens
from services.enforcement.checks.told import (
    BY_ENVOY,
    CERTIFICATE_HEADER,
    ENVOY,
    NGINX,
    CallNotReadable,
    Certificates,
    Destination,
    Told,
    refused_for,
    told_in,
)
from services.enforcement.epochs.freshness import Freshness
from services.enforcement.limits.counting import Counted
from services.enforcement.state.upstreams import SANDBOX, Upstream, environment_of
from services.enforcement.state.world import World

PREFIX = b"/check"

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

    def answer(self, method: bytes, target: bytes, headers: Headers) -> bytes | Held | Counting:
        """Return the answer to a request that the proxy sent about a call; or the call, to be answered in a moment."""
        if not self._is_loaded():
            return not_ready()
        if target == NGINX:
            return self._told_in_headers(method, headers, is_for_nginx=True)
        told = BY_ENVOY if target.startswith(ENVOY) else None
        if told is None and not target.startswith(PREFIX):
            return not_a_check()
        # Both prefixes are of one length.
        path = target[len(PREFIX) :].partition(b"?")[0]
        if told is None and path in (b"", b"/"):
            return self._told_in_headers(method, headers, is_for_nginx=False)
        certificate = headers.get(b"x-forwarded-client-cert")
        environment, below = environment_of(path.decode("latin-1"))
        shown = None if certificate is None else certificate.decode("latin-1")
        return self._decided(Asked(method.decode("latin-1"), below, shown, environment), headers, told)

    def _told_in_headers(self, method: bytes, headers: Headers, *, is_for_nginx: bool) -> bytes | Held | Counting:
        """Answer a proxy that asks at one fixed path and tells the call in headers."""
        try:
            told = told_in(headers, method, is_for_nginx=is_for_nginx)
        except CallNotReadable:
            unreadable = refused(Verdict(CallNotReadable), _request_id(headers), self._now().wall_ns)
            return refused_for(unreadable, Told(method, b"/", is_for_nginx))
        # Others pass on what the caller wrote of a certificate, which is public: only the doors of our own are believed.
        certificate = self._certificates.told(headers.get(CERTIFICATE_HEADER)) if is_for_nginx else None
        environment, path = environment_of(told.path.decode("latin-1"))
        return self._decided(Asked(told.method.decode("latin-1"), path, certificate, environment), headers, told)

    def _decided(self, call: Asked, headers: Headers, told: Told | None = None) -> bytes | Held | Counting:
        now = self._now()
        credentials = self._tokens.read(headers.get(b"authorization"), now.wall_ns / 1_000_000_000)
        is_fresh = self._freshness.is_fresh(steady_ns())
        verdict = decide(self._world, call, credentials, now, is_fresh=is_fresh)
        if verdict.refusal is None and verdict.later is None:
            answer = self._allowed(verdict, call.environment, now, told)
            return answer if is_fresh else said_to_be_stale(answer)
        request_id = _request_id(headers)
        if verdict.refusal is not None:
            if told is not None and told is not BY_ENVOY and verdict.version is None:
                # Envoy has no route there and asks nobody; everywhere else it is the same answer, whoever calls.
                return refused_for(refused(Verdict(ApiNotFound), request_id, now.wall_ns), told)
            if self._patience.takes(verdict, credentials, now.steady_ns):
                return Held(call, credentials, request_id, now.steady_ns + HOLD_NS, told)
        return self._answer(Decided(request_id, call, credentials, verdict, now), told)

    def finish(self, counting: Counting, taken: Counted) -> bytes:
        """Return the answer to a call that has been counted."""
        verdict = settled(counting.decided.verdict, taken)
        return self._final(counting.decided._replace(verdict=verdict, now=self._now()), counting.told)

    def try_again(self, held: Held) -> bytes | Counting | None:
        """Return the answer to a call that was held back, or None while it has to wait."""
        now = self._now()
        verdict = decide(self._world, held.asked, held.credentials, now, is_fresh=self._is_fresh())
        if self._patience.may_be_overturned(verdict) and now.steady_ns < held.until_ns:
            return None
        self._patience.release()
        return self._answer(Decided(held.request_id, held.asked, held.credentials, verdict, now), held.told)

    def _answer(self, decided: Decided, told: Told | None) -> bytes | Counting:
        return self._final(decided, told) if decided.verdict.later is None else Counting(decided, told)

    def _final(self, decided: Decided, told: Told | None) -> bytes:
        verdict, environment = decided.verdict, decided.asked.environment
        if verdict.refusal is None:
            answer = self._allowed(verdict, environment, decided.now, told)
            return answer if self._is_fresh() else said_to_be_stale(answer)
        if verdict.refusal is CallNotCounted and self._passes_unchecked(decided):
            return not_ready()
        upstream = None if verdict.version is None else self._world.upstream_of(verdict.version.id, environment)
        answer = refused(verdict, decided.request_id, decided.now.wall_ns, upstream, is_kept=self._keeps(decided))
        return refused_for(answer if self._is_fresh() else said_to_be_stale(answer), told)

    def _allowed(self, verdict: Verdict, environment: str, now: Now, told: Told | None) -> bytes:
        version = verdict.version
        assert version is not None
        upstream = self._world.upstream_of(version.id, environment)
        more = b""
        if told is not None and told is not BY_ENVOY:
            origin = "" if told.is_for_nginx else self._origin_of(upstream)
            more = Destination(upstream, version.base_path, origin).lines(told)
        return allowed(verdict, now.wall_ns, upstream, more)

    def _passes_unchecked(self, decided: Decided) -> bool:
        """Say whether the proxy lets the call pass by itself where it hears of no decision."""
        version = decided.verdict.version
        is_in_sandbox = decided.asked.environment == SANDBOX
        return version is not None and not is_in_sandbox and self._world.stays_open(version.product_id)

    def _is_fresh(self) -> bool:
        return self._freshness.is_fresh(steady_ns())

    def let_go(self) -> None:
        """Forget a call that was held back: whoever made it is gone."""
        self._patience.release()

    def _now(self) -> Now:
        return Now(time.monotonic_ns(), time.time_ns())


def _request_id(headers: Headers) -> str:
    return headers.get(b"x-request-id", b"").decode("latin-1")
