"""Which limits would refuse a call now: looked at, and nothing counted.

What this instance counts itself is known to the call. Of a quota that another instance counts, what was used a moment ago is
kept; of a rate that another one counts, nothing that is true for longer than an instant: it is not judged, unless it is idle.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from typing import NamedTuple

from services.enforcement.checks.case import Case
from services.enforcement.checks.chain import Fault, Link
from services.enforcement.checks.refusals import PermissionQuotaExceeded, QuotaExceeded, RateExceeded
from services.enforcement.limits.counting import Granted
from services.enforcement.limits.quotas import Counter, Quota

_TOLD_WITHIN_NS = 1_000_000_000  # whoever counts calls tells about every second how many were used


class Standing(NamedTuple):
    """What is kept of limits that are not counted here: by a counter's key the calls used; and the keys of rates in use."""

    used: Mapping[str, int] = {}
    in_use: frozenset[str] = frozenset()


NOTHING_KEPT = Standing()


def counters_elsewhere(case: Case) -> list[Counter]:
    """Return the counters of a case that are not counted here."""
    counters = [each.granted.counter for each in case.covering]
    counters += [] if case.lease is None else [case.lease.claim.allowance.counter]
    for each in counters:
        if each is not None:
            each.turn(case.now.wall_ns)
    return [each for each in counters if each is not None and not each.is_loaded]


def as_of_of(case: Case, link: Link) -> int | None:
    """Return of which moment a link is told that another instance counts, or None where this one knows it now."""
    if link is Link.QUOTA:
        counters = [] if case.lease is None else [case.lease.claim.allowance.counter]
    elif link is Link.PERMISSION_QUOTA:
        counters = [each.granted.counter for each in case.covering]
    else:
        return None
    is_elsewhere = any(each is not None and not each.is_loaded for each in counters)
    return case.now.wall_ns - _TOLD_WITHIN_NS if is_elsewhere else None


def rate_elsewhere(case: Case) -> str | None:
    """Return the key of the case's rate where it is not counted here, or None."""
    bucket = None if case.lease is None else case.lease.claim.allowance.bucket
    return None if bucket is None or bucket.is_loaded else bucket.key


def is_rate_unknown(case: Case, standing: Standing) -> bool:
    """Say whether nobody can tell here what is left of the rate."""
    return rate_elsewhere(case) in standing.in_use


def limit_faults(case: Case, standing: Standing) -> Iterator[Fault]:
    """Yield which limits would refuse the call now, in the order in which they are asked."""
    granted = [each.granted for each in case.covering]
    if granted and all(_is_granted_used_up(each, case, standing) for each in granted):
        counter = granted[0].counter
        assert counter is not None
        yield Fault(Link.PERMISSION_QUOTA, PermissionQuotaExceeded, wait_ns=counter.ends_at_ns - case.now.wall_ns)
    if case.lease is None:
        return
    _, _, bucket, quota, counter = case.lease.claim.allowance
    if counter is not None and quota is not None and _is_used_up(counter, quota, case, standing):
        yield Fault(Link.QUOTA, QuotaExceeded, wait_ns=counter.ends_at_ns - case.now.wall_ns)
    if bucket.is_loaded:
        looked = copy(bucket).take(case.now.steady_ns)
        if not looked.is_allowed:
            yield Fault(Link.RATE, RateExceeded, wait_ns=looked.wait_ns)


def _is_granted_used_up(granted: Granted, case: Case, standing: Standing) -> bool:
    _, quota, counter = granted
    return counter is not None and quota is not None and _is_used_up(counter, quota, case, standing)


def _is_used_up(counter: Counter, quota: Quota, case: Case, standing: Standing) -> bool:
    counter.turn(case.now.wall_ns)
    if counter.is_loaded:
        return counter.is_used_up(quota)
    return standing.used.get(counter.key, 0) >= quota.calls
