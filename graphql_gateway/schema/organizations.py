"""Organizations: where a user acts."""

from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, asks, does, loads, planned
from graphql_gateway.schema.agreements import AgreementConnection, AgreementStatus
from graphql_gateway.schema.applications import ApplicationConnection
from graphql_gateway.schema.audit import OF_ORGANIZATION, AuditEntryConnection, AuditFilterArgument
from graphql_gateway.schema.certificates import DEFAULT_DAYS, CertificateConnection
from graphql_gateway.schema.connections import ConnectionRequestConnection, ConnectionRequestStatus
from graphql_gateway.schema.described import input_, type_
from graphql_gateway.schema.invitations import InvitationConnection
from graphql_gateway.schema.members import MembershipConnection, Person
from graphql_gateway.schema.nodes import DEFAULT_FIRST, Id, Node
from graphql_gateway.schema.onboarding import DataExchange, OnboardingRequest
from graphql_gateway.schema.permissions import PermissionConnection, PermissionStatus
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.products import ProductConnection
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import CATALOG, IDENTITY, NOTIFICATIONS, SUBSCRIPTIONS
from graphql_gateway.schema.subscriptions import SubscriptionConnection, SubscriptionStatus
from graphql_gateway.schema.support import SupportRequestConnection, SupportStatus
from graphql_gateway.schema.usage import UsageArgument, UsageReport, usage_of
from graphql_gateway.schema.versions import RetirementNotice
from graphql_gateway.schema.webhooks import WEBHOOKS, Webhook


@type_
class Organization(Node):
    """The entity in which a user acts; every action happens within a chosen organization."""

    name: str
    is_test: bool
    created_at: DateTime
    is_provider: bool | None = loads(
        Load(CATALOG, "provider_standing_by_organization", Parent("id")), says="Whether it may publish products."
    )
    data_exchange: DataExchange | None = loads(
        Load(IDENTITY, "data_exchanges_by_organization", Parent("id")), says="Null until the organization is onboarded."
    )
    onboarding_requests: list[OnboardingRequest] | None = loads(
        Load(IDENTITY, "onboarding_requests_by_organization", Parent("id"), size=3), says="The newest 50, the newest first."
    )
    retirement_notices: list[RetirementNotice] | None = loads(
        Load(CATALOG, "retirement_notices_by_organization", Parent("id"), size=5, weight=2.0),
        says="Which versions that it is subscribed to, or calls, are going to end: the soonest first, for its members.",
    )
    webhooks: list[Webhook] | None = loads(WEBHOOKS, says="Where its events are sent, the oldest first, for its members.")
    owner: Person | None = loads(Load(IDENTITY, "users_by_id", Parent("owner_id")), says="The one Owner.")

    @asks(Load(IDENTITY, "memberships_by_organization", Parent("id")))
    def members(self, first: int = DEFAULT_FIRST, after: str | None = None) -> MembershipConnection | None:
        """List who belongs to the organization."""
        planned(first, after)

    @asks(Load(IDENTITY, "invitations_by_organization", Parent("id")))
    def invitations(self, first: int = DEFAULT_FIRST, after: str | None = None) -> InvitationConnection | None:
        """List the invitations, the newest first, for those who may invite."""
        planned(first, after)

    @asks(Load(IDENTITY, "applications_by_organization", Parent("id")))
    def applications(
        self, search: str | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> ApplicationConnection | None:
        """List the organization's applications."""
        planned(search, first, after)

    @asks(Load(IDENTITY, "certificates_by_organization", Parent("id")))
    def certificates(self, first: int = DEFAULT_FIRST, after: str | None = None) -> CertificateConnection | None:
        """List the client certificates registered for the organization and for its applications, the newest first."""
        planned(first, after)

    @asks(Load(IDENTITY, "expiring_certificates_by_organization", Parent("id")))
    def expiring_certificates(
        self, within_days: int = DEFAULT_DAYS, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> CertificateConnection | None:
        """List which live client certificates of the organization and its applications end soon, the soonest first."""
        planned(within_days, first, after)

    @asks(Load(CATALOG, "products_by_organization", Parent("id")))
    def products(self, first: int = DEFAULT_FIRST, after: str | None = None) -> ProductConnection | None:
        """List what the organization publishes, as a provider."""
        planned(first, after)

    @asks(Load(SUBSCRIPTIONS, "subscription_requests_by_provider", Parent("id")))
    def subscription_requests(self, first: int = DEFAULT_FIRST, after: str | None = None) -> SubscriptionConnection | None:
        """List the subscriptions that wait for the organization's decision, as a provider."""
        planned(first, after)

    @asks(Load(SUBSCRIPTIONS, "connection_requests_by_organization", Parent("id")))
    def connection_requests(
        self, status: ConnectionRequestStatus | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> ConnectionRequestConnection | None:
        """List what the organization asks to be connected to, the newest first."""
        planned(status, first, after)

    @asks(Load(SUBSCRIPTIONS, "connection_requests_by_provider", Parent("id")))
    def connection_requests_as_provider(
        self, status: ConnectionRequestStatus | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> ConnectionRequestConnection | None:
        """List who asks to be connected to the organization's products, for those who conclude its agreements."""
        planned(status, first, after)

    @asks(Load(SUBSCRIPTIONS, "agreements_by_organization", Parent("id")))
    def agreements(
        self, status: AgreementStatus | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> AgreementConnection | None:
        """List the organization's agreements, the newest first: for those who file its connection requests or conclude them."""
        planned(status, first, after)

    @asks(Load(SUBSCRIPTIONS, "permission_requests_by_provider", Parent("id")))
    def permissions_as_provider(
        self, status: PermissionStatus | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> PermissionConnection | None:
        """List what the organization was asked to permit, as a provider, the longest waiting first."""
        planned(status, first, after)

    @asks(Load(SUBSCRIPTIONS, "subscriptions_by_provider", Parent("id")))
    def subscriptions_as_provider(
        self,
        status: SubscriptionStatus | None = None,
        product_id: strawberry.ID | None = None,
        first: int = DEFAULT_FIRST,
        after: str | None = None,
    ) -> SubscriptionConnection | None:
        """List the subscriptions to the organization's products, the newest first, for its members."""
        planned(status, product_id, first, after)

    @asks(Load(NOTIFICATIONS, "support_requests_by_organization", Parent("id")))
    def support_requests(
        self, status: SupportStatus | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> SupportRequestConnection | None:
        """List what was asked for help with within the organization, the newest first, for its members."""
        planned(status, first, after)

    @asks(Load(NOTIFICATIONS, "support_requests_by_provider", Parent("id")))
    def support_requests_as_provider(
        self, status: SupportStatus | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> SupportRequestConnection | None:
        """List the support requests into which the organization is drawn as a provider, for those who answer for it."""
        planned(status, first, after)

    @asks(OF_ORGANIZATION)
    def audit(
        self, filter_: AuditFilterArgument = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> AuditEntryConnection | None:
        """List who did what in the organization, the newest first, for those who may view its audit trail."""
        planned(filter_, first, after)

    @asks(usage_of("organization_id"))
    def usage(self, input_: UsageArgument) -> UsageReport | None:
        """Report on the calls of the organization's applications."""
        planned(input_)


@type_
class OrganizationQueries:
    """What may be asked of organizations at the root."""

    @asks(Load(IDENTITY, "organizations_by_id", Argument("id")))
    def organization(self, id_: Id) -> Organization | None:
        """Read one organization."""
        planned(id_)


@input_
class CreateOrganizationInput:
    """A new organization; its creator becomes the owner."""

    name: str


@input_
class RenameOrganizationInput:
    """An organization's new name."""

    organization_id: strawberry.ID
    name: str


@input_
class DeleteOrganizationInput:
    """Which organization goes; its name is typed again, so that nobody deletes another one by mistake."""

    organization_id: strawberry.ID
    name: str


@input_
class TransferOwnershipInput:
    """Which member is to be the Owner."""

    organization_id: strawberry.ID
    user_id: strawberry.ID


@input_
class ChangeOwnerInput:
    """Which member is to be the Owner; it may be the viewer."""

    organization_id: strawberry.ID
    user_id: strawberry.ID


@type_
class DeletedOrganization:
    """An organization that is gone."""

    id: strawberry.ID


@type_
class OrganizationMutations:
    """What is done within an organization."""

    @does(IDENTITY, "create_organization")
    def create_organization(
        self, input_: Annotated[CreateOrganizationInput, strawberry.argument(name="input")]
    ) -> Annotated[Organization | Problem, strawberry.union("CreateOrganizationResult")]:
        """Create an organization."""
        planned(input_)

    @does(IDENTITY, "rename_organization")
    def rename_organization(
        self, input_: Annotated[RenameOrganizationInput, strawberry.argument(name="input")]
    ) -> Annotated[Organization | Problem, strawberry.union("RenameOrganizationResult")]:
        """Give an organization another name."""
        planned(input_)

    @does(IDENTITY, "delete_organization")
    def delete_organization(
        self, input_: Annotated[DeleteOrganizationInput, strawberry.argument(name="input")]
    ) -> Annotated[DeletedOrganization | Problem, strawberry.union("DeleteOrganizationResult")]:
        """Delete an organization, as its Owner: its applications, their tokens and subscriptions end with it."""
        planned(input_)

    @does(IDENTITY, "transfer_ownership")
    def transfer_ownership(
        self, input_: Annotated[TransferOwnershipInput, strawberry.argument(name="input")]
    ) -> Annotated[Organization | Problem, strawberry.union("TransferOwnershipResult")]:
        """Make another member the Owner, as the Owner, who becomes an Administrator."""
        planned(input_)

    @does(IDENTITY, "change_owner")
    def change_owner(
        self, input_: Annotated[ChangeOwnerInput, strawberry.argument(name="input")]
    ) -> Annotated[Organization | Problem, strawberry.union("ChangeOwnerResult")]:
        """Make a member the Owner, as an Administrator; the former Owner becomes an Administrator and is told by mail."""
        planned(input_)
