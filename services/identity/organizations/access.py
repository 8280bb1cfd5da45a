"""The door to organizations: who stands how in them, read from what is true now rather than from the passport.

A passport may be a minute old. Here, where the memberships are kept, a removed member is a stranger at once, the founder of
an organization is its Owner at once, and an organization that was deleted is nowhere at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from chassis.errors import NotFound
from chassis.mongo import Reader
from chassis.principal import RoleNotAllowed
from services.identity.organizations import repository
from services.identity.organizations.domain import Membership, NoSuchMember, Organization
from services.identity.organizations.roles import Role, allows


@dataclass(frozen=True, slots=True)
class Standing:
    """How a user stands in an organization."""

    organization: Organization
    membership: Membership

    @property
    def role(self) -> Role:
        """Return the role that counts."""
        return self.membership.role_in(self.organization)

    def may(self, action: str) -> bool:
        """Say whether the role allows the action."""
        return allows(self.role, action)


async def standings_of(reader: Reader, user_id: str, within: Iterable[str] | None = None) -> dict[str, Standing]:
    """Return how a user stands, by organization id, the oldest membership first; where a stranger, there is no entry."""
    memberships = await repository.find_memberships_of(reader, user_id, within)
    organizations = await repository.find_organizations(reader, [each.organization_id for each in memberships])
    return {
        each.organization_id: Standing(organizations[each.organization_id], each)
        for each in memberships
        if each.organization_id in organizations
    }


async def standings_in_force(reader: Reader, user_id: str, within: Iterable[str] | None = None) -> dict[str, Standing]:
    """Return the same of where the user has rights: whoever is suspended is a stranger meanwhile."""
    found = await standings_of(reader, user_id, within)
    return {key: each for key, each in found.items() if not each.membership.is_suspended_in(each.organization)}


async def own_standings(reader: Reader, within: Iterable[str] | None = None) -> dict[str, Standing]:
    """Return how the one who asks stands; nobody stands nowhere."""
    if reader.principal.id is None:
        return {}
    return await standings_in_force(reader, reader.principal.id, within)


async def require_member(reader: Reader, organization_id: str) -> Standing:
    """Return how the one who asks stands in an organization; to a stranger it does not exist.

    Raises ``SignInFirst`` or ``NotFound``.
    """
    reader.principal.require_signed_in()
    standing = (await own_standings(reader, [organization_id])).get(organization_id)
    if standing is None:
        raise NotFound().within(organization_id)
    return standing


async def require(reader: Reader, action: str, organization_id: str) -> Standing:
    """Return how the one who asks stands in an organization, if that allows the action.

    To a stranger the organization does not exist. Raises ``SignInFirst``, ``NotFound`` or ``RoleNotAllowed``.
    """
    standing = await require_member(reader, organization_id)
    require_role(standing, action)
    return standing


def require_role(standing: Standing, action: str) -> None:
    """Refuse unless the role allows the action. Raises ``RoleNotAllowed``."""
    if not standing.may(action):
        refusal = RoleNotAllowed(f"As {standing.role.lower()} of the organization you may not do this ({action}).")
        raise refusal.within(standing.organization.id)


async def member_of(reader: Reader, organization: Organization, user_id: str) -> Membership:
    """Return a member. Raises ``NoSuchMember``."""
    membership = await repository.find_membership(reader, organization.id, user_id)
    if membership is None:
        raise NoSuchMember
    return membership


async def membership_to_judge(reader: Reader, organization_id: str, user_id: str) -> tuple[Organization, Membership] | None:
    """Return a member's place in a live organization (for those who have heard about it); None for the Owner's, or none."""
    organization = await repository.find_organization(reader, organization_id)
    membership = None if organization is None else await repository.find_membership(reader, organization_id, user_id)
    if organization is None or membership is None or organization.owner_id == user_id:
        return None
    return organization, membership


async def live_organizations(reader: Reader, organization_ids: Iterable[str]) -> dict[str, Organization]:
    """Return by id those of the organizations that have not been deleted (for deciding; never shown)."""
    return await repository.find_organizations(reader, organization_ids)


async def is_live(reader: Reader, organization_id: str) -> bool:
    """Say whether the organization has not been deleted (for deciding; never shown)."""
    return await repository.find_organization(reader, organization_id) is not None
