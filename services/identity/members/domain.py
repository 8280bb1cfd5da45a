"""What may change about a member: everything but the Owner, who is made and unmade with the organization itself."""

from dataclasses import replace

from chassis.errors import Conflict, FieldProblem, Invalid
from services.identity.events import MemberRemoved, RoleChanged
from services.identity.organizations.domain import Membership, Organization
from services.identity.organizations.roles import Role


class OwnerNotByRoleChange(Invalid):
    """Nobody becomes Owner by a change of role: the Owner transfers the ownership, or an Administrator changes the Owner."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("role", "give ADMINISTRATOR, DEVELOPER or OBSERVER")])


class OwnerStays(Conflict):
    """The Owner can be neither removed nor given another role, nor leave: somebody else has to be the Owner first."""


def change_role(membership: Membership, role: Role, organization: Organization) -> tuple[Membership, RoleChanged]:
    """Return the membership in another role. Raises ``OwnerStays`` or ``OwnerNotByRoleChange``."""
    if role is Role.OWNER:
        raise OwnerNotByRoleChange
    former = _role_unless_owner(membership, organization)
    fact = RoleChanged(organization_id=organization.id, user_id=membership.user_id, role=role, former_role=former)
    return replace(membership, role=role), fact


def end(membership: Membership, organization: Organization) -> MemberRemoved:
    """Return the fact that the member is gone. Raises ``OwnerStays``."""
    _role_unless_owner(membership, organization)
    return MemberRemoved(organization_id=organization.id, user_id=membership.user_id)


def _role_unless_owner(membership: Membership, organization: Organization) -> Role:
    role = membership.role_in(organization)
    if role is Role.OWNER:
        raise OwnerStays
    return role
