"""How to ask about invitations."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.paging import Page, connection, read_page
from chassis.web import Asked, Edge, Json, Routes
from services.identity.inputs import EmailAddress, Input
from services.identity.invitations import access, actions
from services.identity.invitations.access import Named, Received
from services.identity.invitations.domain import Invitation
from services.identity.mail.actions import PostOffice
from services.identity.members.routes import member_row
from services.identity.organizations.access import Standing, own_standings
from services.identity.organizations.roles import Role


class InviteMember(Input):
    """What ``invite_member`` takes."""

    organization_id: str
    email: EmailAddress
    role: Role


class OfInvitation(Input):
    """What ``resend_invitation`` and ``revoke_invitation`` take."""

    invitation_id: str


class AnswerInvitation(Input):
    """What ``accept_invitation`` and ``decline_invitation`` take: one of the two."""

    invitation_id: str | None = Field(None, max_length=200)
    token: str | None = Field(None, max_length=200)

    @property
    def named(self) -> Named:
        """Return how the invitation is named. Raises ``NameOneInvitation``."""
        return Named(self.invitation_id, self.token)


def _row(invitation: Invitation, now: datetime) -> dict[str, Any]:
    return {
        "id": invitation.id,
        "organization_id": invitation.organization_id,
        "email": invitation.email,
        "role": invitation.role,
        "status": invitation.status(now),
        "invited_by": invitation.invited_by,
        "created_at": invitation.created_at,
        "expires_at": invitation.expires_at,
    }


def _received_row(received: Received) -> dict[str, Any]:
    invitation = received.invitation
    return {
        "id": invitation.id,
        "role": invitation.role,
        "expires_at": invitation.expires_at,
        "organization_name": received.organization.name,
        "inviter_name": received.inviter,
    }


class _Handlers:
    def __init__(self, office: PostOffice, ttl: timedelta) -> None:
        self._office = office
        self._ttl = ttl

    async def invite_member(self, asked: Asked) -> Json:
        given = asked.read(InviteMember)
        invitee = actions.Invitee(given.email, given.role, self._ttl)
        invitation = await asked.transact(lambda tx: actions.invite_member(tx, given.organization_id, invitee, self._office))
        return _row(invitation, invitation.created_at)

    async def resend_invitation(self, asked: Asked) -> Json:
        given = asked.read(OfInvitation)
        invitation = await asked.transact(lambda tx: actions.resend_invitation(tx, given.invitation_id, self._ttl, self._office))
        return _row(invitation, asked.reader().now)

    async def revoke_invitation(self, asked: Asked) -> Json:
        given = asked.read(OfInvitation)
        invitation = await asked.transact(lambda tx: actions.revoke_invitation(tx, given.invitation_id))
        return _row(invitation, asked.reader().now)

    async def accept_invitation(self, asked: Asked) -> Json:
        named = asked.read(AnswerInvitation).named
        return member_row(await asked.transact(lambda tx: actions.accept_invitation(tx, named, self._office)))

    async def decline_invitation(self, asked: Asked) -> Json:
        named = asked.read(AnswerInvitation).named
        invitation = await asked.transact(lambda tx: actions.decline_invitation(tx, named, self._office))
        return {"id": invitation.id}


async def _invitations_by_organization(asked: Asked) -> Json:
    ids = asked.ids
    page = read_page(asked.args.get("first"), asked.args.get("after"))
    standings = await own_standings(asked.reader(), ids)
    return await asyncio.gather(*(_page(asked, standings.get(key), page) for key in ids))


async def _page(asked: Asked, standing: Standing | None, page: Page) -> Json:
    if standing is None or not standing.may("INVITE_MEMBER"):
        return None
    reader = asked.reader()
    rows = [_row(each, reader.now) for each in await access.page_of(reader, standing.organization, page)]
    total = await access.count_of(reader, standing.organization)
    return connection(rows, page, lambda row: (row["id"],), total=total)


async def _invitations_of_viewer(asked: Asked) -> Json:
    page = read_page(asked.args.get("first"), asked.args.get("after"))
    if asked.principal.is_anonymous:
        return [None for _ in asked.keys]
    rows = [_received_row(each) for each in await access.waiting_for_viewer(asked.reader(), page)]
    return [connection(rows, page, lambda row: (row["id"],)) for _ in asked.keys]


def routes(edge: Edge, office: PostOffice, ttl: timedelta) -> list[BaseRoute]:
    """Return the routes of invitations; ``ttl`` is how long one is good."""
    handlers = _Handlers(office, ttl)
    r = Routes(edge)
    r.do("invite_member", handlers.invite_member)
    r.do("resend_invitation", handlers.resend_invitation)
    r.do("revoke_invitation", handlers.revoke_invitation)
    r.do("accept_invitation", handlers.accept_invitation)
    r.do("decline_invitation", handlers.decline_invitation)
    r.load("invitations_by_organization", _invitations_by_organization)
    r.load("invitations_of_viewer", _invitations_of_viewer)
    return r.collected
