"""The operator's staff, as it sees itself."""

from graphql_gateway.engine.declare import reads
from graphql_gateway.schema.accounts import PlatformRole
from graphql_gateway.schema.described import type_
from graphql_gateway.schema.members import Person


@type_
class StaffMember:
    """One of the operator's staff."""

    user: Person
    roles: list[PlatformRole] = reads(size=2, says="What they hold on the platform itself.")
