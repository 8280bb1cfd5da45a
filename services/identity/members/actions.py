"""What can be done with members. Whatever could touch the Owner holds the organization, so that no two miss each other."""

from dataclasses import replace
from datetime import datetime

from chassis.mongo import Reader, Transaction
from services.identity.accounts import repository as accounts
from services.identity.accounts.actions import announce_rights
from services.identity.events import MemberResumed, MemberSuspended
from services.identity.members import domain
from services.identity.members import repository as members
from services.identity.members.access import Member
from services.identity.organizations import access, repository
from services.identity.organizations.actions import announce
from services.identity.organizations.domain import Membership, Organization
from services.identity.organizations.roles import Role


async def change_role(tx: Transaction, organization_id: str, user_id: str, role: Role) -> Member:
    """Give a member another role. Raises ``NoSuchMember``, ``OwnerStays`` or ``OwnerNotByRoleChange``."""
    organization = (await access.require(tx, "CHANGE_ROLE", organization_id)).organization
    membership = await access.member_of(tx, organization, user_id)
    changed, fact = domain.change_role(membership, role, organization)
    if changed != membership:
        await repository.hold(tx, organization)
        await repository.save_role(tx, changed)
        await announce(tx, fact, organization)
        await announce_rights(tx, [user_id])
    return await _with_user(tx, changed, organization)


async def remove_member(tx: Transaction, organization_id: str, user_id: str) -> Membership:
    """End a membership and return it; what the member made stays. Raises ``NoSuchMember`` or ``OwnerStays``."""
    organization = (await access.require(tx, "REMOVE_MEMBER", organization_id)).organization
    membership = await access.member_of(tx, organization, user_id)
    await _end(tx, membership, organization)
    return membership


async def leave_organization(tx: Transaction, organization_id: str) -> Membership:
    """End the membership of the one who asks, and return it. Raises ``SignInFirst``, ``NotFound`` or ``OwnerStays``."""
    standing = await access.require_member(tx, organization_id)
    await _end(tx, standing.membership, standing.organization)
    return standing.membership


async def end_memberships(tx: Transaction, user_id: str) -> None:
    """End all memberships of a user (for those who have checked that this may be). Raises ``OwnerStays``.

    Organizations that the user owns have to be closed, or handed over, before.
    """
    for standing in (await access.standings_of(tx, user_id)).values():
        await _end(tx, standing.membership, standing.organization)


async def end_unneeded(tx: Transaction, organization_id: str, user_id: str) -> None:
    """Remove a member whom the organization does not need any more (for those who have heard so); never the Owner."""
    found = await access.membership_to_judge(tx, organization_id, user_id)
    if found is not None:
        await _end(tx, found[1], found[0])


async def suspend_or_resume(tx: Transaction, organization_id: str, user_id: str, suspended_since: datetime | None) -> None:
    """Take a member's rights until they are confirmed, or give them back; nothing changes where they stand so already.

    The Owner keeps their rights; and so does whoever has joined since it was said.
    """
    found = await access.membership_to_judge(tx, organization_id, user_id)
    if found is None or (suspended_since is None) == (found[1].suspended_at is None):
        return
    organization, membership = found
    if suspended_since is not None and suspended_since < membership.since:
        return
    changed = replace(membership, suspended_at=suspended_since)
    fact = MemberResumed if suspended_since is None else MemberSuspended
    await repository.hold(tx, organization)
    await repository.save_suspension(tx, changed)
    await announce(tx, fact(organization_id=organization.id, user_id=user_id), organization)
    await announce_rights(tx, [user_id])


async def end_some(tx: Transaction, organization_id: str, most: int) -> bool:
    """End some of the memberships in a deleted organization; say whether there may be more."""
    memberships = await members.find_some(tx, organization_id, most)
    await repository.remove_memberships(tx, [each.id for each in memberships])
    await announce_rights(tx, [each.user_id for each in memberships])
    return len(memberships) == most


async def _end(tx: Transaction, membership: Membership, organization: Organization) -> None:
    fact = domain.end(membership, organization)
    await repository.hold(tx, organization)
    await repository.remove_memberships(tx, [membership.id])
    await announce(tx, fact, organization)
    await announce_rights(tx, [membership.user_id])


async def _with_user(reader: Reader, membership: Membership, organization: Organization) -> Member:
    user = await accounts.find_user(reader, membership.user_id)
    assert user is not None
    return Member(membership, user, membership.role_in(organization))
