"""What can be done with organizations, members and invitations."""

from dataclasses import dataclass
from datetime import timedelta

from chassis.errors import NotFound
from chassis.ids import new_id
from chassis.messages import Event
from chassis.mongo import DuplicateKey, Reader, Transaction
from services.identity import throttles
from services.identity.accounts import repository as accounts
from services.identity.inputs import address_key
from services.identity.mail.actions import PostOffice, post
from services.identity.mail.domain import invitation as invitation_letter
from services.identity.mint import fingerprint, new_token
from services.identity.organizations import access, repository
from services.identity.organizations.access import Member
from services.identity.organizations.domain import (
    INVITATION_PREFIX,
    AlreadyMember,
    Invitation,
    InvitedAtThisMoment,
    Membership,
    Organization,
    found,
)
from services.identity.organizations.roles import Role
from services.identity.throttles import Limit

_CREATIONS = Limit("create-organization", tries=100, window=timedelta(hours=1))
_INVITATIONS = Limit("invite-member", tries=200, window=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Invitee:
    """Who is to be invited, as what, and for how long the offer stands."""

    email: str
    role: Role
    ttl: timedelta


async def open_organization(tx: Transaction, name: str, owner_id: str, *, is_test: bool) -> Organization:
    """Make an organization with its Owner (for those who have checked that this may be)."""
    organization = Organization(new_id("org"), name, is_test, owner_id, created_at=tx.now)
    membership, created = found(organization, new_id("mem"))
    await repository.add_organization(tx, organization)
    await repository.add_membership(tx, membership)
    await _announce(tx, created, organization)
    await _announce(tx, membership.joined(organization), organization)
    return organization


async def create_organization(tx: Transaction, name: str) -> Organization:
    """Make an organization whose Owner is the one who asks. Raises ``SignInFirst`` or ``TriedTooOften``."""
    owner_id = tx.principal.require_signed_in()
    await throttles.count_try(tx, _CREATIONS, owner_id)
    return await open_organization(tx, name, owner_id, is_test=False)


async def rename_organization(tx: Transaction, organization_id: str, name: str) -> Organization:
    """Give an organization another name."""
    organization = (await access.require(tx, "RENAME_ORGANIZATION", organization_id)).organization
    if organization.name == name:
        return organization
    renamed, fact = organization.rename(name)
    await repository.save_name(tx, renamed)
    await _announce(tx, fact, renamed)
    return renamed


async def invite_member(tx: Transaction, organization_id: str, invitee: Invitee, office: PostOffice) -> Invitation:
    """Invite somebody by mail; inviting the same address again replaces the former offer.

    Raises ``OwnerNotByInvitation``, ``AlreadyMember``, ``InvitedAtThisMoment`` or ``TriedTooOften``.
    """
    standing = await access.require(tx, "INVITE_MEMBER", organization_id)
    organization, key, token = standing.organization, address_key(invitee.email), new_token(INVITATION_PREFIX)
    invitation = Invitation(
        id=new_id("inv"),
        organization_id=organization.id,
        email=invitee.email,
        email_key=key,
        role=invitee.role,
        token_hash=fingerprint(token),
        invited_by=standing.membership.user_id,
        created_at=tx.now,
        expires_at=tx.now + invitee.ttl,
    )
    invited = invitation.send()
    user = await accounts.find_user_by_address(tx, key)
    if user is not None and await repository.find_membership(tx, organization.id, user.id):
        raise AlreadyMember
    await throttles.count_try(tx, _INVITATIONS, organization.id)
    try:
        await repository.replace_invitation(tx, invitation)
    except DuplicateKey:
        raise InvitedAtThisMoment from None
    await _announce(tx, invited, organization)
    letter = invitation_letter(
        invitation.email, office.portal_url, token, organization=organization.name, role=str(invitation.role)
    )
    await post(tx, office, letter)
    return invitation


async def accept_invitation(tx: Transaction, token: str) -> Member:
    """Make the one who asks a member, by an invitation to their own address.

    Raises ``NoSuchInvitation``, ``InvitationLapsed`` or ``AlreadyMember``.
    """
    invitation, user = await access.invitation_for_viewer(tx, token)
    organization = await repository.find_organization(tx, invitation.organization_id)
    if organization is None:
        raise NotFound
    if await repository.find_membership(tx, organization.id, user.id):
        raise AlreadyMember
    used, membership = invitation.accept(new_id("mem"), user.id, now=tx.now)
    await repository.save_state(tx, used)
    try:
        await repository.add_membership(tx, membership)
    except DuplicateKey:
        raise AlreadyMember from None
    await _announce(tx, membership.joined(organization), organization)
    return Member(membership, user, membership.role_in(organization))


async def change_role(tx: Transaction, organization_id: str, user_id: str, role: Role) -> Member:
    """Give a member another role. Raises ``NoSuchMember``, ``OwnerStays`` or ``OwnerNotByRoleChange``."""
    organization = (await access.require(tx, "CHANGE_ROLE", organization_id)).organization
    membership = await access.member_of(tx, organization, user_id)
    changed, fact = membership.change_role(role, organization)
    if changed != membership:
        await repository.save_role(tx, changed)
        await _announce(tx, fact, organization)
    return await _with_user(tx, changed, organization)


async def remove_member(tx: Transaction, organization_id: str, user_id: str) -> Membership:
    """End a membership and return it. Raises ``NoSuchMember`` or ``OwnerStays``."""
    organization = (await access.require(tx, "REMOVE_MEMBER", organization_id)).organization
    membership = await access.member_of(tx, organization, user_id)
    removed = membership.remove(organization)
    await repository.remove_membership(tx, membership)
    await _announce(tx, removed, organization)
    return membership


async def _with_user(reader: Reader, membership: Membership, organization: Organization) -> Member:
    user = await accounts.find_user(reader, membership.user_id)
    assert user is not None
    return Member(membership, user, membership.role_in(organization))


async def _announce(tx: Transaction, fact: Event, organization: Organization) -> None:
    await tx.emit(fact, subject=organization.id, organization=organization.id, audience=[organization.id])
