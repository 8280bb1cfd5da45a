"""What the operator does about onboarding requests: record, take, return, reject, approve."""

from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import does, planned
from graphql_gateway.schema.described import input_, type_
from graphql_gateway.schema.languages import Language
from graphql_gateway.schema.onboarding import OnboardingChannel, OnboardingFormInput, OnboardingPart, OnboardingRequest
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import IDENTITY


@input_
class RecordOnboardingRequestInput:
    """A request that came by mail or on paper with its document as a file.

    `organizationId` names an organization that is on the portal already; without it the approval makes one.
    """

    channel: OnboardingChannel
    received_at: DateTime
    form: OnboardingFormInput
    file_id: strawberry.ID
    language: Language
    organization_id: strawberry.ID | None = strawberry.UNSET


@input_
class TakeOnboardingRequestInput:
    """Which request one begins to work on."""

    request_id: strawberry.ID


@input_
class OnboardingReasonInput:
    """What is to be corrected, and why."""

    part: OnboardingPart
    message: str


@input_
class ReturnOnboardingRequestInput:
    """Which request goes back, and why; at least one reason."""

    request_id: strawberry.ID
    reasons: list[OnboardingReasonInput]


@input_
class RejectOnboardingRequestInput:
    """Which request is turned down, and why."""

    request_id: strawberry.ID
    reason: str


@input_
class ApproveOnboardingRequestInput:
    """Which request is fulfilled.

    `despiteFinding` says why it is approved in spite of its documents' signatures; `certificatePem` stands in for the form's.
    With `submittedAt`, another submission than the one that was looked at is not approved.
    """

    request_id: strawberry.ID
    despite_finding: str | None = strawberry.UNSET
    certificate_pem: str | None = strawberry.UNSET
    submitted_at: DateTime | None = strawberry.UNSET


@type_
class OnboardingDecisions:
    """What the operator's administrators do about onboarding requests."""

    @does(IDENTITY, "record_onboarding_request")
    def record_onboarding_request(
        self, input_: Annotated[RecordOnboardingRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[OnboardingRequest | Problem, strawberry.union("RecordOnboardingRequestResult")]:
        """Write down a request that came by mail or on paper."""
        planned(input_)

    @does(IDENTITY, "take_onboarding_request")
    def take_onboarding_request(
        self, input_: Annotated[TakeOnboardingRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[OnboardingRequest | Problem, strawberry.union("TakeOnboardingRequestResult")]:
        """Begin to work on a request, or take it over from another operator."""
        planned(input_)

    @does(IDENTITY, "return_onboarding_request")
    def return_onboarding_request(
        self, input_: Annotated[ReturnOnboardingRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[OnboardingRequest | Problem, strawberry.union("ReturnOnboardingRequestResult")]:
        """Send a request back for correction."""
        planned(input_)

    @does(IDENTITY, "reject_onboarding_request")
    def reject_onboarding_request(
        self, input_: Annotated[RejectOnboardingRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[OnboardingRequest | Problem, strawberry.union("RejectOnboardingRequestResult")]:
        """Turn a request down."""
        planned(input_)

    @does(IDENTITY, "approve_onboarding_request")
    def approve_onboarding_request(
        self, input_: Annotated[ApproveOnboardingRequestInput, strawberry.argument(name="input")]
    ) -> Annotated[OnboardingRequest | Problem, strawberry.union("ApproveOnboardingRequestResult")]:
        """Make the recipient's user, assign its data-exchange number, register its certificate and tell it and the provider."""
        planned(input_)
