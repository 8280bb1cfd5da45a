"""The operator's staff: as it sees itself, and who joins and leaves it."""

from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import does, planned, reads
from graphql_gateway.schema.accounts import PlatformRole
from graphql_gateway.schema.described import input_, type_
from graphql_gateway.schema.members import Person
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.services import IDENTITY


@type_
class StaffMember:
    """One of the operator's staff."""

    user: Person
    roles: list[PlatformRole] = reads(size=2, says="What they hold on the platform itself.")


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
class StaffMutations:
    """What the operator's administrators do about the staff."""

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
