"""What one call counts against, all of it or nothing of it: a permission's quota, the plan's quota, the plan's rate."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from services.enforcement.limits.quotas import Counter, Quota
from services.enforcement.limits.rates import Bucket

PASSED, RATE, QUOTA, PERMISSION, UNKNOWN = range(5)
"""What came of it: it passed; the rate, the quota or the permission's quota was in the way; or it could not be counted."""


class Left(NamedTuple):
    """What is left of a quota until its period ends."""

    calls: int
    ends_at_ns: int


class Counted(NamedTuple):
    """What came of counting a call, and what is left of everything that it counts against."""

    outcome: int
    remaining: int
    """Calls that the rate lets pass right now."""
    wait_ns: int
    """Passed: until the rate's allowance is whole again. Refused: until one call passes."""
    quota: Left | None = None
    permit: int = -1
    """Which of the permissions it was counted against, by its place; -1 where none is needed."""
    permission: Left | None = None


NOT_COUNTED = Counted(UNKNOWN, 0, 0)


class Moment(Protocol):
    """The moment of a decision: on a clock that never goes back, and on the wall."""

    @property
    def steady_ns(self) -> int:
        """Return the steady clock's nanoseconds."""
        ...

    @property
    def wall_ns(self) -> int:
        """Return the nanoseconds since 1970."""
        ...


class Granted(NamedTuple):
    """A permission as calls are counted against it: its quota and counter; both None where it has no quota."""

    id: str
    quota: Quota | None
    counter: Counter | None


class Allowance(NamedTuple):
    """What an application's calls of a product count against, as one owner holds it; ``place`` says who that is."""

    place: str
    version: tuple[int, int]
    bucket: Bucket
    quota: Quota | None
    counter: Counter | None


class Fetches(Protocol):
    """Who is told what has to be fetched from the database, or written to it."""

    @property
    def is_keeping(self) -> bool:
        """Say whether what is noted is written."""
        ...

    def wants_bucket(self, bucket: Bucket) -> None:
        """Note that a rate's allowance has to be read before calls are counted against it."""
        ...

    def wants_lot(self, counter: Counter, quota: Quota) -> None:
        """Note that calls of a quota have to be reserved."""
        ...

    def refused(self, counter: Counter, quota: Quota) -> None:
        """Note that a call found a quota used up."""
        ...

    def wants_keeping(self, bucket: Bucket) -> None:
        """Note that more has passed than is kept."""
        ...


def count(allowance: Allowance, granted: Sequence[Granted], now: Moment, fetches: Fetches) -> Counted | None:
    """Count one call against all of it or none of it; None where something has to be fetched before."""
    _, _, bucket, quota, counter = allowance
    if bucket.whole_at > bucket.waits_above or not bucket.is_loaded:
        if not bucket.is_loaded:
            fetches.wants_bucket(bucket)
            return None
        if fetches.is_keeping and not bucket.is_whole(now.steady_ns):
            fetches.wants_keeping(bucket)
            return None
    if counter is None and not granted:
        return _by_rate(bucket, now, fetches)
    permit, own = _usable(granted, now) if granted else _NO_PERMIT
    counted = None if own.counter is None else _obstacle(PERMISSION, own, now, fetches)
    if counted is None and counter is not None:
        counted = _obstacle(QUOTA, Granted("", quota, counter), now, fetches)
    if counted is NOT_COUNTED:
        return None
    if counted is None:
        counted = _by_rate(bucket, now, fetches)
        if counted.outcome == PASSED:
            _pass(counter, quota, fetches)
            if granted:
                _pass(own.counter, own.quota, fetches)
    own_left = _left(own.quota, own.counter) if granted else None
    return Counted(counted[0], counted[1], counted[2], _left(quota, counter), permit, own_left)


def _obstacle(outcome: int, charged: Granted, now: Moment, fetches: Fetches) -> Counted | None:
    """Return the refusal where a quota is used up, ``NOT_COUNTED`` where calls have to be reserved first, otherwise None."""
    _, quota, counter = charged
    if counter is None or quota is None:
        return None
    if now.wall_ns >= counter.ends_at_ns:
        counter.turn(now.wall_ns)
    if 0 < counter.free > counter.reserved - quota.calls:
        return None
    if counter.is_used_up(quota):
        fetches.refused(counter, quota)
        return Counted(outcome, 0, counter.ends_at_ns - now.wall_ns)
    return None if _may_pass(counter, quota, fetches) else NOT_COUNTED


def _pass(counter: Counter | None, quota: Quota | None, fetches: Fetches) -> None:
    if counter is not None and quota is not None:
        counter.free -= 1
        counter.is_told = False
        if counter.free <= counter.refills_at:
            fetches.wants_lot(counter, quota)


def _by_rate(bucket: Bucket, now: Moment, fetches: Fetches) -> Counted:
    steady_ns = now.steady_ns
    is_allowed, remaining, wait_ns = bucket.take(steady_ns)
    bucket.used_ns = steady_ns
    if not is_allowed:
        return Counted(RATE, 0, wait_ns)
    if bucket.whole_at > bucket.keeps_above:
        fetches.wants_keeping(bucket)
    return Counted(PASSED, remaining, wait_ns)


_NONE_NEEDED = Granted("", None, None)
_NO_PERMIT = (-1, _NONE_NEEDED)


def _usable(granted: Sequence[Granted], now: Moment) -> tuple[int, Granted]:
    """Return a permission with calls left where there is one, otherwise the first, and its place."""
    for place, each in enumerate(granted):
        if each.counter is None or each.quota is None:
            return place, each
        each.counter.turn(now.wall_ns)
        if not each.counter.is_used_up(each.quota):
            return place, each
    return (0, granted[0]) if granted else (-1, _NONE_NEEDED)


def _may_pass(counter: Counter, quota: Quota, fetches: Fetches) -> bool:
    fetches.wants_lot(counter, quota)
    # Where nothing is kept a lot is there at once.
    return counter.is_loaded and counter.free > 0


def _left(quota: Quota | None, counter: Counter | None) -> Left | None:
    if quota is None or counter is None:
        return None
    return Left(max(quota.calls - counter.used, 0), counter.ends_at_ns)
