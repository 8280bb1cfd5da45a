"""Who may ask who had access to what.

An organization's members, and what it held: those who may VIEW_AUDIT in it. Who held access to a provider's products: those who
may in the provider. Everything of everybody: the operator's administrators and auditors. For others there is nothing to ask.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.errors import FieldProblem
from chassis.messages import to_timestamp
from chassis.mongo import Reader
from chassis.paging import Page
from services.audit.holdings import repository
from services.audit.holdings.domain import GROUNDS, Holding, Kind, MomentNotReached, Question

VIEW_AUDIT = "VIEW_AUDIT"
STAFF = ("OPERATOR_ADMINISTRATOR", "AUDITOR")


@dataclass(frozen=True, slots=True)
class Found:
    """A page of holdings, names and grounds as they were at the moment asked for; ``next_id`` is where the next page begins."""

    holdings: Sequence[Holding]
    next_id: str | None
    names: Mapping[str, Mapping[str, Any]]
    grounds: Mapping[str, Sequence[Holding]]

    def named(self, kind: Kind, thing_id: str | None, name: str = "name") -> Any:
        """Return how something was named then, or None where that is not known."""
        return self.names.get(f"{kind}:{thing_id}", {}).get(name)


async def known_since(reader: Reader) -> datetime | None:
    """Return from when on every announcement was heard, or None where nothing was."""
    return await repository.find_known_since(reader)


def is_staff(reader: Reader) -> bool:
    """Say whether the principal may ask about everybody."""
    return reader.principal.has_platform_role(*STAFF)


def may_ask_about(reader: Reader, organization_id: str) -> bool:
    """Say whether the principal may ask about an organization."""
    return is_staff(reader) or reader.principal.may(VIEW_AUDIT, organization_id)


def require_past(reader: Reader, at: datetime) -> None:
    """Raise ``MomentNotReached`` unless the moment has passed."""
    if at > reader.now:
        problem = FieldProblem("at", f"give a moment that has passed: it is {to_timestamp(reader.now)} now")
        raise MomentNotReached(f"at: {problem.message}", fields=[problem])


async def find(reader: Reader, question: Question, page: Page) -> Found:
    """Return a page of what was held (for those who have checked who asks)."""
    several = await repository.find_page(reader, question, page)
    held, next_id = several[: page.first], several[page.first - 1].id if len(several) > page.first else None
    ends = await repository.find_ends(reader, {each.about.get("organization_id") for each in held if each.kind is Kind.MEMBER})
    # An organization that ends lets its members go without announcing each of them.
    lasting = [each for each in (_within(each, ends) for each in held) if each.until is None or each.until > question.at]
    subscribed = [each for each in lasting if each.kind is Kind.SUBSCRIPTION]
    grounds = await repository.find_grounds(reader, subscribed, GROUNDS, question.at)
    names = await repository.find_names(reader, _named_by(lasting), question.at)
    rests_on = {each.id: [ground for ground in grounds if _rests_on(each, ground)] for each in subscribed}
    return Found(lasting, next_id, names, rests_on)


def _within(holding: Holding, ends: Mapping[str, datetime]) -> Holding:
    end = ends.get(holding.about.get("organization_id") or "") if holding.kind is Kind.MEMBER else None
    return holding if end is None else holding.ending(end)


def _named_by(holdings: Iterable[Holding]) -> dict[Kind, set[str | None]]:
    found = list(holdings)
    return {
        Kind.ORGANIZATION: {each.about.get(name) for each in found for name in ("organization_id", "provider_id")},
        Kind.APPLICATION: {each.about.get("application_id") for each in found},
        Kind.PRODUCT: {each.about.get("product_id") for each in found},
        Kind.PLAN: {each.state.get("plan_id") for each in found},
    }


def _rests_on(subscription: Holding, ground: Holding) -> bool:
    shared = ["organization_id", "product_id", *(["application_id"] if ground.kind is Kind.PERMISSION else [])]
    return all(subscription.about.get(name) == ground.about.get(name) for name in shared)
