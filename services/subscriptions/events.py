"""What subscriptions announces: the life of a subscription, and of the connection and the agreements that it may rest on."""

from datetime import datetime

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


class SubscriptionRequested(_Told, Event, service="subscriptions", version=1):
    """Somebody asked to subscribe an application to a plan."""


class SubscriptionActivated(_Told, Event, service="subscriptions", version=1):
    """The application may call the product from now on."""


class SubscriptionRejected(_Told, Event, service="subscriptions", version=1):
    """The provider has declined the request; ``reason`` says why."""


class SubscriptionCancelled(_Told, Event, service="subscriptions", version=1):
    """The application may not call the product any more, or will not need to be decided about."""


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
