"""The door to members: who is seen by whom."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.mongo import Reader
from chassis.paging import Page
from services.identity.accounts import repository as accounts
from services.identity.accounts.access import viewer_of
from services.identity.accounts.domain import User
from services.identity.members import repository
from services.identity.organizations.access import own_standings
from services.identity.organizations.domain import Membership, Organization
from services.identity.organizations.roles import Role


@dataclass(frozen=True, slots=True)
class Member:
    """A membership with the user and the role that counts."""

    membership: Membership
    user: User
    role: Role


async def visible_user_ids(reader: Reader, user_ids: Sequence[str]) -> set[str]:
    """Return those of the users whom the one who asks may see: themselves, and who shares an organization with them."""
    viewer_id = reader.principal.id
    if viewer_id is None:
        return set()
    shared = await repository.find_shared(reader, await own_standings(reader), user_ids)
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
    memberships = await repository.find_page(reader, organization.id, page)
    users = await accounts.find_users(reader, [each.user_id for each in memberships])
    return [Member(each, users[each.user_id], each.role_in(organization)) for each in memberships if each.user_id in users]


async def count_members(reader: Reader, organization: Organization) -> int:
    """Return how many members there are, for those who may view the organization."""
    return await repository.count(reader, organization.id)
