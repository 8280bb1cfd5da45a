"""May this call pass? One pure function of the call, the credentials and the state in memory; and the refusals it gives."""

from typing import NamedTuple
from urllib.parse import quote

from chassis.errors import Forbidden, NotFound, Refusal, TooMany, Unauthenticated
from services.enforcement.limits.rates import Taken
from services.enforcement.state.copies import CERTIFICATE, CLIENT_KEY, SECRET, SUSPENDED_CERTIFICATE, TOKEN
from services.enforcement.state.matching import NOTHING, Match, Operation
from services.enforcement.state.permits import Permit, permit_for
from services.enforcement.state.upstreams import PRODUCTION
from services.enforcement.state.world import Application, Lease, Version, World

_NANOSECONDS = 1_000_000_000


class TokenMissing(Unauthenticated):
    """Send an access token in the header Authorization, as Bearer."""


class TokenInvalid(Unauthenticated):
    """The access token is not one that this platform issued for its APIs."""


class TokenExpired(Unauthenticated):
    """The access token has expired; get a new one."""


class ApplicationUnknown(Unauthenticated):
    """The application that the token was issued to is not registered any more."""


class SecretRetired(Unauthenticated):
    """The client secret that obtained this token has been retired; get a token with the new one."""


class ClientKeyRemoved(Unauthenticated):
    """The key that obtained this token has been removed; get a token with the new one."""


class CertificateRevoked(Unauthenticated):
    """The client certificate that this token rests on has been revoked; get a token with the new one."""


class CertificateSuspended(Unauthenticated):
    """The client certificate that this token rests on is suspended until its organization confirms that it is needed."""


class TokenRevoked(Unauthenticated):
    """The access token has been revoked; get a new one."""


class CertificateNotShown(Unauthenticated):
    """The access token is bound to a client certificate: call with that certificate (mutual TLS)."""


class ApiNotFound(NotFound):
    """No published API is at this path."""


class OperationNotFound(NotFound):
    """The API has no operation at this path."""


class MethodNotAllowed(NotFound):
    """The API has no operation with this method at this path."""

    status = 405


class VersionRetired(NotFound):
    """This version of the API is retired and cannot be called any more."""

    status = 410


class NotSubscribed(Forbidden):
    """The application has no active subscription to this product."""


class SubscriptionSuspended(Forbidden):
    """The application's subscription to this product is suspended."""


class OperationNotPermitted(Forbidden):
    """The provider has not permitted the application to call this operation now."""


class ScopeNotGranted(Forbidden):
    """The access token was issued for other products or operations; get one whose scope names this one."""


class RateExceeded(TooMany):
    """The plan's rate is used up; wait and try again."""


class QuotaExceeded(TooMany):
    """The plan's quota for this period is used up."""


class PermissionQuotaExceeded(TooMany):
    """The quota of the provider's permission for this period is used up."""


_WITHDRAWN: dict[str, type[Unauthenticated]] = {
    SECRET: SecretRetired,
    CLIENT_KEY: ClientKeyRemoved,
    CERTIFICATE: CertificateRevoked,
    SUSPENDED_CERTIFICATE: CertificateSuspended,
    TOKEN: TokenRevoked,
}


class Credentials(NamedTuple):
    """What a verified token says: for which Client ID, by which credentials, until when (seconds since 1970).

    ``marks`` are the ids that may be withdrawn: the secret, key or certificate it was issued for, and its own. ``scope`` is what
    it is narrowed to, or None. ``thumbprint`` is the SHA-256 (hex) of the certificate it is bound to, or None.
    """

    client_id: str
    secret_id: str | None
    expires_at: float
    marks: tuple[str, ...] = ()
    scope: frozenset[str] | None = None
    thumbprint: str | None = None


class Rejected(NamedTuple):
    """Credentials that cannot be used, and why."""

    refusal: type[Unauthenticated]
    detail: str = ""


class Asked(NamedTuple):
    """What is to be called: the path as sent (percent-encoded), without its query; and the certificate that was shown, if any.

    The path is what lies below its environment. The certificate is as the proxy that verified it tells it: ``Hash=<SHA-256 in
    hex>``, perhaps among other pairs.
    """

    method: str
    path: str
    certificate: str | None = None
    environment: str = PRODUCTION


class Now(NamedTuple):
    """The moment of a decision: on a clock that never goes back, and on the wall."""

    steady_ns: int
    wall_ns: int


class Verdict(NamedTuple):
    """The decision on one call, and everything that is known about the call."""

    refusal: type[Refusal] | None
    detail: str = ""
    application: Application | None = None
    secret_id: str | None = None
    version: Version | None = None
    operation: Operation | None = None
    lease: Lease | None = None
    taken: Taken | None = None
    methods: tuple[str, ...] = ()
    permit: Permit | None = None
    causes: tuple[str, ...] = ()


def decide(world: World, asked: Asked, credentials: Credentials | Rejected, now: Now) -> Verdict:  # noqa: C901, PLR0911 - the order of the rules
    """Return whether a call passes. An allowed call is counted against its rate and quota; a refused one is not."""
    version, match = locate(world, asked)
    if isinstance(credentials, Rejected):
        return Verdict(credentials.refusal, credentials.detail, version=version, operation=match.operation)
    application = world.application_of(credentials.client_id)
    secret_id = credentials.secret_id
    if application is None or application.is_deleted:
        return Verdict(ApplicationUnknown, version=version, operation=match.operation)
    withdrawn = world.withdrawn_among(credentials.marks)
    if withdrawn is not None:
        return Verdict(_WITHDRAWN[withdrawn], "", application, secret_id, version, match.operation)
    if credentials.thumbprint is not None and credentials.thumbprint != shown_thumbprint(asked.certificate):
        return Verdict(CertificateNotShown, "", application, secret_id, version, match.operation)
    if version is None:
        return Verdict(ApiNotFound, "", application, secret_id)
    if version.life.is_retired:
        return Verdict(VersionRetired, "", application, secret_id, version, match.operation)
    lease = world.lease(application.id, version.product_id, now.steady_ns, now.wall_ns)
    operation = match.operation
    if operation is None:
        refusal = MethodNotAllowed if match.methods else OperationNotFound
        return Verdict(refusal, "", application, secret_id, version, None, lease, None, match.methods)
    if credentials.scope is not None and not _is_within(credentials.scope, version, operation):
        return Verdict(ScopeNotGranted, "", application, secret_id, version, operation)
    if lease is None:
        return _without_right(world, Verdict(NotSubscribed, "", application, secret_id, version, operation))
    if lease.permits is not None:
        return _as_permitted(Verdict(None, "", application, secret_id, version, operation, lease), lease.permits, now)
    refusal_or_none, taken = _take(lease, now)
    return Verdict(refusal_or_none, "", application, secret_id, version, operation, lease, taken)


def _without_right(world: World, verdict: Verdict) -> Verdict:
    application, version = verdict.application, verdict.version
    assert application is not None
    assert version is not None
    causes = world.suspended_for(application.id, version.product_id)
    if causes is None:
        return verdict
    detail = f"{SubscriptionSuspended.default_message()} Held by: {', '.join(causes) or 'unknown'}."
    return verdict._replace(refusal=SubscriptionSuspended, detail=detail, causes=causes)


def _as_permitted(verdict: Verdict, permits: tuple[Permit, ...], now: Now) -> Verdict:
    """Return the verdict where a permission is needed: its operations, time and quota hold beside the plan's terms."""
    lease, operation = verdict.lease, verdict.operation
    assert lease is not None
    assert operation is not None
    permit = permit_for(permits, operation.id, now.wall_ns)
    if permit is None:
        return verdict._replace(refusal=OperationNotPermitted)
    if permit.counter is not None and permit.is_used_up(now.wall_ns):
        taken = Taken(is_allowed=False, remaining=0, wait_ns=permit.counter.ends_at_ns - now.wall_ns)
        return verdict._replace(refusal=PermissionQuotaExceeded, taken=taken, permit=permit)
    refusal, taken = _take(lease, now)
    if refusal is None:
        permit.take()
    return verdict._replace(refusal=refusal, taken=taken, permit=permit)


def shown_thumbprint(certificate: str | None) -> str | None:
    """Return the SHA-256 (hex) of the one certificate that was shown; None for none, or for several (nobody can say which)."""
    if certificate is None or "," in certificate:
        return None
    found = [pair[5:] for pair in certificate.split(";") if pair[:5].lower() == "hash="]
    return found[0].lower() if len(found) == 1 else None


def _is_within(scope: frozenset[str], version: Version, operation: Operation) -> bool:
    return version.product_slug in scope or f"{version.product_slug}:{scope_form(operation.id)}" in scope


def scope_form(operation_id: str) -> str:
    """Return an operation's id as it stands in a scope: what RFC 6749 section 3.3 has no room for is percent-encoded."""
    return quote(operation_id, safe="!#$&'()*+,/:;<=>?@[]^`{|}")


def locate(world: World, asked: Asked) -> tuple[Version | None, Match]:
    """Return the published version and the operation that a call means, as far as it means any."""
    parts = asked.path.split("/", 4)
    if len(parts) < 4:
        return None, NOTHING
    version = world.version_at("/".join(parts[:4]))
    if version is None:
        return None, NOTHING
    return version, version.matcher.find(asked.method, "/" + parts[4] if len(parts) == 5 else "/")


def _take(lease: Lease, now: Now) -> tuple[type[TooMany] | None, Taken]:
    counter, quota = lease.counter, lease.quota
    if counter is None or quota is None:
        taken = lease.bucket.take(now.steady_ns)
        return (None if taken.is_allowed else RateExceeded), taken
    counter.turn(now.wall_ns)
    if counter.used >= quota.calls:
        return QuotaExceeded, Taken(is_allowed=False, remaining=0, wait_ns=counter.ends_at_ns - now.wall_ns)
    taken = lease.bucket.take(now.steady_ns)
    if not taken.is_allowed:
        return RateExceeded, taken
    counter.unsaved += 1
    return None, taken


def whole_seconds(nanoseconds: int) -> int:
    """Return a duration in seconds, rounded up: whoever waits that long has waited long enough."""
    return -(-nanoseconds // _NANOSECONDS)
