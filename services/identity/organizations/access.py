"""The door to organizations: who stands how in them, read from what is true now rather than from the passport.

A passport may be a minute old. Here, where the memberships are kept, a removed member is a stranger at once, and the founder of
an organization is its Owner at once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chassis.errors import NotFound
from chassis.mongo import Reader
from chassis.paging import Page
from chassis.principal import RoleNotAllowed
from services.identity.accounts import repository as accounts
from services.identity.accounts.access import viewer_of
from services.identity.accounts.domain import User
from services.identity.mint import fingerprint
from services.identity.organizations import repository
from services.identity.organizations.domain import Invitation, Membership, NoSuchInvitation, NoSuchMember, Organization
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


@dataclass(frozen=True, slots=True)
class Member:
    """A membership with the user and the role that counts."""

    membership: Membership
    user: User
    role: Role


async def standings_of(reader: Reader, user_id: str, within: Iterable[str] | None = None) -> dict[str, Standing]:
    """Return how a user stands, by organization id, the oldest membership first; where a stranger, there is no entry."""
    memberships = await repository.find_memberships_of(reader, user_id, within)
    organizations = await repository.find_organizations(reader, [each.organization_id for each in memberships])
    return {each.organization_id: Standing(organizations[each.organization_id], each) for each in memberships}


async def own_standings(reader: Reader, within: Iterable[str] | None = None) -> dict[str, Standing]:
    """Return how the one who asks stands; nobody stands nowhere."""
    if reader.principal.id is None:
        return {}
    return await standings_of(reader, reader.principal.id, within)


async def require(reader: Reader, action: str, organization_id: str) -> Standing:
    """Return how the one who asks stands in an organization, if that allows the action.

    To a stranger the organization does not exist. Raises ``SignInFirst``, ``NotFound`` or ``RoleNotAllowed``.
    """
    reader.principal.require_signed_in()
    standing = (await own_standings(reader, [organization_id])).get(organization_id)
    if standing is None:
        raise NotFound
    require_role(standing, action)
    return standing


def require_role(standing: Standing, action: str) -> None:
    """Refuse unless the role allows the action. Raises ``RoleNotAllowed``."""
    if not standing.may(action):
        raise RoleNotAllowed(f"As {standing.role.lower()} of the organization you may not do this ({action}).")


async def member_of(reader: Reader, organization: Organization, user_id: str) -> Membership:
    """Return a member. Raises ``NoSuchMember``."""
    membership = await repository.find_membership(reader, organization.id, user_id)
    if membership is None:
        raise NoSuchMember
    return membership


async def invitation_for_viewer(reader: Reader, token: str) -> tuple[Invitation, User]:
    """Return the invitation that a token accepts and the user it is for: the one who asks, or it does not exist.

    Raises ``SignInFirst`` or ``NoSuchInvitation``.
    """
    reader.principal.require_signed_in()
    viewer = await viewer_of(reader)
    invitation = await repository.find_invitation(reader, fingerprint(token))
    if viewer is None or invitation is None or invitation.email_key != viewer.email_key:
        raise NoSuchInvitation
    return invitation, viewer


async def visible_user_ids(reader: Reader, user_ids: Sequence[str]) -> set[str]:
    """Return those of the users whom the one who asks may see: themselves, and who shares an organization with them."""
    viewer_id = reader.principal.id
    if viewer_id is None:
        return set()
    own = await repository.find_memberships_of(reader, viewer_id)
    shared = await repository.find_shared(reader, [each.organization_id for each in own], user_ids)
    return shared | ({viewer_id} & set(user_ids))


async def visible_users(reader: Reader, user_ids: Sequence[str]) -> dict[str, User]:
    """Return by id those of the users whom the one who asks may see."""
    return await accounts.find_users(reader, await visible_user_ids(reader, user_ids))


async def own_memberships(reader: Reader) -> list[Member]:
    """Return the memberships of the one who asks, the oldest first."""
    viewer = await viewer_of(reader)
    if viewer is None:
        return []
    return [Member(each.membership, viewer, each.role) for each in (await own_standings(reader)).values()]


async def members_of(reader: Reader, organization: Organization, page: Page) -> list[Member]:
    """Return a page of members (and one more where there is one), for those who may view the organization."""
    memberships = await repository.find_members(reader, organization.id, page)
    users = await accounts.find_users(reader, [each.user_id for each in memberships])
    return [Member(each, users[each.user_id], each.role_in(organization)) for each in memberships]


async def count_members(reader: Reader, organization: Organization) -> int:
    """Return how many members there are, for those who may view the organization."""
    return await repository.count_members(reader, organization.id)


async def invitations_of(reader: Reader, organization: Organization) -> list[Invitation]:
    """Return the newest invitations, for those who may invite."""
    return await repository.find_invitations(reader, organization.id)
