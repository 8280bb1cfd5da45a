"""Subscriptions: an application on a plan of a product."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, asks, does, later, loads, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.enforcement import OF_SUBSCRIPTION, EnforcementState
from graphql_gateway.schema.nodes import Connection, Id, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.products import Plan, Product, QuotaPeriod
from graphql_gateway.schema.scalars import DateTime, Long
from graphql_gateway.schema.services import ENFORCEMENT, SUBSCRIPTIONS


@enum
class SubscriptionStatus(Enum):
    """Where a subscription stands in its life."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


@enum
class HoldCause(Enum):
    """Who or what holds a subscription: one of its sides, something that is missing, or a confirmation that did not come."""

    PROVIDER = "PROVIDER"
    OPERATOR = "OPERATOR"
    RECIPIENT = "RECIPIENT"
    ONBOARDING = "ONBOARDING"
    AGREEMENT = "AGREEMENT"
    PERMISSION = "PERMISSION"
    RECERTIFICATION = "RECERTIFICATION"


@enum
class SubscriptionSide(Enum):
    """For whom somebody suspends or resumes."""

    PROVIDER = "PROVIDER"
    RECIPIENT = "RECIPIENT"
    OPERATOR = "OPERATOR"


@enum
class SubscriptionChangeKind(Enum):
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


@type_
class SubscriptionChange:
    """One step in a subscription's life, and how it has stood since."""

    kind: SubscriptionChangeKind = reads("what")
    status: SubscriptionStatus
    causes: list[HoldCause] = reads(size=2, says="What it was held by from then on.")
    reason: str | None
    actor: strawberry.ID | None
    at: DateTime
    plan_id: strawberry.ID | None = reads(says="The plan that the step is about, where it is about one.")


@type_
class SubscriptionHold:
    """Why a subscription stands still."""

    cause: HoldCause
    reason: str | None
    actor: strawberry.ID | None
    at: DateTime


@type_
class PlanChange:
    """Another plan that a subscription waits for; the present one goes on meanwhile."""

    plan_id: strawberry.ID
    plan: Plan | None = loads(Load("catalog", "plans_by_id", Parent("plan_id")))
    requested_by: strawberry.ID | None
    requested_at: DateTime
    effective_at: DateTime | None = reads(says="When it begins; null for as soon as the provider agrees.")
    awaits_approval: bool = reads(says="Whether the provider has yet to agree.")


@type_
class Applicant:
    """Who asks for a subscription, as its provider learns it; a part is null where it is not known yet."""

    application_name: str | None
    client_id: str | None
    organization_name: str | None


@type_
class PermissionQuota:
    """What is used of the calls that a permission allows in a period, beside the plan's."""

    limit: Long
    used: Long
    remaining: Long
    period: QuotaPeriod
    time_zone: str
    resets_at: DateTime
    forecast_exhausted_at: DateTime | None


@type_
class SubscriptionQuota:
    """What is used of the calls that the plan allows in the running period; null, but for `permission`, where it has no quota."""

    limit: Long | None
    used: Long | None
    remaining: Long | None
    period: QuotaPeriod | None
    time_zone: str | None
    resets_at: DateTime | None
    forecast_exhausted_at: DateTime | None = reads(
        says="When it will be used up at the pace of this period; null where it lasts, or is used up."
    )
    permission: PermissionQuota | None = reads(says="The same of the permission that the next call counts against.")


@type_
class Subscription(Node):
    """An application on a plan of a product."""

    status: SubscriptionStatus
    reason: str | None
    created_at: DateTime
    changed_at: DateTime
    holds: list[SubscriptionHold] = reads(size=2, says="What it stands still for; none unless it is SUSPENDED.")
    plan_change: PlanChange | None = reads(says="The other plan that it waits for.")
    history: list[SubscriptionChange]
    application_id: strawberry.ID
    organization_id: strawberry.ID
    applicant: Applicant | None = reads(says="Who asks. The provider sees it too, to whom `application` is null.")
    application: Any = loads(
        Load("identity", "applications_by_id", Parent("application_id")), later("applications", "Application")
    )
    product: Product | None = loads(Load("catalog", "products_by_id", Parent("product_id")))
    plan: Plan | None = loads(Load("catalog", "plans_by_id", Parent("plan_id")))
    enforcement: EnforcementState | None = loads(OF_SUBSCRIPTION, says="Whether it is in force as it stands here.")
    quota: SubscriptionQuota | None = loads(
        Load(ENFORCEMENT, "quotas_by_subscription", Parent("id")),
        says="What is used of its quotas, about a second ago; null where it has none.",
    )


SubscriptionConnection = Connection[Subscription]


@type_
class SubscriptionQueries:
    """What may be asked of subscriptions at the root."""

    @asks(Load(SUBSCRIPTIONS, "subscriptions_by_id", Argument("id")))
    def subscription(self, id_: Id) -> Subscription | None:
        """Read one subscription."""
        planned(id_)


@input_
class SubscribeInput:
    """Which application, to which product, on which plan."""

    application_id: strawberry.ID
    product_id: strawberry.ID
    plan_id: strawberry.ID


@input_
class ApproveSubscriptionInput:
    """Which subscription begins."""

    subscription_id: strawberry.ID


@input_
class RejectSubscriptionInput:
    """Which subscription does not begin, and why."""

    subscription_id: strawberry.ID
    reason: str


@input_
class CancelSubscriptionInput:
    """Which subscription ends."""

    subscription_id: strawberry.ID
    reason: str | None = strawberry.UNSET


@input_
class EndSubscriptionInput:
    """Which subscription its provider or the operator ends, and why."""

    subscription_id: strawberry.ID
    reason: str


@input_
class SuspendSubscriptionInput:
    """Which subscription stands still for now, and why; `side` is for whoever acts for several of its sides."""

    subscription_id: strawberry.ID
    reason: str
    side: SubscriptionSide | None = strawberry.UNSET


@input_
class ResumeSubscriptionInput:
    """Which subscription goes on; `side` is for whoever acts for several of its sides."""

    subscription_id: strawberry.ID
    side: SubscriptionSide | None = strawberry.UNSET


@type_
class SubscriptionMutations:
    """What recipients and providers do about subscriptions."""

    @does(SUBSCRIPTIONS, "subscribe")
    def subscribe(
        self, input_: Annotated[SubscribeInput, strawberry.argument(name="input")]
    ) -> Annotated[Subscription | Problem, strawberry.union("SubscribeResult")]:
        """Subscribe an application to a product on one of its plans."""
        planned(input_)

    @does(SUBSCRIPTIONS, "approve_subscription")
    def approve_subscription(
        self, input_: Annotated[ApproveSubscriptionInput, strawberry.argument(name="input")]
    ) -> Annotated[Subscription | Problem, strawberry.union("ApproveSubscriptionResult")]:
        """Let a subscription begin, as the product's provider."""
        planned(input_)

    @does(SUBSCRIPTIONS, "reject_subscription")
    def reject_subscription(
        self, input_: Annotated[RejectSubscriptionInput, strawberry.argument(name="input")]
    ) -> Annotated[Subscription | Problem, strawberry.union("RejectSubscriptionResult")]:
        """Turn a subscription down, as the product's provider."""
        planned(input_)

    @does(SUBSCRIPTIONS, "cancel_subscription")
    def cancel_subscription(
        self, input_: Annotated[CancelSubscriptionInput, strawberry.argument(name="input")]
    ) -> Annotated[Subscription | Problem, strawberry.union("CancelSubscriptionResult")]:
        """End a subscription."""
        planned(input_)

    @does(SUBSCRIPTIONS, "end_subscription")
    def end_subscription(
        self, input_: Annotated[EndSubscriptionInput, strawberry.argument(name="input")]
    ) -> Annotated[Subscription | Problem, strawberry.union("EndSubscriptionResult")]:
        """End a subscription, as the product's provider or as the operator; the subscriber cancels it instead."""
        planned(input_)

    @does(SUBSCRIPTIONS, "suspend_subscription")
    def suspend_subscription(
        self, input_: Annotated[SuspendSubscriptionInput, strawberry.argument(name="input")]
    ) -> Annotated[Subscription | Problem, strawberry.union("SuspendSubscriptionResult")]:
        """Let a subscription stand still, as one of its sides: the provider, the subscriber, or the operator."""
        planned(input_)

    @does(SUBSCRIPTIONS, "resume_subscription")
    def resume_subscription(
        self, input_: Annotated[ResumeSubscriptionInput, strawberry.argument(name="input")]
    ) -> Annotated[Subscription | Problem, strawberry.union("ResumeSubscriptionResult")]:
        """Lift one's own hold; the subscription goes on once nothing else holds it."""
        planned(input_)
