"""What is true of organizations, of their Owner, and of belonging to one."""

from dataclasses import dataclass, replace
from datetime import datetime

from chassis.errors import Conflict, FieldProblem, Invalid, NotFound
from services.identity.events import (
    MemberJoined,
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationRenamed,
    OwnerChanged,
)
from services.identity.organizations.roles import Role

TRANSFER, CHANGE = "TRANSFER", "CHANGE"


class NoSuchMember(NotFound):
    """There is no such member in the organization."""


class AlreadyOwner(Conflict):
    """This member is the Owner already; name another one."""


class ProviderStays(Conflict):
    """The organization is a data provider, on whose products others depend: ask the operator how to end that first."""


class NameNotRepeated(Invalid):
    """Nothing was deleted: the name is not the organization's."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("name", "type the organization's name exactly as it is shown")])


@dataclass(frozen=True, slots=True)
class Organization:
    """The entity within which a user acts. That there is exactly one Owner is so because it is one field."""

    id: str
    name: str
    is_test: bool
    owner_id: str
    created_at: datetime
    is_provider: bool = False

    def rename(self, name: str) -> tuple["Organization", OrganizationRenamed]:
        """Return the organization under another name."""
        return replace(self, name=name), OrganizationRenamed(organization_id=self.id, name=name)

    def hand_over(self, owner_id: str, by: str) -> tuple["Organization", OwnerChanged]:
        """Return the organization with another Owner, a member. Raises ``AlreadyOwner``."""
        if owner_id == self.owner_id:
            raise AlreadyOwner
        changed = OwnerChanged(organization_id=self.id, owner_id=owner_id, former_owner_id=self.owner_id, by=by)
        return replace(self, owner_id=owner_id), changed

    def created(self) -> OrganizationCreated:
        """Return the fact that there is this organization."""
        return OrganizationCreated(organization_id=self.id, name=self.name, is_test=self.is_test, owner_id=self.owner_id)

    def repeat(self, name: str) -> None:
        """Take the name, typed again, for a confirmation. Raises ``NameNotRepeated``."""
        if name != self.name:
            raise NameNotRepeated

    def delete(self) -> OrganizationDeleted:
        """Return the fact that the organization is gone. Raises ``ProviderStays``."""
        if self.is_provider:
            raise ProviderStays
        return OrganizationDeleted(organization_id=self.id)


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

    def step_down(self) -> "Membership":
        """Return what a former Owner is."""
        return replace(self, role=Role.ADMINISTRATOR)


def found(organization: Organization, membership_id: str) -> tuple[Membership, OrganizationCreated]:
    """Return what there is with a new organization: its owner's membership, and the fact."""
    # Should another become Owner one day, the former Owner is Administrator.
    membership = Membership(
        membership_id, organization.id, organization.owner_id, Role.ADMINISTRATOR, since=organization.created_at
    )
    return membership, organization.created()
