"""May this call pass? One pure function of the call, the credentials and the state in memory.

What it hangs on is said by the chain, link by link; how often it may, by the limits, which are asked last.
"""

from typing import NamedTuple

from chassis.errors import Refusal
from services.enforcement.checks.case import Asked, Case, Credentials, Now, Rejected
from services.enforcement.checks.chain import Fault, faults
from services.enforcement.checks.refusals import (
    ApplicationUnknown,
    CallNotCounted,
    PermissionQuotaExceeded,
    QuotaExceeded,
    RateExceeded,
)
from services.enforcement.limits.claims import Later
from services.enforcement.limits.counting import PERMISSION, QUOTA, RATE, UNKNOWN, Counted
from services.enforcement.state.leases import Lease
from services.enforcement.state.matching import Operation
from services.enforcement.state.permits import Permit
from services.enforcement.state.versions import Version
from services.enforcement.state.world import Application, World

_NANOSECONDS = 1_000_000_000


_IN_THE_WAY: dict[int, type[Refusal]] = {
    RATE: RateExceeded,
    QUOTA: QuotaExceeded,
    PERMISSION: PermissionQuotaExceeded,
    UNKNOWN: CallNotCounted,
}


class Verdict(NamedTuple):
    """The decision on one call, and everything that is known about the call."""

    refusal: type[Refusal] | None
    detail: str = ""
    application: Application | None = None
    secret_id: str | None = None
    version: Version | None = None
    operation: Operation | None = None
    lease: Lease | None = None
    taken: Counted | None = None
    methods: tuple[str, ...] = ()
    permit: Permit | None = None
    causes: tuple[str, ...] = ()
    covering: tuple[Permit, ...] = ()
    later: Later | None = None
    """Where the call is still being counted: the decision is ``settled`` with what comes of it."""


class Decided(NamedTuple):
    """A call and the decision on it, for whoever is to explain it later."""

    request_id: str
    asked: Asked
    credentials: Credentials | Rejected
    verdict: Verdict
    now: Now


def decide(world: World, asked: Asked, credentials: Credentials | Rejected, now: Now, *, is_fresh: bool = True) -> Verdict:
    """Return whether a call passes. An allowed call is counted against its rate and quota; a refused one is not.

    Whoever has not heard of changes lately (``is_fresh``) refuses what it knows to be withdrawn as ever, and closes the rest.
    """
    case = Case(world, asked, credentials, now, is_fresh=is_fresh)
    fault = next(faults(case), None)
    if fault is not None:
        return _refused(case, fault)
    lease = case.lease
    assert lease is not None
    assert case.credentials is not None
    known = (case.application, case.credentials.secret_id, case.version, case.match.operation, lease)
    return _take(world, known, case.covering, now)


def _refused(case: Case, fault: Fault) -> Verdict:
    # Of an application that is gone nobody is told whose it was.
    application = None if fault.refusal is ApplicationUnknown else case.application
    secret_id = None if application is None or case.credentials is None else case.credentials.secret_id
    known = application, secret_id, case.version, case.match.operation, case.lease
    return Verdict(fault.refusal, fault.detail, *known, None, case.match.methods, None, fault.causes)


_Known = tuple[Application | None, str | None, Version | None, Operation | None, Lease]


def _take(world: World, known: _Known, covering: tuple[Permit, ...], now: Now) -> Verdict:
    """Count the call against all of its limits or none: here, or where they are counted."""
    taken = world.limits.take(known[4].claim, [each.granted for each in covering] if covering else (), now)
    if isinstance(taken, Later):
        return Verdict(None, "", *known, None, (), None, (), covering, taken)
    if not covering:
        return Verdict(_IN_THE_WAY.get(taken.outcome), "", *known, taken)
    return settled(Verdict(None, "", *known, covering=covering), taken)


def settled(verdict: Verdict, taken: Counted) -> Verdict:
    """Return the decision on a call that has been counted, or that could not be."""
    permit = verdict.covering[taken.permit] if 0 <= taken.permit < len(verdict.covering) else None
    return verdict._replace(refusal=_IN_THE_WAY.get(taken.outcome), taken=taken, permit=permit, later=None)


def whole_seconds(nanoseconds: int) -> int:
    """Return a duration in seconds, rounded up: whoever waits that long has waited long enough."""
    return -(-nanoseconds // _NANOSECONDS)
