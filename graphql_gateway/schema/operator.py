"""The operator: who its staff is, and what it sees and does about onboarding."""

from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import Constant, Load, asks, derived, does, loads, planned
from graphql_gateway.schema.accounts import PlatformRole
from graphql_gateway.schema.audit import OF_OPERATOR, AuditEntryConnection, AuditFilterArgument
from graphql_gateway.schema.certificates import DEFAULT_DAYS, CertificateConnection
from graphql_gateway.schema.connections import ConnectionRequestConnection, ConnectionRequestStatus
from graphql_gateway.schema.dead_letters import DeadLetterConnection, PlatformService
from graphql_gateway.schema.described import input_, type_
from graphql_gateway.schema.enforcement import OF_ALL, OperatorEnforcement
from graphql_gateway.schema.finding import Findings
from graphql_gateway.schema.holdings import AccessOfAnybody
from graphql_gateway.schema.languages import Language
from graphql_gateway.schema.nodes import DEFAULT_FIRST
from graphql_gateway.schema.onboarding import (
    OnboardingChannel,
    OnboardingFormInput,
    OnboardingPart,
    OnboardingRequest,
    OnboardingRequestConnection,
    OnboardingStatus,
)
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.queues import OperatorQueues
from graphql_gateway.schema.recertification import CampaignConnection, CampaignStatus
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import AUDIT, EVERY, IDENTITY, NOTIFICATIONS, RECERTIFICATION, SUBSCRIPTIONS
from graphql_gateway.schema.staff import StaffMember
from graphql_gateway.schema.support import SupportRequestConnection, SupportStatus


@type_
class Operator:
    """What the operator's staff sees, each as far as their platform role goes."""

    platform_roles: list[PlatformRole]
    queues: OperatorQueues = derived(dict, says="What waits for the operator, in figures.")
    enforcement: OperatorEnforcement | None = loads(
        OF_ALL, says="How far changes are in force, and where, for administrators and support."
    )

    @asks(Load(IDENTITY, "operator_find", Constant("all"), weight=4.0))
    def find(self, text: str, first: int = DEFAULT_FIRST) -> Findings | None:
        """Find organizations, applications, data exchanges and certificates by an id, a Client ID, a number or how a name begins.

        What answers best comes first; capitals and marks over letters make no difference. Certificates are found by their serial
        number, thumbprint and subject, too. For administrators, support and (without certificates) business representatives.
        """
        planned(text, first)

    @asks(Load(IDENTITY, "staff", Constant("all")))
    def staff(self, role: PlatformRole | None = None) -> list[StaffMember] | None:
        """List who is of the staff, in a role or in any; at most 500, the oldest account first."""
        planned(role)

    @asks(Load(IDENTITY, "onboarding_queue", Constant("all")))
    def onboarding_requests(
        self, status: OnboardingStatus | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> OnboardingRequestConnection | None:
        """List onboarding requests, longest with their holder first; without a status, those that wait for the operator."""
        planned(status, first, after)

    @asks(Load(SUBSCRIPTIONS, "connection_queue", Constant("all")))
    def connection_requests(
        self,
        status: ConnectionRequestStatus | None = None,
        mine: bool = False,  # noqa: FBT001, FBT002 - an argument of the graph
        first: int = DEFAULT_FIRST,
        after: str | None = None,
    ) -> ConnectionRequestConnection | None:
        """List filed connection requests, longest with their holder first; without a status, those with the operator."""
        planned(status, mine, first, after)

    @asks(Load(NOTIFICATIONS, "support_queue", Constant("all")))
    def support_requests(
        self,
        status: SupportStatus | None = None,
        holder: strawberry.ID | None = None,
        first: int = DEFAULT_FIRST,
        after: str | None = None,
    ) -> SupportRequestConnection | None:
        """List support requests, longest with whom they wait for first; without a status, those that wait for the operator."""
        planned(status, holder, first, after)

    @asks(Load(IDENTITY, "expiring_certificates", Constant("all")))
    def expiring_certificates(
        self, within_days: int = DEFAULT_DAYS, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> CertificateConnection | None:
        """List which live client certificates end soon, of all organizations, the soonest first."""
        planned(within_days, first, after)

    @asks(Load(AUDIT, "operator_access_on", Constant("all")))
    def access_on(
        self,
        at: DateTime,
        organization_id: strawberry.ID | None = None,
        product_id: strawberry.ID | None = None,
        user_id: strawberry.ID | None = None,
    ) -> AccessOfAnybody | None:
        """Say who had access to what at a moment, for the operator's administrators and auditors."""
        planned(at, organization_id, product_id, user_id)

    @asks(Load(RECERTIFICATION, "campaigns_of_operator", Constant("all")))
    def campaigns(
        self, status: CampaignStatus | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> CampaignConnection | None:
        """List the campaigns that the operator has started, the newest first, for its administrators and auditors."""
        planned(status, first, after)

    @asks(OF_OPERATOR)
    def audit(
        self,
        organization_id: strawberry.ID | None = None,
        filter_: AuditFilterArgument = None,
        first: int = DEFAULT_FIRST,
        after: str | None = None,
    ) -> AuditEntryConnection | None:
        """List who did what, the newest first: in an organization, or without one on the platform itself."""
        planned(organization_id, filter_, first, after)

    @asks(Load(EVERY, "dead_letters", Constant("all")))
    def dead_letters(
        self,
        service: PlatformService | None = None,
        queue: str | None = None,
        code: str | None = None,
        *,
        first: int = DEFAULT_FIRST,
        after: str | None = None,
    ) -> DeadLetterConnection | None:
        """List what reactions have given up, of all services or of one, the oldest first; for administrators alone."""
        planned(service, queue, code, first, after)


@type_
class OperatorQueries:
    """What may be asked of the operator at the root."""

    operator: Operator | None = loads(Load(IDENTITY, "operator", Constant("me")), says="Null unless one has a platform role.")


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


@input_
class GrantPlatformRoleInput:
    """Who is to be of the staff, by id or by the address that they sign in with, and as what."""

    user_id: strawberry.ID | None = strawberry.UNSET
    email: str | None = strawberry.UNSET
    role: PlatformRole


@input_
class WithdrawPlatformRoleInput:
    """From whom which role is taken."""

    user_id: strawberry.ID
    role: PlatformRole


@type_
class OperatorMutations:
    """What the operator's administrators do about onboarding requests, and about the staff."""

    @does(IDENTITY, "grant_platform_role")
    def grant_platform_role(
        self, input_: Annotated[GrantPlatformRoleInput, strawberry.argument(name="input")]
    ) -> Annotated[StaffMember | Problem, strawberry.union("GrantPlatformRoleResult")]:
        """Make somebody who has an account one of the staff; it holds at once and everywhere."""
        planned(input_)

    @does(IDENTITY, "withdraw_platform_role")
    def withdraw_platform_role(
        self, input_: Annotated[WithdrawPlatformRoleInput, strawberry.argument(name="input")]
    ) -> Annotated[StaffMember | Problem, strawberry.union("WithdrawPlatformRoleResult")]:
        """Take a role from one of the staff, at once and everywhere; not the last administrator's, nor what a setting gives."""
        planned(input_)

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
