"""May this call pass? One pure function of the call, the credentials and the state in memory.

What it hangs on is said by the chain, link by link; how often it may, by the limits, which are asked last.
"""

from collections.abc import Iterator
from typing import NamedTuple

from chassis.errors import Refusal, TooMany
from services.enforcement.checks.case import Asked, Case, Credentials, Now, Rejected
from services.enforcement.checks.chain import Fault, Link, faults
from services.enforcement.checks.refusals import ApplicationUnknown, PermissionQuotaExceeded, QuotaExceeded, RateExceeded
from services.enforcement.limits.rates import Taken
from services.enforcement.state.matching import Operation
from services.enforcement.state.permits import Permit
from services.enforcement.state.world import Application, Lease, Version, World

_NANOSECONDS = 1_000_000_000


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


class Decided(NamedTuple):
    """A call and the decision on it, for whoever is to explain it later."""

    request_id: str
    asked: Asked
    credentials: Credentials | Rejected
    verdict: Verdict
    now: Now


def decide(world: World, asked: Asked, credentials: Credentials | Rejected, now: Now) -> Verdict:
    """Return whether a call passes. An allowed call is counted against its rate and quota; a refused one is not."""
    case = Case(world, asked, credentials, now)
    fault = next(faults(case), None)
    if fault is not None:
        return _refused(case, fault)
    lease, permit = case.lease, case.permit
    assert lease is not None
    assert case.credentials is not None
    refusal, taken = _take(lease, now) if permit is None else _take_permitted(lease, permit, now)
    secret_id, operation = case.credentials.secret_id, case.match.operation
    return Verdict(refusal, "", case.application, secret_id, case.version, operation, lease, taken, (), permit)


def _refused(case: Case, fault: Fault) -> Verdict:
    # Of an application that is gone nobody is told whose it was.
    application = None if fault.refusal is ApplicationUnknown else case.application
    secret_id = None if application is None or case.credentials is None else case.credentials.secret_id
    known = application, secret_id, case.version, case.match.operation, case.lease
    return Verdict(fault.refusal, fault.detail, *known, None, case.match.methods, None, fault.causes)


def _take_permitted(lease: Lease, permit: Permit, now: Now) -> tuple[type[TooMany] | None, Taken]:
    """Return the same as ``_take`` where a permission is needed: its own quota holds beside the plan's terms."""
    if permit.counter is not None and permit.is_used_up(now.wall_ns):
        return PermissionQuotaExceeded, Taken(is_allowed=False, remaining=0, wait_ns=permit.counter.ends_at_ns - now.wall_ns)
    refusal, taken = _take(lease, now)
    if refusal is None:
        permit.take()
    return refusal, taken


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


def limit_faults(case: Case) -> Iterator[Fault]:
    """Yield which limits would refuse the call now, in the order in which they are asked; nothing is counted."""
    lease, permit, now = case.lease, case.permit, case.now
    if permit is not None and permit.counter is not None and permit.is_used_up(now.wall_ns):
        yield Fault(Link.PERMISSION_QUOTA, PermissionQuotaExceeded, wait_ns=permit.counter.ends_at_ns - now.wall_ns)
    if lease is None:
        return
    counter, quota = lease.counter, lease.quota
    if counter is not None and quota is not None:
        counter.turn(now.wall_ns)
        if counter.used >= quota.calls:
            yield Fault(Link.QUOTA, QuotaExceeded, wait_ns=counter.ends_at_ns - now.wall_ns)
    looked = lease.bucket.look(now.steady_ns)
    if not looked.is_allowed:
        yield Fault(Link.RATE, RateExceeded, wait_ns=looked.wait_ns)


def whole_seconds(nanoseconds: int) -> int:
    """Return a duration in seconds, rounded up: whoever waits that long has waited long enough."""
    return -(-nanoseconds // _NANOSECONDS)
