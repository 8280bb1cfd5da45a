"""How to ask about members."""

import asyncio
from typing import Any

from starlette.routing import BaseRoute

from chassis.paging import Page, connection, read_page
from chassis.web import Asked, Edge, Json, Routes
from services.identity.inputs import Input
from services.identity.members import access, actions
from services.identity.members.access import Member
from services.identity.organizations.access import Standing, own_standings
from services.identity.organizations.roles import Role


class ChangeRole(Input):
    """What ``change_role`` takes."""

    organization_id: str
    user_id: str
    role: Role


class RemoveMember(Input):
    """What ``remove_member`` takes."""

    organization_id: str
    user_id: str


class LeaveOrganization(Input):
    """What ``leave_organization`` takes."""

    organization_id: str


def member_row(member: Member) -> dict[str, Any]:
    """Return a member as the fellow members see them."""
    membership, user = member.membership, member.user
    return {
        "id": membership.id,
        "role": member.role,
        "user_id": user.id,
        "organization_id": membership.organization_id,
        "since": membership.since,
        "suspended_at": None if member.role is Role.OWNER else membership.suspended_at,
        "user": {"id": user.id, "name": user.name, "email": user.email},
    }


async def _change_role(asked: Asked) -> Json:
    given = asked.read(ChangeRole)
    member = await asked.transact(lambda tx: actions.change_role(tx, given.organization_id, given.user_id, given.role))
    return member_row(member)


async def _remove_member(asked: Asked) -> Json:
    given = asked.read(RemoveMember)
    removed = await asked.transact(lambda tx: actions.remove_member(tx, given.organization_id, given.user_id))
    return {"organization_id": removed.organization_id, "user_id": removed.user_id}


async def _leave_organization(asked: Asked) -> Json:
    given = asked.read(LeaveOrganization)
    ended = await asked.transact(lambda tx: actions.leave_organization(tx, given.organization_id))
    return {"organization_id": ended.organization_id, "user_id": ended.user_id}


async def _memberships_of_viewer(asked: Asked) -> Json:
    members = await access.own_memberships(asked.reader())
    return [[member_row(member) for member in members] for _ in asked.keys]


async def _users_by_id(asked: Asked) -> Json:
    ids = asked.ids
    users = await access.visible_users(asked.reader(), ids)
    return [
        {"id": users[user_id].id, "name": users[user_id].name, "email": users[user_id].email} if user_id in users else None
        for user_id in ids
    ]


async def _memberships_by_organization(asked: Asked) -> Json:
    ids = asked.ids
    page = read_page(asked.args.get("first"), asked.args.get("after"))
    standings = await own_standings(asked.reader(), ids)
    return await asyncio.gather(*(_members_page(asked, standings.get(key), page) for key in ids))


async def _members_page(asked: Asked, standing: Standing | None, page: Page) -> Json:
    if standing is None or not standing.may("VIEW_ORGANIZATION"):
        return None
    members = await access.members_of(asked.reader(), standing.organization, page)
    total = await access.count_members(asked.reader(), standing.organization)
    return connection([member_row(member) for member in members], page, lambda row: (row["id"],), total=total)


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes of members."""
    r = Routes(edge)
    r.do("change_role", _change_role)
    r.do("remove_member", _remove_member)
    r.do("leave_organization", _leave_organization)
    r.load("memberships_of_viewer", _memberships_of_viewer)
    r.load("users_by_id", _users_by_id)
    r.load("memberships_by_organization", _memberships_by_organization)
    return r.collected
