"""How to ask about organizations, members and invitations."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field
from starlette.routing import BaseRoute

from chassis.paging import Page, connection, read_page
from chassis.web import Asked, Edge, Json, Routes
from services.identity.inputs import EmailAddress, Input, Name
from services.identity.mail.actions import PostOffice
from services.identity.organizations import access, actions
from services.identity.organizations.access import Member, Standing
from services.identity.organizations.domain import Invitation, Organization
from services.identity.organizations.roles import Role


class CreateOrganization(Input):
    """What ``create_organization`` takes."""

    name: Name


class RenameOrganization(Input):
    """What ``rename_organization`` takes."""

    organization_id: str
    name: Name


class InviteMember(Input):
    """What ``invite_member`` takes."""

    organization_id: str
    email: EmailAddress
    role: Role


class AcceptInvitation(Input):
    """What ``accept_invitation`` takes."""

    token: str = Field(max_length=200)


class ChangeRole(Input):
    """What ``change_role`` takes."""

    organization_id: str
    user_id: str
    role: Role


class RemoveMember(Input):
    """What ``remove_member`` takes."""

    organization_id: str
    user_id: str


def organization_row(organization: Organization) -> dict[str, Any]:
    """Return an organization as its members see it."""
    return {
        "id": organization.id,
        "name": organization.name,
        "is_test": organization.is_test,
        "created_at": organization.created_at,
    }


def _member_row(member: Member) -> dict[str, Any]:
    membership, user = member.membership, member.user
    return {
        "id": membership.id,
        "role": member.role,
        "user_id": user.id,
        "organization_id": membership.organization_id,
        "since": membership.since,
        "user": {"id": user.id, "name": user.name, "email": user.email},
    }


def _invitation_row(invitation: Invitation, now: datetime) -> dict[str, Any]:
    return {
        "id": invitation.id,
        "organization_id": invitation.organization_id,
        "email": invitation.email,
        "role": invitation.role,
        "status": invitation.status(now),
        "expires_at": invitation.expires_at,
    }


class _Handlers:
    def __init__(self, office: PostOffice, invitation_ttl: timedelta) -> None:
        self._office = office
        self._invitation_ttl = invitation_ttl

    async def create_organization(self, asked: Asked) -> Json:
        given = asked.read(CreateOrganization)
        organization = await asked.transact(lambda tx: actions.create_organization(tx, given.name))
        return organization_row(organization)

    async def rename_organization(self, asked: Asked) -> Json:
        given = asked.read(RenameOrganization)
        organization = await asked.transact(lambda tx: actions.rename_organization(tx, given.organization_id, given.name))
        return organization_row(organization)

    async def invite_member(self, asked: Asked) -> Json:
        given = asked.read(InviteMember)
        invitee = actions.Invitee(given.email, given.role, self._invitation_ttl)
        invitation = await asked.transact(lambda tx: actions.invite_member(tx, given.organization_id, invitee, self._office))
        return _invitation_row(invitation, invitation.created_at)

    async def accept_invitation(self, asked: Asked) -> Json:
        given = asked.read(AcceptInvitation)
        member = await asked.transact(lambda tx: actions.accept_invitation(tx, given.token))
        return _member_row(member)

    async def change_role(self, asked: Asked) -> Json:
        given = asked.read(ChangeRole)
        member = await asked.transact(lambda tx: actions.change_role(tx, given.organization_id, given.user_id, given.role))
        return _member_row(member)

    async def remove_member(self, asked: Asked) -> Json:
        given = asked.read(RemoveMember)
        removed = await asked.transact(lambda tx: actions.remove_member(tx, given.organization_id, given.user_id))
        return {"organization_id": removed.organization_id, "user_id": removed.user_id}


async def _memberships_of_viewer(asked: Asked) -> Json:
    members = await access.own_memberships(asked.reader())
    return [[_member_row(member) for member in members] for _ in asked.keys]


async def _users_by_id(asked: Asked) -> Json:
    ids = asked.ids
    users = await access.visible_users(asked.reader(), ids)
    return [
        {"id": users[user_id].id, "name": users[user_id].name, "email": users[user_id].email} if user_id in users else None
        for user_id in ids
    ]


async def _organizations_by_id(asked: Asked) -> Json:
    ids = asked.ids
    standings = await access.own_standings(asked.reader(), ids)
    visible = {key: each for key, each in standings.items() if each.may("VIEW_ORGANIZATION")}
    return [organization_row(visible[key].organization) if key in visible else None for key in ids]


async def _memberships_by_organization(asked: Asked) -> Json:
    ids = asked.ids
    page = read_page(asked.args.get("first"), asked.args.get("after"))
    standings = await access.own_standings(asked.reader(), ids)
    return await asyncio.gather(*(_members_page(asked, standings.get(key), page) for key in ids))


async def _members_page(asked: Asked, standing: Standing | None, page: Page) -> Json:
    if standing is None or not standing.may("VIEW_ORGANIZATION"):
        return None
    members = await access.members_of(asked.reader(), standing.organization, page)
    total = await access.count_members(asked.reader(), standing.organization)
    return connection([_member_row(member) for member in members], page, lambda row: (row["id"],), total=total)


async def _invitations_by_organization(asked: Asked) -> Json:
    ids = asked.ids
    standings = await access.own_standings(asked.reader(), ids)
    return await asyncio.gather(*(_invitations(asked, standings.get(key)) for key in ids))


async def _invitations(asked: Asked, standing: Standing | None) -> Json:
    if standing is None or not standing.may("INVITE_MEMBER"):
        return None
    reader = asked.reader()
    return [_invitation_row(each, reader.now) for each in await access.invitations_of(reader, standing.organization)]


def routes(edge: Edge, office: PostOffice, invitation_ttl: timedelta) -> list[BaseRoute]:
    """Return the routes of organizations."""
    handlers = _Handlers(office, invitation_ttl)
    r = Routes(edge)
    r.do("create_organization", handlers.create_organization)
    r.do("rename_organization", handlers.rename_organization)
    r.do("invite_member", handlers.invite_member)
    r.do("accept_invitation", handlers.accept_invitation)
    r.do("change_role", handlers.change_role)
    r.do("remove_member", handlers.remove_member)
    r.load("memberships_of_viewer", _memberships_of_viewer)
    r.load("users_by_id", _users_by_id)
    r.load("organizations_by_id", _organizations_by_id)
    r.load("memberships_by_organization", _memberships_by_organization)
    r.load("invitations_by_organization", _invitations_by_organization)
    return r.collected
