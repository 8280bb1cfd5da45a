"""Leases: an application's right to call a product, as the check holds it."""

from dataclasses import dataclass, field
from typing import Any

from services.enforcement.limits.claims import Claim
from services.enforcement.limits.quotas import Counter, Quota
from services.enforcement.limits.rates import Bucket
from services.enforcement.state.permits import Permit


@dataclass(slots=True)
class Lease:
    """The right of one application to call one product: looked up once, dropped when anything it rests on changes."""

    subscription_id: str | None
    plan_id: str | None
    claim: Claim
    # What is permitted of the product; None where no permission is needed.
    permits: tuple[Permit, ...] | None = None
    # Ready-made answers, by operation and secret; filled by whoever answers.
    answers: dict[Any, Any] = field(default_factory=dict)

    @property
    def bucket(self) -> Bucket:
        """Return the rate's allowance; what has passed stands in its owner's."""
        return self.claim.allowance.bucket

    @property
    def quota(self) -> Quota | None:
        """Return the plan's quota, if it has one."""
        return self.claim.allowance.quota

    @property
    def counter(self) -> Counter | None:
        """Return the quota's counter; what has passed stands in its owner's."""
        return self.claim.allowance.counter
