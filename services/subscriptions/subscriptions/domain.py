"""What is true of subscriptions: the steps of their life, and what each wrong step is called.

::

    subscribe ──► PENDING ──approve──► ACTIVE
                   │  │                  │
                   │  └──reject──► REJECTED
                   └────cancel──► CANCELLED ◄──cancel── (ACTIVE)

A plan that approves automatically takes the first two steps at once. REJECTED and CANCELLED are final: one subscribes anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from chassis.errors import Conflict, FieldProblem, Invalid
from chassis.messages import Event
from services.subscriptions.events import (
    SubscriptionActivated,
    SubscriptionCancelled,
    SubscriptionRejected,
    SubscriptionRequested,
)
from services.subscriptions.known.domain import Application, Plan, Product


class Status(StrEnum):
    """Where a subscription stands."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


LIVE = frozenset({Status.PENDING, Status.ACTIVE})
"""An application has at most one subscription to a product that stands so."""


class AlreadySubscribed(Conflict):
    """The application already has a subscription to this product, or has asked for one."""


class PlanWithdrawn(Conflict):
    """The plan is not offered any more; choose another plan of the product."""


class PlanNotOffered(Conflict):
    """The plan is not offered at present: look at its validity, or choose another plan of the product."""


class PlanOfAnotherProduct(Invalid):
    """The plan does not belong to the product."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("plan_id", "give one of the product's own plans")])


class AlreadyActive(Conflict):
    """The subscription is active already; nothing is left to decide about it."""


class AlreadyRejected(Conflict):
    """The provider has rejected this subscription; subscribe anew to ask again."""


class AlreadyCancelled(Conflict):
    """The subscription has been cancelled; subscribe anew to have one again."""


_STEPS: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.ACTIVE, Status.REJECTED, Status.CANCELLED}),
    Status.ACTIVE: frozenset({Status.CANCELLED}),
    Status.REJECTED: frozenset(),
    Status.CANCELLED: frozenset(),
}
_WRONG_STEP: Mapping[Status, type[Conflict]] = {
    Status.ACTIVE: AlreadyActive,
    Status.REJECTED: AlreadyRejected,
    Status.CANCELLED: AlreadyCancelled,
}


@dataclass(frozen=True, slots=True)
class Step:
    """Who takes a step in a subscription's life, when, and why."""

    actor: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A step that was taken: how the subscription has stood since."""

    status: Status
    reason: str | None
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Subscription:
    """An application on a plan of a product."""

    id: str
    application_id: str
    organization_id: str
    product_id: str
    plan_id: str
    provider_id: str
    status: Status
    reason: str | None
    created_at: datetime
    changed_at: datetime
    history: tuple[Change, ...]

    @property
    def is_live(self) -> bool:
        """Say whether it stands in the way of another subscription of the application to the product."""
        return self.status in LIVE

    def approve(self, step: Step) -> tuple["Subscription", Event]:
        """Let the application call. Raises the refusal that names where the subscription stands instead."""
        changed = self._take(step, Status.ACTIVE)
        return changed, SubscriptionActivated(**changed.told())

    def reject(self, step: Step) -> tuple["Subscription", Event]:
        """Decline the request. Raises the refusal that names where the subscription stands instead."""
        changed = self._take(step, Status.REJECTED)
        return changed, SubscriptionRejected(**changed.told())

    def cancel(self, step: Step) -> tuple["Subscription", Event]:
        """End it, decided or not. Raises the refusal that names where the subscription stands instead."""
        changed = self._take(step, Status.CANCELLED)
        return changed, SubscriptionCancelled(**changed.told())

    def told(self) -> dict[str, str | None]:
        """Return what every fact about the subscription tells."""
        return {
            "subscription_id": self.id,
            "application_id": self.application_id,
            "organization_id": self.organization_id,
            "product_id": self.product_id,
            "plan_id": self.plan_id,
            "provider_id": self.provider_id,
            "status": self.status.value,
            "reason": self.reason,
        }

    def _take(self, step: Step, status: Status) -> "Subscription":
        if status not in _STEPS[self.status]:
            raise _WRONG_STEP[self.status]
        change = Change(status, step.reason, step.actor, step.at)
        return replace(self, status=status, reason=step.reason, changed_at=step.at, history=(*self.history, change))


@dataclass(frozen=True, slots=True)
class Wish:
    """Which application shall be subscribed to which plan of which product."""

    application: Application
    product: Product
    plan: Plan


def subscribe(subscription_id: str, wish: Wish, step: Step) -> tuple[Subscription, list[Event]]:
    """Return the new subscription and what is to be announced.

    Raises ``PlanOfAnotherProduct``, ``PlanWithdrawn`` or ``PlanNotOffered``.
    """
    if wish.plan.product_id != wish.product.id:
        raise PlanOfAnotherProduct
    if wish.plan.is_withdrawn:
        raise PlanWithdrawn
    if not wish.plan.is_valid_at(step.at):
        raise PlanNotOffered
    requested = Subscription(
        id=subscription_id,
        application_id=wish.application.id,
        organization_id=wish.application.organization_id,
        product_id=wish.product.id,
        plan_id=wish.plan.id,
        provider_id=wish.product.provider_id,
        status=Status.PENDING,
        reason=step.reason,
        created_at=step.at,
        changed_at=step.at,
        history=(Change(Status.PENDING, step.reason, step.actor, step.at),),
    )
    announced: list[Event] = [SubscriptionRequested(**requested.told())]
    if not wish.plan.approves_automatically:
        return requested, announced
    activated, event = requested.approve(step)
    return activated, [*announced, event]
