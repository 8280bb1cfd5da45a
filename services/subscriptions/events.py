"""What subscriptions announces: the life of a subscription, and of the permission that it may rest on."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from chassis.messages import Event


class _Told(BaseModel):
    """What every one of these facts tells: whose application, on which plan of whose product, and how it stands now."""

    subscription_id: str
    application_id: str
    organization_id: str
    product_id: str
    plan_id: str
    provider_id: str
    status: str
    reason: str | None


class _Held(_Told):
    """What is told where it matters what a subscription stands still for."""

    causes: tuple[str, ...] = ()
    """Who or what holds it: PROVIDER, OPERATOR, CONSUMER, ONBOARDING, AGREEMENT, PERMISSION."""


class _OtherPlan(_Held):
    """What is told of a wish for another plan; ``plan_id`` is the plan that it is on still."""

    new_plan_id: str
    effective_at: datetime | None = None
    """When the other plan begins; null for at once."""


class SubscriptionRequested(_Told, Event, service="subscriptions", version=1):
    """Somebody asked to subscribe an application to a plan."""


class SubscriptionActivated(_Told, Event, service="subscriptions", version=1):
    """The application may call the product from now on."""


class SubscriptionRejected(_Told, Event, service="subscriptions", version=1):
    """The provider has declined the request; ``reason`` says why."""


class SubscriptionCancelled(_Told, Event, service="subscriptions", version=1):
    """The application may not call the product any more, or will not need to be decided about."""


class _PermissionTold(BaseModel):
    """What every fact about a permission tells: who may call which operations of what (None: all of them), when, how much."""

    permission_id: str
    application_id: str
    organization_id: str
    product_id: str
    provider_id: str
    status: str
    operations: tuple[str, ...] | None
    valid_from: datetime | None
    valid_to: datetime | None
    quota_calls: int | None
    quota_period: Literal["DAY", "MONTH"] | None
    reason: str | None


class PermissionRequested(_PermissionTold, Event, service="subscriptions", version=1):
    """An organization asks a provider to let its application call a product, or asks again with other words."""


class PermissionReturned(_PermissionTold, Event, service="subscriptions", version=1):
    """The provider asks back before it decides; ``reason`` is the question."""


class PermissionWithdrawn(_PermissionTold, Event, service="subscriptions", version=1):
    """Nobody asks for the permission any more."""


class PermissionGranted(_PermissionTold, Event, service="subscriptions", version=1):
    """The provider lets the application call, from ``valid_from`` on, which may lie ahead."""


class PermissionBegan(_PermissionTold, Event, service="subscriptions", version=1):
    """A permission that was granted ahead is in force from now on."""


class PermissionRefused(_PermissionTold, Event, service="subscriptions", version=1):
    """The provider does not let the application call; ``reason`` says why."""


class PermissionRevoked(_PermissionTold, Event, service="subscriptions", version=1):
    """The provider has taken the permission back; ``reason`` says why."""


class PermissionLapsed(_PermissionTold, Event, service="subscriptions", version=1):
    """The permission has ended by itself: its time is over, or its application is gone."""


class PermissionExtended(_PermissionTold, Event, service="subscriptions", version=1):
    """The permission ends at another moment, or never; it may have lapsed before and is in force again."""


class SubscriptionSuspended(_Held, Event, service="subscriptions", version=1):
    """The application may not call the product for now; told again whenever the causes are others."""


class SubscriptionResumed(_Held, Event, service="subscriptions", version=1):
    """The application may call the product again; ``causes`` are what was lifted last."""


class PlanChanged(_Held, Event, service="subscriptions", version=1):
    """The subscription is on another plan from now on, with the same id and the same credentials."""

    former_plan_id: str


class PlanChangeRequested(_OtherPlan, Event, service="subscriptions", version=1):
    """The subscription shall go over to another plan: later, or once the provider agrees."""

    needs_approval: bool


class PlanChangeApproved(_OtherPlan, Event, service="subscriptions", version=1):
    """The provider agrees to the other plan."""


class PlanChangeRejected(_OtherPlan, Event, service="subscriptions", version=1):
    """The provider has declined the other plan; the present one goes on. ``reason`` says why."""


class PlanChangeWithdrawn(_OtherPlan, Event, service="subscriptions", version=1):
    """Whoever wished for the other plan does not any more; the present one goes on."""


class PlanChangeLapsed(_OtherPlan, Event, service="subscriptions", version=1):
    """The other plan could not begin when it was due; the present one goes on. ``reason`` says why."""
