"""What is true of subscriptions: the steps of their life, and what each wrong step is called.

::

    subscribe ──► PENDING ──approve──► ACTIVE ◄──resume, the last hold── SUSPENDED
                   │  │                  │ └────────suspend, a hold──────────► │
                   │  └──reject──► REJECTED                                    │
                   └─cancel, end─► CANCELLED ◄──cancel, end── (ACTIVE, SUSPENDED)

A plan that approves automatically takes the first two steps at once. REJECTED and CANCELLED are final: one subscribes anew. It is
SUSPENDED exactly while it has a hold, at most one for each cause.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict, FieldProblem, Invalid
from chassis.messages import Event
from services.subscriptions.events import (
    SubscriptionActivated,
    SubscriptionCancelled,
    SubscriptionRejected,
    SubscriptionRequested,
    SubscriptionResumed,
    SubscriptionSuspended,
)
from services.subscriptions.known.domain import Application, Plan, Product


class Status(StrEnum):
    """Where a subscription stands."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


LIVE = frozenset({Status.PENDING, Status.ACTIVE, Status.SUSPENDED})
"""An application has at most one subscription to a product that stands so."""

IN_FORCE = frozenset({Status.ACTIVE, Status.SUSPENDED})
"""It was approved and has not ended: it can be held, and go over to another plan."""


class Cause(StrEnum):
    """Who or what holds a subscription: one of the three sides, a ground that is missing, or a confirmation that is."""

    PROVIDER = "PROVIDER"
    OPERATOR = "OPERATOR"
    RECIPIENT = "RECIPIENT"
    ONBOARDING = "ONBOARDING"
    AGREEMENT = "AGREEMENT"
    PERMISSION = "PERMISSION"
    RECERTIFICATION = "RECERTIFICATION"


SIDES = frozenset({Cause.PROVIDER, Cause.OPERATOR, Cause.RECIPIENT})
"""The causes that are somebody's decision; the others are set and lifted as the grounds stand."""

MISSING: Mapping[Cause, str] = {
    Cause.ONBOARDING: "The organization is not onboarded.",
    Cause.AGREEMENT: "No agreement with the provider is in force.",
    Cause.PERMISSION: "No permission for the application is in force.",
    Cause.RECERTIFICATION: "It, or what it rests on, was not confirmed in time.",
}
"""What is said of a ground that is missing."""


class What(StrEnum):
    """What happened in a subscription's life."""

    REQUESTED = "REQUESTED"
    ACTIVATED = "ACTIVATED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"
    SUSPENDED = "SUSPENDED"
    RESUMED = "RESUMED"
    PLAN_CHANGE_REQUESTED = "PLAN_CHANGE_REQUESTED"
    PLAN_CHANGE_APPROVED = "PLAN_CHANGE_APPROVED"
    PLAN_CHANGE_REJECTED = "PLAN_CHANGE_REJECTED"
    PLAN_CHANGE_WITHDRAWN = "PLAN_CHANGE_WITHDRAWN"
    PLAN_CHANGE_LAPSED = "PLAN_CHANGE_LAPSED"
    PLAN_CHANGED = "PLAN_CHANGED"


class AlreadySubscribed(Conflict):
    """The application already has a subscription to this product, or has asked for one."""


class PlanWithdrawn(Conflict):
    """The plan is not offered any more; choose another plan of the product."""


class ProductRetired(Conflict):
    """No version of the product can be called any more; look in the catalogue for what follows it."""


class PlanNotOffered(Conflict):
    """The plan is not offered at present: look at its validity, or choose another plan of the product."""


class PlanOfAnotherProduct(Invalid):
    """The plan does not belong to the product."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("plan_id", "give one of the product's own plans")])


class NotApprovedYet(Conflict):
    """The provider has not approved the subscription yet; nothing of it is in force."""


class AlreadyActive(Conflict):
    """The subscription is active already; nothing is left to decide about it."""


class AlreadySuspended(Conflict):
    """The subscription is suspended already, for this very cause."""


class AlreadyRejected(Conflict):
    """The provider has rejected this subscription; subscribe anew to ask again."""


class AlreadyCancelled(Conflict):
    """The subscription has been cancelled; subscribe anew to have one again."""


class HeldByAnother(Conflict):
    """Somebody or something else holds the subscription; each side lifts only its own hold."""

    def __init__(self, causes: Collection[Cause]) -> None:
        super().__init__(f"The subscription is held by: {', '.join(causes)}. Each side lifts only its own hold.")


_STEPS: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.ACTIVE, Status.REJECTED, Status.CANCELLED}),
    Status.ACTIVE: frozenset({Status.CANCELLED, Status.SUSPENDED}),
    Status.SUSPENDED: frozenset({Status.CANCELLED, Status.SUSPENDED}),
    Status.REJECTED: frozenset(),
    Status.CANCELLED: frozenset(),
}
_WRONG_STEP: Mapping[Status, type[Conflict]] = {
    Status.PENDING: NotApprovedYet,
    Status.ACTIVE: AlreadyActive,
    Status.SUSPENDED: AlreadySuspended,
    Status.REJECTED: AlreadyRejected,
    Status.CANCELLED: AlreadyCancelled,
}
# A history that somebody makes long by suspending and resuming does not grow without bound; every step was announced.
_MOST_REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class Step:
    """Who takes a step in a subscription's life, when, and why."""

    actor: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A step that was taken: what happened, how the subscription has stood since, and what it has been held by since."""

    what: What
    status: Status
    reason: str | None
    actor: str
    at: datetime
    causes: tuple[Cause, ...] = ()
    plan_id: str | None = None
    """The plan that the step is about, where it is about one."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a subscription stands still, who made it so, and since when."""

    cause: Cause
    reason: str | None
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PlanChange:
    """A wish for another plan: waiting for the provider, or for its time."""

    plan_id: str
    requested_by: str
    requested_at: datetime
    due_at: datetime | None
    """When it takes effect; None for as soon as the provider agrees."""
    awaits_approval: bool


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
    holds: tuple[Hold, ...] = ()
    plan_change: PlanChange | None = None

    @property
    def is_live(self) -> bool:
        """Say whether it stands in the way of another subscription of the application to the product."""
        return self.status in LIVE

    @property
    def causes(self) -> tuple[Cause, ...]:
        """Return what it is held by, the earliest first."""
        return tuple(each.cause for each in self.holds)

    def approve(self, step: Step) -> tuple["Subscription", Event]:
        """Let the application call. Raises the refusal that names where the subscription stands instead."""
        changed = self._take(step, Status.ACTIVE, What.ACTIVATED)
        return changed, SubscriptionActivated(**changed.told())

    def reject(self, step: Step) -> tuple["Subscription", Event]:
        """Decline the request. Raises the refusal that names where the subscription stands instead."""
        changed = self._take(step, Status.REJECTED, What.REJECTED)
        return changed, SubscriptionRejected(**changed.told())

    def cancel(self, step: Step) -> tuple["Subscription", Event]:
        """End it, decided or not, held or not. Raises the refusal that names where the subscription stands instead."""
        ended = replace(self, holds=(), plan_change=None)
        changed = ended._take(step, Status.CANCELLED, What.CANCELLED)  # noqa: SLF001 - it is itself, without what ends with it
        return changed, SubscriptionCancelled(**changed.told())

    def suspend(self, cause: Cause, step: Step) -> tuple["Subscription", Event]:
        """Hold it for one more cause. Raises the refusal that names where the subscription stands instead."""
        if cause in self.causes:
            raise AlreadySuspended
        held = replace(self, holds=(*self.holds, Hold(cause, step.reason, step.actor, step.at)))
        changed = held._take(step, Status.SUSPENDED, What.SUSPENDED)  # noqa: SLF001 - it is itself, with one more hold
        return changed, SubscriptionSuspended(**changed.told(), causes=changed.causes)

    def resume(self, causes: Collection[Cause], step: Step) -> tuple["Subscription", Event]:
        """Lift the holds for these causes; it is in force again once none is left.

        Raises ``HeldByAnother``, or the refusal that names where the subscription stands instead.
        """
        if self.status is not Status.SUSPENDED:
            raise _WRONG_STEP[self.status]
        lifted = tuple(each for each in self.causes if each in causes)
        if not lifted:
            raise HeldByAnother(self.causes)
        freed = replace(self, holds=tuple(each for each in self.holds if each.cause not in causes))
        status = Status.SUSPENDED if freed.holds else Status.ACTIVE
        changed = freed.noted(What.RESUMED, step, status=status)
        if changed.holds:
            changed = replace(changed, reason=changed.holds[-1].reason)
            return changed, SubscriptionSuspended(**changed.told(), causes=changed.causes)
        return changed, SubscriptionResumed(**changed.told(), causes=lifted)

    def told(self) -> dict[str, Any]:
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

    def require_in_force(self) -> None:
        """Refuse unless it was approved and has not ended. Raises the refusal that names where it stands instead."""
        if self.status not in IN_FORCE:
            raise _WRONG_STEP[self.status]

    def noted(self, what: What, step: Step, *, status: Status | None = None, plan_id: str | None = None) -> "Subscription":
        """Return it as it stands after a step, with the step in its history. Its reason is that of its status."""
        status = status or self.status
        change = Change(what, status, step.reason, step.actor, step.at, self.causes, plan_id)
        history = (*self.history, change)
        if len(history) > _MOST_REMEMBERED:
            history = (history[0], *history[2:])
        reason = self.reason if plan_id else step.reason
        return replace(self, status=status, reason=reason, changed_at=step.at, history=history)

    def _take(self, step: Step, status: Status, what: What) -> "Subscription":
        if status not in _STEPS[self.status]:
            raise _WRONG_STEP[self.status]
        return self.noted(what, step, status=status)


@dataclass(frozen=True, slots=True)
class Wish:
    """Which application shall be subscribed to which plan of which product."""

    application: Application
    product: Product
    plan: Plan


def require_on_offer(plan: Plan, product_id: str, at: datetime) -> None:
    """Refuse a plan that the product does not offer at a moment.

    Raises ``PlanOfAnotherProduct``, ``PlanWithdrawn`` or ``PlanNotOffered``.
    """
    if plan.product_id != product_id:
        raise PlanOfAnotherProduct
    if plan.is_withdrawn:
        raise PlanWithdrawn
    if not plan.is_valid_at(at):
        raise PlanNotOffered


def subscribe(subscription_id: str, wish: Wish, step: Step) -> tuple[Subscription, list[Event]]:
    """Return the new subscription and what is to be announced.

    Raises ``ProductRetired``, ``PlanOfAnotherProduct``, ``PlanWithdrawn`` or ``PlanNotOffered``.
    """
    if not wish.product.is_callable:
        raise ProductRetired
    require_on_offer(wish.plan, wish.product.id, step.at)
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
        history=(Change(What.REQUESTED, Status.PENDING, step.reason, step.actor, step.at, plan_id=wish.plan.id),),
    )
    announced: list[Event] = [SubscriptionRequested(**requested.told())]
    if not wish.plan.approves_automatically:
        return requested, announced
    activated, event = requested.approve(step)
    return activated, [*announced, event]
