"""What subscriptions announces: the life of a subscription, and of the permission and the agreements that it may rest on."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from chassis.acts import Recorded
from chassis.messages import Event


class ActRecorded(Recorded, service="subscriptions", version=1):
    """Somebody did something here or was refused it, for the audit trail: services hear it, it is meant for no organization."""


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
    """Who or what holds it: PROVIDER, OPERATOR, RECIPIENT, ONBOARDING, AGREEMENT, PERMISSION, RECERTIFICATION."""


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


class _Between(BaseModel):
    """Between whom something happens, and about which product."""

    organization_id: str
    provider_id: str
    product_id: str
    reason: str | None = None


class _OfConnection(_Between):
    """What every fact about a connection request tells."""

    request_id: str
    application_ids: list[str]
    representative_id: str | None
    status: str


class ConnectionRequested(_OfConnection, Event, service="subscriptions", version=1):
    """An organization asks to be connected to a product, or asks again; ``round`` counts how often it was returned before."""

    round: int


class RepresentativeAssigned(_OfConnection, Event, service="subscriptions", version=1):
    """A business representative runs a connection request from now on."""


class RepresentativeReleased(_OfConnection, Event, service="subscriptions", version=1):
    """A connection request has no business representative any more, since they are none: it waits for another one."""

    former_representative_id: str


class ConnectionReturned(_OfConnection, Event, service="subscriptions", version=1):
    """A connection request went back to the organization, to be corrected."""


class ConnectionCompleted(_OfConnection, Event, service="subscriptions", version=1):
    """Everything is agreed and signed: the organization may subscribe its applications to the product."""


class ConnectionRejected(_OfConnection, Event, service="subscriptions", version=1):
    """A connection request was turned down."""


class ConnectionWithdrawn(_OfConnection, Event, service="subscriptions", version=1):
    """The organization took a filed connection request back."""


class _OfStep(_Between):
    """What every fact about a step of an approval chain tells. ``party`` is PROVIDER, SECURITY or OPERATOR."""

    step_id: str
    request_id: str
    party: str
    stage: int
    due_at: datetime | None


class ApprovalStepOpened(_OfStep, Event, service="subscriptions", version=1):
    """A party is asked to decide until ``due_at``."""


class ApprovalStepDueSoon(_OfStep, Event, service="subscriptions", version=1):
    """The time in which a party is to decide is nearly over."""


class ApprovalStepOverdue(_OfStep, Event, service="subscriptions", version=1):
    """A party has not decided in time."""


class ApprovalStepEscalated(_OfStep, Event, service="subscriptions", version=1):
    """A party still has not decided, long after its time: the operator's administrators are to see to it."""


class ApprovalStepDecided(_OfStep, Event, service="subscriptions", version=1):
    """A party has decided: APPROVE, REJECT or RETURN. ``evidence_file_id`` is a file that hangs on the step."""

    decision: str
    decided_by: str
    evidence_file_id: str | None


class ApproverSubstituted(_OfStep, Event, service="subscriptions", version=1):
    """A named user may decide for a party, until that is withdrawn."""

    user_id: str


class SubstituteWithdrawn(_OfStep, Event, service="subscriptions", version=1):
    """A named user may not decide for a party any more."""

    user_id: str


class _OfAgreement(_Between):
    """What every fact about an agreement tells. ``request_id`` is the connection request that asked for it first."""

    agreement_id: str
    request_id: str
    kind: str
    status: str
    valid_from: datetime | None
    valid_to: datetime | None


class AgreementRequested(_OfAgreement, Event, service="subscriptions", version=1):
    """A document is needed; ``renews`` is the agreement that it will follow."""

    renews: str | None


class AgreementAttached(_OfAgreement, Event, service="subscriptions", version=1):
    """A party has attached its file to an agreement. ``party`` is RECIPIENT or PROVIDER."""

    file_id: str
    party: str


class AgreementCountersigned(_OfAgreement, Event, service="subscriptions", version=1):
    """The provider has given the agreement back with its signature."""

    file_id: str


class AgreementReturned(_OfAgreement, Event, service="subscriptions", version=1):
    """A document is not what it is to be; ``reason`` says why. Another one is to be attached."""


class AgreementConfirmed(_OfAgreement, Event, service="subscriptions", version=1):
    """An agreement holds from ``valid_from``; ``reason`` says why in spite of its signatures, where it was so."""


class AgreementBegan(_OfAgreement, Event, service="subscriptions", version=1):
    """An agreement that was confirmed earlier holds from now on."""


class AgreementExpiring(_OfAgreement, Event, service="subscriptions", version=1):
    """An agreement ends in at most so many days, and nothing that is confirmed follows it."""

    days: int


class AgreementLapsed(_OfAgreement, Event, service="subscriptions", version=1):
    """An agreement has ended."""
