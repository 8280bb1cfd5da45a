"""Changes of plan: what another plan would mean, and going over to it."""

from enum import Enum
from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import does, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.products import QuotaPeriod
from graphql_gateway.schema.scalars import DateTime, Long
from graphql_gateway.schema.services import SUBSCRIPTIONS
from graphql_gateway.schema.subscriptions import Subscription


@enum
class PlanChangeTime(Enum):
    """When another plan begins: at once, at a moment that is given, or with the next period of the quota."""

    NOW = "NOW"
    AT = "AT"
    NEXT_PERIOD = "NEXT_PERIOD"


@type_
class PlanLimits:
    """The terms of a plan; those that are not known here yet are null."""

    plan_id: strawberry.ID
    name: str | None
    rate_requests: int | None
    rate_seconds: int | None
    burst: int | None
    quota_calls: Long | None
    quota_period: QuotaPeriod | None
    time_zone: str | None = reads("quota_time_zone", says="By which zone's clocks the quota's day or month begins: an IANA name.")


@type_
class UsedCalls:
    """The calls of a subscription in the running period and in the one before, by the clocks of the plan's time zone.

    They are counted as far as they have been announced.
    """

    period: QuotaPeriod
    began_at: DateTime
    ends_at: DateTime
    calls: Long
    calls_before: Long = reads(says="Those of the period before.")
    known_through: DateTime | None = reads(says="Until when every call is counted; null where nothing was heard lately.")


@type_
class PlanChangeWarning:
    """Something to know before one changes the plan."""

    code: str = reads(
        says="A lasting name: QUOTA_USED_UP, QUOTA_BELOW_LAST_PERIOD, QUOTA_NEW, COUNTED_ANEW, RATE_LOWER or BURST_LOWER."
    )
    message: str


@type_
class PlanChangePreview:
    """What a change of plan would mean."""

    subscription_id: strawberry.ID
    present: PlanLimits | None
    other: PlanLimits
    needs_approval: bool = reads(says="Whether the provider has to agree first.")
    effective_at: DateTime = reads(says="When it would take effect; where the provider has to agree, not before that.")
    used: UsedCalls | None = reads(says="Null where neither plan has a quota.")
    remaining_now: Long | None = reads(says="Calls left of the present quota; null without one, or where its period is another.")
    remaining_after: Long | None = reads(says="Calls that would be left by what is used now; null without a quota.")
    warnings: list[PlanChangeWarning] = reads(size=3)


@input_
class ChangeSubscriptionPlanInput:
    """Which subscription goes over to which plan, and when; `at` belongs to the word AT."""

    subscription_id: strawberry.ID
    plan_id: strawberry.ID
    when: PlanChangeTime = PlanChangeTime.NOW
    at: DateTime | None = strawberry.UNSET


@input_
class PreviewPlanChangeInput:
    """Which subscription would go over to which plan, and when; `at` belongs to the word AT."""

    subscription_id: strawberry.ID
    plan_id: strawberry.ID
    when: PlanChangeTime = PlanChangeTime.NOW
    at: DateTime | None = strawberry.UNSET


@input_
class ApprovePlanChangeInput:
    """Of which subscription the change of plan is agreed to."""

    subscription_id: strawberry.ID


@input_
class RejectPlanChangeInput:
    """Of which subscription the change of plan is declined, and why."""

    subscription_id: strawberry.ID
    reason: str


@input_
class WithdrawPlanChangeInput:
    """Of which subscription the change of plan is taken back."""

    subscription_id: strawberry.ID


@type_
class PlanChangeMutations:
    """What recipients and providers do about the plan of a subscription."""

    @does(SUBSCRIPTIONS, "preview_plan_change")
    def preview_plan_change(
        self, input_: Annotated[PreviewPlanChangeInput, strawberry.argument(name="input")]
    ) -> Annotated[PlanChangePreview | Problem, strawberry.union("PreviewPlanChangeResult")]:
        """Say what a change of plan would mean; nothing changes by it."""
        planned(input_)

    @does(SUBSCRIPTIONS, "change_subscription_plan")
    def change_subscription_plan(
        self, input_: Annotated[ChangeSubscriptionPlanInput, strawberry.argument(name="input")]
    ) -> Annotated[Subscription | Problem, strawberry.union("ChangeSubscriptionPlanResult")]:
        """Go over to another plan with the same subscription and credentials; a plan may need the provider's word first."""
        planned(input_)

    @does(SUBSCRIPTIONS, "approve_plan_change")
    def approve_plan_change(
        self, input_: Annotated[ApprovePlanChangeInput, strawberry.argument(name="input")]
    ) -> Annotated[Subscription | Problem, strawberry.union("ApprovePlanChangeResult")]:
        """Agree to the change of plan that waits, as the product's provider."""
        planned(input_)

    @does(SUBSCRIPTIONS, "reject_plan_change")
    def reject_plan_change(
        self, input_: Annotated[RejectPlanChangeInput, strawberry.argument(name="input")]
    ) -> Annotated[Subscription | Problem, strawberry.union("RejectPlanChangeResult")]:
        """Decline the change of plan that waits, as the product's provider; the present plan goes on."""
        planned(input_)

    @does(SUBSCRIPTIONS, "withdraw_plan_change")
    def withdraw_plan_change(
        self, input_: Annotated[WithdrawPlanChangeInput, strawberry.argument(name="input")]
    ) -> Annotated[Subscription | Problem, strawberry.union("WithdrawPlanChangeResult")]:
        """Take back the change of plan that waits; the present plan goes on."""
        planned(input_)
