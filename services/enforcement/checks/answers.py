"""A decision as an HTTP answer: what the proxy hands to the upstream, to the caller, and to its log.

One header is for the log alone: ``portico-verdict``, the ids of everything that the decision knows, in the order of
``VERDICT_FIELDS``.
"""

from email.utils import formatdate
from urllib.parse import quote

import orjson

from chassis.errors import HELP_BASE, Refusal
from services.enforcement.checks.case import scope_form
from services.enforcement.checks.domain import Verdict, whole_seconds
from services.enforcement.checks.refusals import (
    QuotaExceeded,
    RateExceeded,
    ScopeNotGranted,
    SubscriptionSuspended,
    TokenMissing,
    VersionRetired,
)
from services.enforcement.limits.quotas import DAY
from services.enforcement.state.upstreams import Upstream
from services.enforcement.state.versions import Life

VERDICT_HEADER = "portico-verdict"
FRESHNESS_HEADER = b"portico-freshness"
VERDICT_FIELDS = (
    "application_id",
    "organization_id",
    "secret_id",
    "product_id",
    "version_id",
    "operation_id",
    "plan_id",
    "subscription_id",
    "rejection",
    "environment",
)
_REASONS = {
    200: b"OK",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    410: b"Gone",
    429: b"Too Many Requests",
    503: b"Service Unavailable",
}
_PERIOD_SECONDS = {DAY: 86_400}
_MONTH_SECONDS = 30 * 86_400
_REALM = 'Bearer realm="portico"'


def quoted(identifier: str | None) -> str:
    """Return an id as it may stand in a header and between bars."""
    return "" if identifier is None else quote(identifier, safe="_-.~/:")


def _verdict_line(verdict: Verdict, upstream: Upstream | None) -> str:
    application, version, lease = verdict.application, verdict.version, verdict.lease
    ids: tuple[str | None, ...] = (
        application.id if application else None,
        application.organization_id if application else None,
        verdict.secret_id,
        version.product_id if version else None,
        version.id if version else None,
        verdict.operation.id if verdict.operation else None,
        lease.plan_id if lease else None,
        lease.subscription_id if lease else None,
        verdict.refusal.code if verdict.refusal else None,
        upstream.environment if upstream else None,
    )
    return "|".join(quoted(each) for each in ids)


def refused(verdict: Verdict, request_id: str, wall_ns: int, upstream: Upstream | None = None, *, is_kept: bool = False) -> bytes:
    """Return the whole HTTP/1.1 answer to a check of a call that does not pass.

    ``upstream`` is where the call would go; ``is_kept`` says whether the refusal can be explained later.
    """
    assert verdict.refusal is not None
    told: dict[str, object] = {"request_id": request_id, "explainable": is_kept}
    head, body = _refused(verdict, verdict.refusal, told, wall_ns)
    head.append(f"{VERDICT_HEADER}: {_verdict_line(verdict, upstream)}")
    said = "\r\n".join(head).encode("latin-1", "replace")
    return b"HTTP/1.1 %d %s\r\n%s\r\n\r\n%s" % (verdict.refusal.status, _REASONS[verdict.refusal.status], said, body)


def allowed(verdict: Verdict, wall_ns: int, upstream: Upstream, more: bytes = b"") -> bytes:
    """Return the whole HTTP/1.1 answer to a check of a call that passes; ``more`` are further lines of its head."""
    lease, operation = verdict.lease, verdict.operation
    assert lease is not None
    assert operation is not None
    assert verdict.version is not None
    # Two versions of a product may have the same operation.
    key: tuple[object, ...] = (verdict.version.id, operation, verdict.secret_id, upstream.name)
    if verdict.permit is not None:
        key = (*key, verdict.permit.permission.id)
    head = lease.answers.get(key)
    if head is None:
        head = lease.shelf.put(lease, key, _allowed_head(verdict, upstream))
    return b"%s%s\r\n%s\r\n" % (head, _limits(verdict, wall_ns).encode(), more)


def _allowed_head(verdict: Verdict, upstream: Upstream) -> bytes:
    application, version, operation, lease = verdict.application, verdict.version, verdict.operation, verdict.lease
    assert application is not None
    assert version is not None
    assert operation is not None
    assert lease is not None
    identity = {
        "x-portico-application": application.id,
        "x-portico-organization": application.organization_id,
        "x-portico-product": version.product_id,
        "x-portico-version": version.id,
        "x-portico-operation": operation.id,
        "x-portico-subscription": lease.subscription_id,
        "x-portico-plan": lease.plan_id,
    }
    lines = ["HTTP/1.1 200 OK", "content-length: 0"]
    lines += [f"{name}: {quoted(value)}" for name, value in identity.items() if value is not None]
    lines += _of_life(version.life)
    lines += [f"{VERDICT_HEADER}: {_verdict_line(verdict, upstream)}", f"ratelimit-policy: {_policy(verdict)}", "ratelimit: "]
    return "\r\n".join(lines).encode()


def _of_life(life: Life) -> list[str]:
    """Return the headers of a version whose end is known: ``Deprecation`` (RFC 9745), ``Sunset`` (RFC 8594), what follows it."""
    lines = []
    if life.deprecated_at is not None:
        lines.append(f"deprecation: @{life.deprecated_at}")
    if life.sunset_at is not None:
        lines.append(f"sunset: {formatdate(life.sunset_at, usegmt=True)}")
    if life.successor is not None:
        lines.append(f'link: <{quoted(life.successor)}>; rel="successor-version"')
    return lines


def _refused(verdict: Verdict, refusal: type[Refusal], told: dict[str, object], wall_ns: int) -> tuple[list[str], bytes]:
    lines = ["content-type: application/problem+json", "cache-control: no-store"]
    problem = _problem(refusal) | told
    problem["detail"] = verdict.detail or problem["detail"]
    if refusal is SubscriptionSuspended:
        problem["causes"] = list(verdict.causes)
    if refusal.status == 401 or refusal is ScopeNotGranted:
        lines.append(f"www-authenticate: {_challenge(verdict, refusal, str(problem['detail']))}")
    if refusal is VersionRetired and verdict.version is not None:
        lines += _of_life(verdict.version.life)
    if refusal.status == 405:
        lines.append(f"allow: {', '.join(verdict.methods)}")
    if verdict.lease is not None and verdict.taken is not None:
        seconds = max(whole_seconds(verdict.taken.wait_ns), 1)
        problem["retry_after_seconds"] = seconds
        lines += [f"retry-after: {seconds}", f"ratelimit-policy: {_policy(verdict)}"]
        limits = _limits(verdict, wall_ns)
        lines += [f"ratelimit: {limits}"] if limits else []
    elif refusal.status == 503:
        lines.append("retry-after: 1")
    body = orjson.dumps(problem)
    lines.append(f"content-length: {len(body)}")
    return lines, body


def _problem(refusal: type[Refusal]) -> dict[str, object]:
    kind = HELP_BASE + refusal.code.lower().replace("_", "-")
    sentence = refusal.default_message()
    return {"type": kind, "title": sentence, "status": refusal.status, "detail": sentence, "code": refusal.code}


def _challenge(verdict: Verdict, refusal: type[Refusal], detail: str) -> str:
    if refusal is TokenMissing:
        return _REALM  # RFC 6750: no error code where no token was sent
    description = detail.replace("\\", "").replace('"', "'").encode("ascii", "replace").decode()
    if refusal is ScopeNotGranted:
        assert verdict.version is not None
        assert verdict.operation is not None
        needed = f"{verdict.version.product_slug}:{scope_form(verdict.operation.id)}"
        return f'{_REALM}, error="insufficient_scope", error_description="{description}", scope="{needed}"'
    return f'{_REALM}, error="invalid_token", error_description="{description}"'


def _policy(verdict: Verdict) -> str:
    """Return the limits that stand (``RateLimit-Policy``): the rate, and the quota where there is one."""
    assert verdict.lease is not None
    rate, quota = verdict.lease.bucket.rate, verdict.lease.quota
    policy = f'"rate";q={rate.requests};w={rate.seconds};portico-burst={rate.burst}'
    if quota is not None:
        policy += f', "quota";q={quota.calls};w={_PERIOD_SECONDS.get(quota.period, _MONTH_SECONDS)}'
    own = verdict.permit.permission.quota if verdict.permit is not None else None
    if own is not None:
        policy += f', "permission";q={own.calls};w={_PERIOD_SECONDS.get(own.period, _MONTH_SECONDS)}'
    return policy


def _limits(verdict: Verdict, wall_ns: int) -> str:
    """Return what is left of the limits (``RateLimit``): calls that pass right now, seconds until there are more."""
    taken = verdict.taken
    assert taken is not None
    said = ""
    if verdict.refusal is None or verdict.refusal is RateExceeded:
        said = f'"rate";r={taken.remaining};t={whole_seconds(taken.wait_ns)}'
    quota, own = taken.quota, taken.permission
    if quota is not None:
        left = 0 if verdict.refusal is QuotaExceeded else quota.calls
        said += f'{", " if said else ""}"quota";r={left};t={whole_seconds(quota.ends_at_ns - wall_ns)}'
    if own is not None:
        said += f'{", " if said else ""}"permission";r={own.calls};t={whole_seconds(own.ends_at_ns - wall_ns)}'
    return said


def said_to_be_stale(answer: bytes) -> bytes:
    """Return an answer that says that it was given without having heard of changes lately."""
    return answer.replace(b"\r\n", b"\r\n%s: stale\r\n" % FRESHNESS_HEADER, 1)


def not_ready() -> bytes:
    """Return the answer while the state is not loaded yet: the proxy takes a 5xx for "no decision" and lets nothing pass."""
    return b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\n\r\n"


def not_a_check() -> bytes:
    """Return the answer to a request that asks for no check."""
    return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
