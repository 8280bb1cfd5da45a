"""What can be done with invitations."""

from dataclasses import dataclass
from datetime import timedelta

from chassis.ids import new_id
from chassis.mongo import DuplicateKey, Transaction
from services.identity import throttles
from services.identity.accounts import repository as accounts
from services.identity.accounts.actions import announce_rights
from services.identity.accounts.domain import User
from services.identity.inputs import address_key
from services.identity.invitations import access, repository
from services.identity.invitations.access import Named
from services.identity.invitations.domain import (
    INVITATION_PREFIX,
    AlreadyMember,
    Invitation,
    InvitedAtThisMoment,
)
from services.identity.mail.actions import PostOffice, post
from services.identity.members.access import Member
from services.identity.mint import fingerprint, new_token
from services.identity.organizations import access as organizations
from services.identity.organizations import repository as memberships
from services.identity.organizations.actions import announce
from services.identity.organizations.domain import Organization
from services.identity.organizations.roles import Role
from services.identity.throttles import Limit

_INVITATIONS = Limit("invite-member", tries=200, window=timedelta(hours=1))
_RESENDINGS = Limit("resend-invitation", tries=5, window=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Invitee:
    """Who is to be invited, as what, and for how long the offer stands."""

    email: str
    role: Role
    ttl: timedelta


async def invite_member(tx: Transaction, organization_id: str, invitee: Invitee, office: PostOffice) -> Invitation:
    """Invite somebody by mail; inviting the same address again replaces the former offer.

    Raises ``OwnerNotByInvitation``, ``AlreadyMember``, ``InvitedAtThisMoment`` or ``TriedTooOften``.
    """
    standing = await organizations.require(tx, "INVITE_MEMBER", organization_id)
    await throttles.count_try(tx, _INVITATIONS, organization_id)
    return await invite(tx, standing.organization, invitee, office, invited_by=standing.membership.user_id)


async def invite(
    tx: Transaction, organization: Organization, invitee: Invitee, office: PostOffice, *, invited_by: str
) -> Invitation:
    """Invite somebody in the name of a user (for those who have checked that this may be).

    Raises ``OwnerNotByInvitation``, ``AlreadyMember`` or ``InvitedAtThisMoment``.
    """
    key, token = address_key(invitee.email), new_token(INVITATION_PREFIX)
    invitation = Invitation(
        id=new_id("inv"),
        organization_id=organization.id,
        email=invitee.email,
        email_key=key,
        role=invitee.role,
        token_hash=fingerprint(token),
        invited_by=invited_by,
        created_at=tx.now,
        expires_at=tx.now + invitee.ttl,
    )
    invited = invitation.send()
    await _require_no_member(tx, invitation, organization)
    try:
        await repository.put_in_place(tx, invitation)
    except DuplicateKey:
        raise InvitedAtThisMoment from None
    await announce(tx, invited, organization)
    await _write(tx, office, invitation, organization, token=token)
    return invitation


async def resend_invitation(tx: Transaction, invitation_id: str, ttl: timedelta, office: PostOffice) -> Invitation:
    """Send an invitation again, for a new time and under a new token; the former token opens nothing any more.

    Raises ``InvitationSettled``, ``AlreadyMember`` or ``TriedTooOften``.
    """
    former, standing = await access.require(tx, invitation_id)
    token = new_token(INVITATION_PREFIX)
    renewed, fact = former.renew(fingerprint(token), now=tx.now, ttl=ttl)
    await _require_no_member(tx, renewed, standing.organization)
    await throttles.count_try(tx, _RESENDINGS, renewed.id)
    await throttles.count_try(tx, _INVITATIONS, renewed.organization_id)
    await repository.save(tx, renewed)
    await announce(tx, fact, standing.organization)
    await _write(tx, office, renewed, standing.organization, token=token)
    return renewed


async def revoke_invitation(tx: Transaction, invitation_id: str) -> Invitation:
    """Take an invitation back. Raises ``InvitationSettled``."""
    invitation, standing = await access.require(tx, invitation_id)
    revoked, fact = invitation.revoke()
    await repository.save(tx, revoked)
    await announce(tx, fact, standing.organization)
    return revoked


async def decline_invitation(tx: Transaction, named: Named, office: PostOffice) -> Invitation:
    """Turn an invitation down: the invited user by its id, anybody by the token, which proves that the mail was read.

    Raises ``SignInFirst``, ``NoSuchInvitation`` or ``InvitationLapsed``.
    """
    if named.token is not None:
        invitation, organization = await access.received_by_mail(tx, named)
    else:
        invitation, organization, _ = await access.received_by_viewer(tx, named)
    declined, fact = invitation.decline(tx.now)
    await repository.save(tx, declined)
    await announce(tx, fact, organization)
    await _tell_inviter(tx, office, "invitation_declined", declined, organization=organization)
    return declined


async def accept_invitation(tx: Transaction, named: Named, office: PostOffice) -> Member:
    """Make the one who asks a member, by an invitation to their own address.

    Raises ``NoSuchInvitation``, ``InvitationLapsed`` or ``AlreadyMember``.
    """
    invitation, organization, user = await access.received_by_viewer(tx, named)
    if await access.is_member(tx, organization, user.id):
        raise AlreadyMember
    used, membership = invitation.accept(new_id("mem"), user.id, now=tx.now)
    await repository.save(tx, used)
    try:
        await memberships.add_membership(tx, membership)
    except DuplicateKey:
        raise AlreadyMember from None
    await announce(tx, membership.joined(organization), organization)
    await announce_rights(tx, [user.id])
    await _tell_inviter(tx, office, "invitation_accepted", used, organization=organization)
    return Member(membership, user, membership.role_in(organization))


async def end_some(tx: Transaction, organization_id: str, most: int) -> bool:
    """Forget some of the invitations into a deleted organization; say whether there may be more."""
    return await repository.remove_some(tx, organization_id, most) == most


async def _require_no_member(tx: Transaction, invitation: Invitation, organization: Organization) -> None:
    user = await accounts.find_user_by_address(tx, invitation.email_key)
    if user is not None and await access.is_member(tx, organization, user.id):
        raise AlreadyMember


async def _write(tx: Transaction, office: PostOffice, invitation: Invitation, organization: Organization, *, token: str) -> None:
    # In the language of the one who is invited, or of the one who invites where that is not known.
    reader: User | None = await accounts.find_user_by_address(tx, invitation.email_key)
    reader = reader or await accounts.find_user(tx, invitation.invited_by)
    language = {"language": reader.language} if reader else {}
    values = {"token": token, "organization": organization.name, "role": str(invitation.role)}
    await post(tx, office, "invitation", invitation.email, **language, **values)


async def _tell_inviter(
    tx: Transaction, office: PostOffice, kind: str, invitation: Invitation, *, organization: Organization
) -> None:
    inviter = await access.inviter_of(tx, invitation)
    if inviter is not None:
        values = {"organization": organization.name, "invited": invitation.email, "role": str(invitation.role)}
        await post(tx, office, kind, inviter.email, language=inviter.language, **values)
