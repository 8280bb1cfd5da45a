"""What is true of a plan: what it grants, when it is offered, and what it refuses."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict, FieldProblem, Invalid


class QuotaPeriod(StrEnum):
    """After which time a quota begins anew."""

    DAY = "DAY"
    MONTH = "MONTH"


class Approval(StrEnum):
    """Who lets an application onto a plan."""

    AUTOMATIC = "AUTOMATIC"
    BY_PROVIDER = "BY_PROVIDER"


class NotOfferedBecause(StrEnum):
    """Why nobody can subscribe to a plan."""

    WITHDRAWN = "WITHDRAWN"
    NOT_YET_VALID = "NOT_YET_VALID"
    NO_LONGER_VALID = "NO_LONGER_VALID"


class PlanNameTaken(Conflict):
    """The product has a plan of this name already; choose another name."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("name", "choose another one, the product has a plan of this name")])


class PlanAlreadyWithdrawn(Conflict):
    """The plan has been withdrawn: whoever is on it keeps it as it is."""


class PlanEndsBeforeItBegins(Invalid):
    """A plan is valid from one moment until a later one."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("valid_to", "give a moment after the beginning")])


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan grants: ``rate_requests`` in ``rate_seconds``, ``burst`` at once, a quota per period where there is one.

    It can be subscribed to from ``valid_from`` on and until before ``valid_to``; None is no bound.
    """

    name: str
    rate_requests: int
    rate_seconds: int
    burst: int
    quota_calls: int | None
    quota_period: QuotaPeriod | None
    approval: Approval
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    quota_time_zone: str = "UTC"
    """By which zone's clocks the quota's day or month begins and ends: an IANA name."""

    def __post_init__(self) -> None:
        """Refuse a time that is none. Raises ``PlanEndsBeforeItBegins``."""
        if self.valid_from is not None and self.valid_to is not None and self.valid_to <= self.valid_from:
            raise PlanEndsBeforeItBegins


@dataclass(frozen=True, slots=True)
class Plan:
    """The terms under which a product can be called."""

    id: str
    terms: Terms
    withdrawn_at: datetime | None = None

    def not_offered_because(self, now: datetime) -> NotOfferedBecause | None:
        """Say why nobody can subscribe to it now, or None where everybody can."""
        if self.withdrawn_at is not None:
            return NotOfferedBecause.WITHDRAWN
        if self.terms.valid_from is not None and now < self.terms.valid_from:
            return NotOfferedBecause.NOT_YET_VALID
        if self.terms.valid_to is not None and now >= self.terms.valid_to:
            return NotOfferedBecause.NO_LONGER_VALID
        return None

    def has_future(self, now: datetime) -> bool:
        """Say whether it is offered or will be."""
        return self.not_offered_because(now) in (None, NotOfferedBecause.NOT_YET_VALID)

    def under(self, terms: Terms) -> "Plan":
        """Return the plan under other terms. Raises ``PlanAlreadyWithdrawn``."""
        if self.withdrawn_at is not None:
            raise PlanAlreadyWithdrawn
        return replace(self, terms=terms)

    def withdraw(self, now: datetime) -> "Plan":
        """Return the plan as nobody can subscribe to it any more. Raises ``PlanAlreadyWithdrawn``."""
        if self.withdrawn_at is not None:
            raise PlanAlreadyWithdrawn
        return replace(self, withdrawn_at=now)


def terms_row(terms: Terms) -> dict[str, Any]:
    """Return a plan's terms as plain data."""
    return {
        "name": terms.name,
        "rate_requests": terms.rate_requests,
        "rate_seconds": terms.rate_seconds,
        "burst": terms.burst,
        "quota_calls": terms.quota_calls,
        "quota_period": terms.quota_period.value if terms.quota_period else None,
        "approval": terms.approval.value,
        "valid_from": terms.valid_from,
        "valid_to": terms.valid_to,
        "quota_time_zone": terms.quota_time_zone,
    }


def read_terms(row: Mapping[str, Any]) -> Terms:
    """Return the terms that plain data holds."""
    period = row["quota_period"]
    return Terms(
        name=row["name"],
        rate_requests=row["rate_requests"],
        rate_seconds=row["rate_seconds"],
        burst=row["burst"],
        quota_calls=row["quota_calls"],
        quota_period=QuotaPeriod(period) if period else None,
        approval=Approval(row["approval"]),
        valid_from=row.get("valid_from"),
        valid_to=row.get("valid_to"),
        quota_time_zone=row.get("quota_time_zone", "UTC"),
    )
