"""Members: who belongs to an organization, in which role."""

from enum import Enum
from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Load, Parent, does, later, loads, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.nodes import Connection, Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import IDENTITY


@enum
class Role(Enum):
    """What a member is in an organization."""

    OWNER = "OWNER"
    ADMINISTRATOR = "ADMINISTRATOR"
    DEVELOPER = "DEVELOPER"
    OBSERVER = "OBSERVER"


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
    suspended_at: DateTime | None = reads(says="Since when the member has no rights, until they are confirmed; else null.")
    user_id: strawberry.ID
    organization_id: strawberry.ID
    user: Person | None = loads(Load(IDENTITY, "users_by_id", Parent("user_id"), inline="user"))
    organization: Any = loads(
        Load(IDENTITY, "organizations_by_id", Parent("organization_id")), later("organizations", "Organization")
    )


MembershipConnection = Connection[Membership]


@input_
class ChangeRoleInput:
    """A member's new role."""

    organization_id: strawberry.ID
    user_id: strawberry.ID
    role: Role


@input_
class RemoveMemberInput:
    """Who is to be removed."""

    organization_id: strawberry.ID
    user_id: strawberry.ID


@input_
class LeaveOrganizationInput:
    """Which organization the viewer leaves."""

    organization_id: strawberry.ID


@type_
class RemovedMember:
    """Someone who is no longer a member."""

    organization_id: strawberry.ID
    user_id: strawberry.ID


@type_
class MemberMutations:
    """What is done about members."""

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

    @does(IDENTITY, "leave_organization")
    def leave_organization(
        self, input_: Annotated[LeaveOrganizationInput, strawberry.argument(name="input")]
    ) -> Annotated[RemovedMember | Problem, strawberry.union("LeaveOrganizationResult")]:
        """Leave an organization, as everybody may but its Owner; what the viewer made there stays."""
        planned(input_)
