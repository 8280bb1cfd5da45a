"""Organizations: where a user acts, with members, roles and invitations."""

from enum import Enum
from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import Argument, Load, Parent, asks, does, loads, planned
from graphql_gateway.schema.applications import IDENTITY, ApplicationConnection
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.nodes import DEFAULT_FIRST, Connection, Id, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.products import CATALOG, ProductConnection
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.subscriptions import SUBSCRIPTIONS, SubscriptionConnection
from graphql_gateway.schema.usage import UsageArgument, UsageReport, usage_of


@enum
class Role(Enum):
    """What a member is in an organization."""

    OWNER = "OWNER"
    ADMINISTRATOR = "ADMINISTRATOR"
    DEVELOPER = "DEVELOPER"
    OBSERVER = "OBSERVER"


@enum
class InvitationStatus(Enum):
    """What became of an invitation."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    EXPIRED = "EXPIRED"


@type_
class Person:
    """A user, as the fellow members see them."""

    id: strawberry.ID
    name: str
    email: str


@type_
class Membership(Node):
    """A user's place in an organization."""

    role: Role
    since: DateTime
    user_id: strawberry.ID
    organization_id: strawberry.ID
    user: Person | None = loads(Load(IDENTITY, "users_by_id", Parent("user_id"), inline="user"))
    organization: Annotated["Organization", strawberry.lazy("graphql_gateway.schema.organizations")] | None = loads(
        Load(IDENTITY, "organizations_by_id", Parent("organization_id"))
    )


MembershipConnection = Connection[Membership]


@type_
class Invitation(Node):
    """An offer to become a member."""

    email: str
    role: Role
    status: InvitationStatus
    expires_at: DateTime


@type_
class Organization(Node):
    """The entity in which a user acts; every action happens within a chosen organization."""

    name: str
    is_test: bool
    created_at: DateTime
    is_provider: bool | None = loads(
        Load(CATALOG, "provider_standing_by_organization", Parent("id")), says="Whether it may publish products."
    )
    invitations: list[Invitation] | None = loads(Load(IDENTITY, "invitations_by_organization", Parent("id")))

    @asks(Load(IDENTITY, "memberships_by_organization", Parent("id")))
    def members(self, first: int = DEFAULT_FIRST, after: str | None = None) -> MembershipConnection | None:
        """List who belongs to the organization."""
        planned(first, after)

    @asks(Load(IDENTITY, "applications_by_organization", Parent("id")))
    def applications(
        self, search: str | None = None, first: int = DEFAULT_FIRST, after: str | None = None
    ) -> ApplicationConnection | None:
        """List the organization's applications."""
        planned(search, first, after)

    @asks(Load(CATALOG, "products_by_organization", Parent("id")))
    def products(self, first: int = DEFAULT_FIRST, after: str | None = None) -> ProductConnection | None:
        """List what the organization publishes, as a provider."""
        planned(first, after)

    @asks(Load(SUBSCRIPTIONS, "subscription_requests_by_provider", Parent("id")))
    def subscription_requests(self, first: int = DEFAULT_FIRST, after: str | None = None) -> SubscriptionConnection | None:
        """List the subscriptions that wait for the organization's decision, as a provider."""
        planned(first, after)

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
class InviteMemberInput:
    """Who is invited, as what."""

    organization_id: strawberry.ID
    email: str
    role: Role


@input_
class AcceptInvitationInput:
    """The token that the invitation's mail carries."""

    token: str


@input_
class ChangeRoleInput:
    """A member's new role."""

    organization_id: strawberry.ID
    user_id: strawberry.ID
    role: Role


@input_
class RemoveMemberInput:
    """Who leaves."""

    organization_id: strawberry.ID
    user_id: strawberry.ID


@type_
class RemovedMember:
    """Someone who is no longer a member."""

    organization_id: strawberry.ID
    user_id: strawberry.ID


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

    @does(IDENTITY, "invite_member")
    def invite_member(
        self, input_: Annotated[InviteMemberInput, strawberry.argument(name="input")]
    ) -> Annotated[Invitation | Problem, strawberry.union("InviteMemberResult")]:
        """Invite a user as administrator, developer or observer."""
        planned(input_)

    @does(IDENTITY, "accept_invitation")
    def accept_invitation(
        self, input_: Annotated[AcceptInvitationInput, strawberry.argument(name="input")]
    ) -> Annotated[Membership | Problem, strawberry.union("AcceptInvitationResult")]:
        """Become a member."""
        planned(input_)

    @does(IDENTITY, "change_role")
    def change_role(
        self, input_: Annotated[ChangeRoleInput, strawberry.argument(name="input")]
    ) -> Annotated[Membership | Problem, strawberry.union("ChangeRoleResult")]:
        """Change a member's role."""
        planned(input_)

    @does(IDENTITY, "remove_member")
    def remove_member(
        self, input_: Annotated[RemoveMemberInput, strawberry.argument(name="input")]
    ) -> Annotated[RemovedMember | Problem, strawberry.union("RemoveMemberResult")]:
        """Remove a member; the member's applications stay."""
        planned(input_)
