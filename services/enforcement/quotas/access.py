"""Who may see what is used of whose quota: the application's organization, the product's provider, and the operator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import NamedTuple

from chassis.mongo import Reader
from chassis.principal import Principal
from services.enforcement.limits import repository as counts
from services.enforcement.limits.book import Book
from services.enforcement.limits.quotas import Quota, period_of
from services.enforcement.quotas.domain import Usage
from services.enforcement.state import repository as copies
from services.enforcement.state.copies import SUBSCRIPTION, Copy
from services.enforcement.state.permits import GRANTED

OPERATOR = "OPERATOR_ADMINISTRATOR"


@dataclass(frozen=True, slots=True)
class Usages:
    """What is used of a subscription's plan quota, and of its permission's; None where there is none."""

    plan: Usage | None
    permission: Usage | None


class Quotas:
    """Reads quotas: what this instance counts itself as it is now, what others count as of a second ago."""

    def __init__(self, book: Book, is_counted_here: Callable[[str], bool]) -> None:
        self._book = book
        self._is_counted_here = is_counted_here

    async def visible(self, reader: Reader, subscription_ids: Sequence[str]) -> dict[str, Usages]:
        """Return what is used of those subscriptions' quotas that the principal may see and that have any."""
        found = await copies.copies_of(reader, subscription_ids)
        subscriptions = [each for each in found.values() if each.kind == SUBSCRIPTION]
        around = await copies.copies_of(
            reader, [each.fields[name] for each in subscriptions for name in ("application_id", "product_id", "plan_id")]
        )
        seen = [each for each in subscriptions if _may_see(reader.principal, each, around)]
        terms = {each.id: await _terms(reader, each, around) for each in seen}
        keys = [key for each in terms.values() for key in each.keys(reader)]
        kept = await counts.kept_of(reader, keys)
        usages = {key: self._usages(reader, each, kept) for key, each in terms.items()}
        return {key: each for key, each in usages.items() if each.plan is not None or each.permission is not None}

    def _usages(self, reader: Reader, terms: "_Terms", kept: Mapping[str, counts.Kept]) -> Usages:
        plan = None if terms.plan is None else self._usage(reader, terms.plan, kept)
        granted = [None if each.quota is None else self._usage(reader, each, kept) for each in terms.permissions]
        # The next call counts against the first with calls left.
        left = [each for each in granted if each is None or each.remaining]
        return Usages(plan, (left or granted or [None])[0])

    def _usage(self, reader: Reader, held: "_Held", kept: Mapping[str, counts.Kept]) -> Usage | None:
        quota = held.quota
        if quota is None:
            return None
        began_at, ends_at = (each.astimezone(UTC) for each in period_of(quota.period, reader.now, quota.zone))
        key = counts.key_of(held.id, quota, reader.now)
        used, since = kept.get(key, counts.NONE_KEPT)
        counter = self._book.counters.get(held.id)
        if counter is not None and counter.is_loaded and counter.key == key and self._is_counted_here(counter.place):
            used = counter.used
        return Usage(quota.calls, used, quota.period, quota.zone, began_at, ends_at, since)


class _Held(NamedTuple):
    """A subscription or a permission, and its quota if it has one."""

    id: str
    quota: Quota | None


class _Terms(NamedTuple):
    """What a subscription's calls count against."""

    plan: _Held | None
    permissions: tuple[_Held, ...]

    def keys(self, reader: Reader) -> list[str]:
        """Return what the running periods' counts are kept under."""
        held = [each for each in (self.plan, *self.permissions) if each is not None]
        return [counts.key_of(each.id, each.quota, reader.now) for each in held if each.quota is not None]


async def _terms(reader: Reader, subscription: Copy, around: dict[str, Copy]) -> _Terms:
    fields = subscription.fields
    plan, product = around.get(fields["plan_id"]), around.get(fields["product_id"])
    zone = (plan.fields.get("quota_time_zone") or "UTC") if plan else "UTC"
    of_plan = None if plan is None else _Held(subscription.id, _quota(plan, zone))
    granted: list[Copy] = []
    if product is not None and product.fields.get("needs_permission"):
        granted = await copies.permissions_of(reader, fields["application_id"], product.id)
    now = reader.now.timestamp()
    return _Terms(of_plan, tuple(_Held(each.id, _quota(each, zone)) for each in granted if _is_valid(each, now)))


def _is_valid(permission: Copy, now: float) -> bool:
    fields = permission.fields
    has_begun, ends = (fields["valid_from"] or 0) <= now, fields["valid_to"]
    return fields["status"] == GRANTED and has_begun and (ends is None or now < ends)


def _quota(terms: Copy, zone: str) -> Quota | None:
    calls = terms.fields["quota_calls"]
    return None if calls is None else Quota(calls, terms.fields["quota_period"], zone)


def _may_see(principal: Principal, subscription: Copy, around: dict[str, Copy]) -> bool:
    if principal.has_platform_role(OPERATOR):
        return True
    concerned = (around.get(subscription.fields[name]) for name in ("application_id", "product_id"))
    return any(each is not None and principal.is_member(each.fields["organization_id"]) for each in concerned)
