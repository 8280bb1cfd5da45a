"""Subscriptions: an application on a plan of a product."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, asks, does, later, loads, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.nodes import Connection, Id, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.products import Plan, Product
from graphql_gateway.schema.scalars import DateTime

SUBSCRIPTIONS = "subscriptions"


@enum
class SubscriptionStatus(Enum):
    """Where a subscription stands in its life."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


@type_
class SubscriptionChange:
    """One change of a subscription's status."""

    status: SubscriptionStatus
    reason: str | None
    actor: strawberry.ID | None
    at: DateTime


@type_
class Applicant:
    """Who asks for a subscription, as its provider learns it; a part is null where it is not known yet."""

    application_name: str | None
    client_id: str | None
    organization_name: str | None


@type_
class Subscription(Node):
    """An application on a plan of a product."""

    status: SubscriptionStatus
    reason: str | None
    created_at: DateTime
    changed_at: DateTime
    history: list[SubscriptionChange]
    application_id: strawberry.ID
    organization_id: strawberry.ID
    applicant: Applicant | None = reads(says="Who asks. The provider sees it too, to whom `application` is null.")
    application: Any = loads(
        Load("identity", "applications_by_id", Parent("application_id")), later("applications", "Application")
    )
    product: Product | None = loads(Load("catalog", "products_by_id", Parent("product_id")))
    plan: Plan | None = loads(Load("catalog", "plans_by_id", Parent("plan_id")))


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
