"""Every allowance that this instance counts: buckets and counters by what they belong to, and what is to be fetched for them."""

from collections.abc import Callable
from typing import NamedTuple

from services.enforcement.limits.counting import Allowance, Granted, Moment
from services.enforcement.limits.quotas import Counter, Quota
from services.enforcement.limits.rates import Bucket, Rate


class Latest(NamedTuple):
    """The latest terms that are known of an allowance: others may still count by those before."""

    version: tuple[int, int]
    rate: Rate
    quota: Quota | None


class Book:
    """Buckets and counters. Without a keeper nothing is kept: buckets begin whole, and every lot is there at once."""

    def __init__(self) -> None:
        self.buckets: dict[str, Bucket] = {}
        self.counters: dict[str, Counter] = {}
        self.buckets_to_read: dict[str, Bucket] = {}
        self.buckets_to_keep: dict[str, Bucket] = {}
        self.lots_to_reserve: dict[str, tuple[Counter, Quota]] = {}
        self.used_up: dict[str, tuple[Counter, Quota]] = {}
        self.wake: Callable[[], None] | None = None
        self.is_keeping = False
        self._latest: dict[str, Latest] = {}

    def wants_bucket(self, bucket: Bucket) -> None:
        """Note that a rate's allowance has to be read before calls are counted against it."""
        if bucket.key not in self.buckets_to_read:
            self.buckets_to_read[bucket.key] = bucket
            self._awaken()

    def wants_lot(self, counter: Counter, quota: Quota) -> None:
        """Note that calls of a quota have to be reserved."""
        if self.wake is None:
            granted = max(min(quota.lot, quota.calls - counter.reserved), 0)
            counter.grant(granted, counter.reserved + granted, quota)
            return
        if counter.id not in self.lots_to_reserve:
            self._awaken()
        self.lots_to_reserve[counter.id] = (counter, quota)

    def refused(self, counter: Counter, quota: Quota) -> None:
        """Note that a call found a quota used up: somebody may have given calls back."""
        if self.wake is not None:
            self.used_up[counter.id] = (counter, quota)

    def wants_keeping(self, bucket: Bucket) -> None:
        """Note that more has passed than is kept."""
        if self.wake is not None and bucket.key not in self.buckets_to_keep:
            self.buckets_to_keep[bucket.key] = bucket
            self.wake()

    def _awaken(self) -> None:
        if self.wake is not None:
            self.wake()

    def allowance(self, key: str, place: str, terms: Latest, now: Moment) -> Allowance:
        """Return what calls under these terms count against: under the latest ones that are known, where those are older."""
        latest = self._latest.get(key)
        if latest is None or terms.version > latest.version:
            latest = self._latest[key] = terms
        bucket = self.buckets.get(key)
        if bucket is None:
            bucket = self.buckets[key] = Bucket(latest.rate, key, place, is_loaded=self.wake is None)
            if self.wake is None:
                bucket.never_keep()
        bucket.change(latest.rate, now.steady_ns)
        counter = None if latest.quota is None else self.counter(key, place, latest.quota, now)
        return Allowance(bucket.place, latest.version, bucket, latest.quota, counter)

    def counter(self, identifier: str, place: str, quota: Quota, now: Moment) -> Counter:
        """Return the counter of a subscription or permission; one of another kind of period begins anew."""
        counter = self.counters.get(identifier)
        if counter is None or counter.period != quota.period:
            counter = self.counters[identifier] = Counter(identifier, quota, now.wall_ns, place)
        counter.move(quota, now.wall_ns)
        return counter

    def granted(self, identifier: str, place: str, quota: Quota | None, now: Moment) -> Granted:
        """Return a permission's part in counting."""
        return Granted(identifier, quota, None if quota is None else self.counter(identifier, place, quota, now))

    def is_current(self, allowance: Allowance) -> bool:
        """Say whether no later terms have been heard of."""
        latest = self._latest.get(allowance.bucket.key)
        return latest is not None and latest.version == allowance.version

    def forget(self, key: str) -> None:
        """Forget an allowance that nobody needs any more."""
        for each in (self.buckets, self.counters, self._latest):
            each.pop(key, None)

    def tidy(self, now_ns: int) -> list[str]:
        """Forget the allowances of callers without a subscription that are whole again; return their keys."""
        idle = [key for key, bucket in self.buckets.items() if key == bucket.place and bucket.is_whole(now_ns)]
        for key in idle:
            self.forget(key)
        return idle
