"""The operator: what its staff sees, and finds."""

import strawberry

from graphql_gateway.engine.declare import Constant, Load, asks, derived, loads, planned
from graphql_gateway.schema.accounts import PlatformRole
from graphql_gateway.schema.audit import OF_OPERATOR, AuditEntryConnection, AuditFilterArgument
from graphql_gateway.schema.certificates import DEFAULT_DAYS, CertificateConnection
from graphql_gateway.schema.connections import ConnectionRequestConnection, ConnectionRequestStatus
from graphql_gateway.schema.dead_letters import DeadLetterConnection, PlatformService
from graphql_gateway.schema.described import type_
from graphql_gateway.schema.enforcement import OF_ALL, OperatorEnforcement
from graphql_gateway.schema.finding import Findings
from graphql_gateway.schema.holdings import AccessOfAnybody
from graphql_gateway.schema.nodes import DEFAULT_FIRST
from graphql_gateway.schema.onboarding import (
    OnboardingRequestConnection,
    OnboardingStatus,
)
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
