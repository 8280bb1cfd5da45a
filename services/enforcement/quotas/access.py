"""Who may see what is used of whose quota: the application's organization, the product's provider, and the operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

from chassis.mongo import Reader
from chassis.principal import Principal
from services.enforcement.limits import repository as counts
from services.enforcement.limits.book import Book
from services.enforcement.limits.quotas import Quota, period_of
from services.enforcement.quotas.domain import Usage
from services.enforcement.state import repository as copies
from services.enforcement.state.copies import PERMISSION, SUBSCRIPTION, Copy
from services.enforcement.state.permits import GRANTED

OPERATOR = "OPERATOR_ADMINISTRATOR"


@dataclass(frozen=True, slots=True)
class Usages:
    """What is used of a subscription's plan quota, and of its permission's; None where there is none."""

    plan: Usage | None
    permission: Usage | None


class Quotas:
    """Reads quotas: what this instance counts itself as it is now, what others count as of a second ago."""

    def __init__(self, book: Book) -> None:
        self._book = book

    async def visible(self, reader: Reader, subscription_ids: Sequence[str]) -> dict[str, Usages]:
        """Return what is used of those subscriptions' quotas that the principal may see and that have any."""
        found = await copies.copies_of(reader, subscription_ids)
        subscriptions = [each for each in found.values() if each.kind == SUBSCRIPTION]
        around = await copies.copies_of(
            reader, [each.fields[name] for each in subscriptions for name in ("application_id", "product_id", "plan_id")]
        )
        seen = [each for each in subscriptions if _may_see(reader.principal, each, around)]
        usages = {each.id: await self._usages(reader, each, around) for each in seen}
        return {key: each for key, each in usages.items() if each.plan is not None or each.permission is not None}

    async def _usages(self, reader: Reader, subscription: Copy, around: dict[str, Copy]) -> Usages:
        fields = subscription.fields
        plan, product = around.get(fields["plan_id"]), around.get(fields["product_id"])
        zone = (plan.fields.get("quota_time_zone") or "UTC") if plan else "UTC"
        of_plan = None if plan is None else await self._usage(reader, subscription.id, plan, zone)
        own = None
        if product is not None and product.fields.get("needs_permission"):
            own = await self._of_permissions(reader, fields["application_id"], product.id, zone)
        return Usages(of_plan, own)

    async def _of_permissions(self, reader: Reader, application_id: str, product_id: str, zone: str) -> Usage | None:
        """Return what is used of the permission that the next call counts against: the first with calls left."""
        granted = await copies.permissions_of(reader, application_id, product_id)
        now = reader.now.timestamp()
        valid = [
            each
            for each in granted
            if each.kind == PERMISSION
            and each.fields["status"] == GRANTED
            and (each.fields["valid_from"] or 0) <= now
            and (each.fields["valid_to"] is None or now < each.fields["valid_to"])
        ]
        usages = [await self._usage(reader, each.id, each, zone) for each in valid]
        left = [each for each in usages if each is None or each.remaining]
        return (left or usages or [None])[0]

    async def _usage(self, reader: Reader, identifier: str, terms: Copy, zone: str) -> Usage | None:
        calls = terms.fields["quota_calls"]
        if calls is None:
            return None
        quota = Quota(calls, terms.fields["quota_period"], zone)
        began_at, ends_at = (each.astimezone(UTC) for each in period_of(quota.period, reader.now, quota.zone))
        key = counts.key_of(identifier, quota, reader.now)
        counter = self._book.counters.get(identifier)
        if counter is not None and counter.is_loaded and counter.key == key:
            used = counter.used
        else:
            used = await counts.used(reader, key)
        return Usage(quota.calls, used, quota.period, quota.zone, began_at, ends_at)


def _may_see(principal: Principal, subscription: Copy, around: dict[str, Copy]) -> bool:
    if principal.has_platform_role(OPERATOR):
        return True
    concerned = (around.get(subscription.fields[name]) for name in ("application_id", "product_id"))
    return any(each is not None and principal.is_member(each.fields["organization_id"]) for each in concerned)
