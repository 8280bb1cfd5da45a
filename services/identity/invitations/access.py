"""The door to invitations: for the organization that invites, and for the one who is invited."""

from dataclasses import dataclass

from chassis.errors import NotFound
from chassis.mongo import Reader
from chassis.paging import Page
from services.identity.accounts import repository as accounts
from services.identity.accounts.access import viewer_of
from services.identity.accounts.domain import User
from services.identity.invitations import repository
from services.identity.invitations.domain import Invitation, NameOneInvitation, NoSuchInvitation
from services.identity.mint import fingerprint
from services.identity.organizations import access as organizations
from services.identity.organizations.access import Standing
from services.identity.organizations.domain import Organization


@dataclass(frozen=True, slots=True)
class Received:
    """An invitation as the one who is invited sees it: by which organization, and by whom where that is known."""

    invitation: Invitation
    organization: Organization
    inviter: str | None


@dataclass(frozen=True, slots=True)
class Named:
    """How somebody names an invitation: by its id, or by the token of its mail."""

    invitation_id: str | None = None
    token: str | None = None

    def __post_init__(self) -> None:
        if (self.invitation_id is None) == (self.token is None):
            raise NameOneInvitation


async def require(reader: Reader, invitation_id: str) -> tuple[Invitation, Standing]:
    """Return an invitation of an organization in which the one who asks may invite; to a stranger it does not exist.

    Raises ``SignInFirst``, ``NotFound`` or ``RoleNotAllowed``.
    """
    reader.principal.require_signed_in()
    invitation = await repository.find(reader, invitation_id)
    if invitation is None:
        raise NotFound
    return invitation, await organizations.require(reader, "INVITE_MEMBER", invitation.organization_id)


async def received_by_viewer(reader: Reader, named: Named) -> tuple[Invitation, Organization, User]:
    """Return an invitation of a live organization to the one who asks; to anybody else it does not exist.

    Raises ``SignInFirst`` or ``NoSuchInvitation``.
    """
    reader.principal.require_signed_in()
    viewer = await viewer_of(reader)
    invitation = await _find(reader, named)
    if viewer is None or invitation is None or invitation.email_key != viewer.email_key:
        raise NoSuchInvitation
    return invitation, await _organization_of(reader, invitation), viewer


async def received_by_mail(reader: Reader, named: Named) -> tuple[Invitation, Organization]:
    """Return an invitation for whoever holds the token of its mail, signed in or not. Raises ``NoSuchInvitation``."""
    invitation = await _find(reader, named)
    if invitation is None:
        raise NoSuchInvitation
    return invitation, await _organization_of(reader, invitation)


async def waiting_for_viewer(reader: Reader, page: Page) -> list[Received]:
    """Return a page of the invitations that wait for the address of the one who asks, and one more where there is one."""
    viewer = await viewer_of(reader)
    if viewer is None:
        return []
    waiting = await repository.find_waiting(reader, viewer.email_key, page)
    live = await organizations.live_organizations(reader, [each.organization_id for each in waiting])
    inviters = await accounts.find_users(reader, {each.invited_by for each in waiting})
    return [
        Received(each, live[each.organization_id], inviters[each.invited_by].name if each.invited_by in inviters else None)
        for each in waiting
        if each.organization_id in live
    ]


async def inviter_of(reader: Reader, invitation: Invitation) -> User | None:
    """Return who invited, if they still have rights there (to be told what became of it)."""
    within = [invitation.organization_id]
    if invitation.organization_id not in await organizations.standings_in_force(reader, invitation.invited_by, within):
        return None
    return await accounts.find_user(reader, invitation.invited_by)


async def is_member(reader: Reader, organization: Organization, user_id: str) -> bool:
    """Say whether a user belongs to an organization (for deciding; never shown)."""
    return organization.id in await organizations.standings_of(reader, user_id, [organization.id])


async def page_of(reader: Reader, organization: Organization, page: Page) -> list[Invitation]:
    """Return a page of invitations, the newest first (and one more where there is one), for those who may invite."""
    return await repository.find_page(reader, organization.id, page)


async def count_of(reader: Reader, organization: Organization) -> int:
    """Return how many invitations there are, for those who may invite."""
    return await repository.count(reader, organization.id)


async def _find(reader: Reader, named: Named) -> Invitation | None:
    if named.token is not None:
        return await repository.find_by_token(reader, fingerprint(named.token))
    return await repository.find(reader, named.invitation_id or "")


async def _organization_of(reader: Reader, invitation: Invitation) -> Organization:
    live = await organizations.live_organizations(reader, [invitation.organization_id])
    if invitation.organization_id not in live:
        raise NoSuchInvitation
    return live[invitation.organization_id]
