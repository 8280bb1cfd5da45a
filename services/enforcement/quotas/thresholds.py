"""Telling, once a period each, that half, four fifths and all of a plan's or a permission's quota is used."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from chassis.mongo import Store, Transaction
from chassis.principal import system
from services.enforcement.events import QuotaThresholdReached
from services.enforcement.limits import repository as counts
from services.enforcement.limits.book import Book
from services.enforcement.limits.quotas import Counter, Quota
from services.enforcement.quotas.domain import reached
from services.enforcement.state import repository as copies
from services.enforcement.state.copies import PERMISSION, SUBSCRIPTION

_NANOSECONDS = 1_000_000_000


class Count(NamedTuple):
    """What is used of a quota in a period, as it was when it was looked at."""

    identifier: str
    key: str
    quota: Quota
    used: int
    resets_at: datetime


class Thresholds:
    """Looks at what has been counted lately, and announces what has been reached."""

    def __init__(self, store: Store, book: Book) -> None:
        self._store = store
        self._book = book
        self._told: dict[str, int] = {}

    async def look(self, counters: Sequence[Counter]) -> None:
        """Announce the thresholds that these counters have reached and that nobody has announced yet."""
        for counter in counters:
            if not counter.is_loaded:
                continue
            quota = Quota(counter.limit, counter.period, counter.zone)
            count = Count(
                counter.id, counter.key, quota, counter.used, datetime.fromtimestamp(counter.ends_at_ns / _NANOSECONDS, UTC)
            )
            for threshold in reached(count.used, quota.calls):
                if threshold > self._told.get(count.key, 0):
                    work = partial(announce, count=count, threshold=threshold)
                    await self._store.transact(system("enforcement.quotas"), work)
                    self._note(count.key, threshold)

    def _note(self, key: str, threshold: int) -> None:
        if len(self._told) > 100_000:
            self._told.clear()
        self._told[key] = threshold


async def announce(tx: Transaction, *, count: Count, threshold: int) -> None:
    """Announce that a threshold is reached, unless that has been done, or it is nobody's."""
    if not await counts.mark_told(tx, count.key, threshold):
        return
    held = (await copies.copies_of(tx, [count.identifier])).get(count.identifier)
    subscription = held
    if held is not None and held.kind == PERMISSION:
        # Calls that count against a permission pass by the subscription of its application to its product.
        active = await copies.active_subscriptions_of(tx, held.fields["application_id"], held.fields["product_id"])
        subscription = active[-1] if active else None
    if held is None or subscription is None or subscription.kind != SUBSCRIPTION:
        return
    fields = subscription.fields
    application = (await copies.copies_of(tx, [fields["application_id"]])).get(fields["application_id"])
    if application is None:
        return
    organization_id = application.fields["organization_id"]
    fact = QuotaThresholdReached(
        subscription_id=subscription.id,
        application_id=application.id,
        organization_id=organization_id,
        product_id=fields["product_id"],
        plan_id=fields["plan_id"],
        threshold=threshold,
        used=min(count.used, count.quota.calls),
        limit=count.quota.calls,
        period=count.quota.period,
        time_zone=count.quota.zone,
        resets_at=count.resets_at,
        permission_id=held.id if held.kind == PERMISSION else None,
    )
    await tx.emit(fact, subject=subscription.id, organization=organization_id, audience=(organization_id,))
