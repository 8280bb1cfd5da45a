"""What is true of organizations, members and invitations."""

from dataclasses import dataclass, replace
from datetime import datetime

from chassis.errors import Conflict, FieldProblem, Invalid, NotFound
from services.identity.events import (
    MemberInvited,
    MemberJoined,
    MemberRemoved,
    OrganizationCreated,
    OrganizationRenamed,
    RoleChanged,
)
from services.identity.organizations.roles import Role

INVITATION_PREFIX = "pti"
PENDING, ACCEPTED, EXPIRED = "PENDING", "ACCEPTED", "EXPIRED"


class OwnerNotByInvitation(Invalid):
    """Nobody is invited as Owner; an organization has exactly one."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("role", "give ADMINISTRATOR, DEVELOPER or OBSERVER")])


class OwnerNotByRoleChange(Invalid):
    """Nobody becomes Owner by a change of role; an organization has exactly one."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("role", "give ADMINISTRATOR, DEVELOPER or OBSERVER")])


class OwnerStays(Conflict):
    """The Owner can be neither removed nor given another role."""


class AlreadyMember(Conflict):
    """This person is a member of the organization already."""


class InvitedAtThisMoment(Conflict):
    """Somebody else is inviting the same person at this moment."""


class NoSuchMember(NotFound):
    """There is no such member in the organization."""


class NoSuchInvitation(NotFound):
    """There is no such invitation for you."""


class InvitationLapsed(Conflict):
    """The invitation has lapsed; ask to be invited again."""


@dataclass(frozen=True, slots=True)
class Organization:
    """The entity within which a user acts. That there is exactly one Owner is so because it is one field."""

    id: str
    name: str
    is_test: bool
    owner_id: str
    created_at: datetime

    def rename(self, name: str) -> tuple["Organization", OrganizationRenamed]:
        """Return the organization under another name."""
        return replace(self, name=name), OrganizationRenamed(organization_id=self.id, name=name)


@dataclass(frozen=True, slots=True)
class Membership:
    """A user's belonging to an organization. ``role`` is what the member is when not the Owner."""

    id: str
    organization_id: str
    user_id: str
    role: Role
    since: datetime

    def role_in(self, organization: Organization) -> Role:
        """Return the role that counts."""
        return Role.OWNER if organization.owner_id == self.user_id else self.role

    def joined(self, organization: Organization) -> MemberJoined:
        """Return the fact that the member belongs to the organization now."""
        role = self.role_in(organization)
        return MemberJoined(organization_id=organization.id, user_id=self.user_id, role=role)

    def change_role(self, role: Role, organization: Organization) -> tuple["Membership", RoleChanged]:
        """Return the membership in another role. Raises ``OwnerStays`` or ``OwnerNotByRoleChange``."""
        if role is Role.OWNER:
            raise OwnerNotByRoleChange
        former = self._role_unless_owner(organization)
        changed = RoleChanged(organization_id=organization.id, user_id=self.user_id, role=role, former_role=former)
        return replace(self, role=role), changed

    def remove(self, organization: Organization) -> MemberRemoved:
        """Return the fact that the member is gone. Raises ``OwnerStays``."""
        self._role_unless_owner(organization)
        return MemberRemoved(organization_id=organization.id, user_id=self.user_id)

    def _role_unless_owner(self, organization: Organization) -> Role:
        role = self.role_in(organization)
        if role is Role.OWNER:
            raise OwnerStays
        return role


def found(organization: Organization, membership_id: str) -> tuple[Membership, OrganizationCreated]:
    """Return what there is with a new organization: its owner's membership, and the fact."""
    # Should another become Owner one day, the former Owner is Administrator.
    membership = Membership(
        membership_id, organization.id, organization.owner_id, Role.ADMINISTRATOR, since=organization.created_at
    )
    created = OrganizationCreated(
        organization_id=organization.id,
        name=organization.name,
        is_test=organization.is_test,
        owner_id=organization.owner_id,
    )
    return membership, created


@dataclass(frozen=True, slots=True)
class Invitation:
    """The offer to become a member, to the one who reads the mail sent to an address."""

    id: str
    organization_id: str
    email: str
    email_key: str
    role: Role
    token_hash: str
    invited_by: str
    created_at: datetime
    expires_at: datetime
    state: str = PENDING

    def status(self, now: datetime) -> str:
        """Return PENDING, ACCEPTED or EXPIRED."""
        return EXPIRED if self.state == PENDING and now >= self.expires_at else self.state

    def send(self) -> MemberInvited:
        """Return the fact that somebody is invited. Raises ``OwnerNotByInvitation``."""
        if self.role is Role.OWNER:
            raise OwnerNotByInvitation
        return MemberInvited(organization_id=self.organization_id, invitation_id=self.id, role=self.role)

    def accept(self, membership_id: str, user_id: str, *, now: datetime) -> tuple["Invitation", Membership]:
        """Return the invitation used up, and the membership. Raises ``NoSuchInvitation`` or ``InvitationLapsed``."""
        status = self.status(now)
        if status == EXPIRED:
            raise InvitationLapsed
        if status != PENDING:
            raise NoSuchInvitation
        membership = Membership(membership_id, self.organization_id, user_id, self.role, since=now)
        return replace(self, state=ACCEPTED), membership
