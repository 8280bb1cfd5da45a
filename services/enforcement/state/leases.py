"""Leases: an application's right to call a product, as the check holds it."""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field

from services.enforcement.limits.claims import Claim
from services.enforcement.limits.quotas import Counter, Quota
from services.enforcement.limits.rates import Bucket
from services.enforcement.state.permits import Permit

MOST_ANSWERS = 10_000
"""How many ready-made answers there are at a time: with them a subscription takes as much again."""
_MOST_OF_ONE = 1_000
NO_ANSWERS: dict[Hashable, bytes] = {}
"""What all leases have that have none: nobody writes into it."""


class Shelf:
    """Where ready-made answers of all leases stand: for those that came last, the others are made anew when they are wanted."""

    def __init__(self, most: int = MOST_ANSWERS) -> None:
        self._most = most
        self._leases: deque[Lease] = deque()

    def put(self, lease: "Lease", key: Hashable, answer: bytes) -> bytes:
        """Keep a lease's answer, and return it."""
        if not lease.answers or len(lease.answers) >= _MOST_OF_ONE:
            lease.answers = {}
        lease.answers[key] = answer
        self._leases.append(lease)
        if len(self._leases) > self._most:
            self._leases.popleft().answers = NO_ANSWERS
        return answer


@dataclass(slots=True)
class Lease:
    """The right of one application to call one product: looked up once, dropped when anything it rests on changes."""

    subscription_id: str | None
    plan_id: str | None
    claim: Claim
    shelf: Shelf
    # What is permitted of the product; None where no permission is needed.
    permits: tuple[Permit, ...] | None = None
    # Ready-made answers, by operation and secret; whoever answers puts them on the shelf.
    answers: dict[Hashable, bytes] = field(default_factory=lambda: NO_ANSWERS)

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
