"""How to ask about organizations."""

from typing import Any

from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity.inputs import Input, Name
from services.identity.organizations import access, actions
from services.identity.organizations.domain import Organization


class CreateOrganization(Input):
    """What ``create_organization`` takes."""

    name: Name


class RenameOrganization(Input):
    """What ``rename_organization`` takes."""

    organization_id: str
    name: Name


class DeleteOrganization(Input):
    """What ``delete_organization`` takes: the organization, and its name typed again."""

    organization_id: str
    name: Name


class NameOwner(Input):
    """What ``transfer_ownership`` and ``change_owner`` take: who is to be the Owner."""

    organization_id: str
    user_id: str


def organization_row(organization: Organization) -> dict[str, Any]:
    """Return an organization as its members see it."""
    return {
        "id": organization.id,
        "name": organization.name,
        "is_test": organization.is_test,
        "owner_id": organization.owner_id,
        "created_at": organization.created_at,
    }


class _Handlers:
    async def create_organization(self, asked: Asked) -> Json:
        given = asked.read(CreateOrganization)
        organization = await asked.transact(lambda tx: actions.create_organization(tx, given.name))
        return organization_row(organization)

    async def rename_organization(self, asked: Asked) -> Json:
        given = asked.read(RenameOrganization)
        organization = await asked.transact(lambda tx: actions.rename_organization(tx, given.organization_id, given.name))
        return organization_row(organization)

    async def delete_organization(self, asked: Asked) -> Json:
        given = asked.read(DeleteOrganization)
        organization = await asked.transact(lambda tx: actions.delete_organization(tx, given.organization_id, given.name))
        return {"id": organization.id}

    async def transfer_ownership(self, asked: Asked) -> Json:
        given = asked.read(NameOwner)
        organization = await asked.transact(lambda tx: actions.transfer_ownership(tx, given.organization_id, given.user_id))
        return organization_row(organization)

    async def change_owner(self, asked: Asked) -> Json:
        given = asked.read(NameOwner)
        organization = await asked.transact(lambda tx: actions.change_owner(tx, given.organization_id, given.user_id))
        return organization_row(organization)


async def _organizations_by_id(asked: Asked) -> Json:
    ids = asked.ids
    standings = await access.own_standings(asked.reader(), ids)
    visible = {key: each for key, each in standings.items() if each.may("VIEW_ORGANIZATION")}
    return [organization_row(visible[key].organization) if key in visible else None for key in ids]


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes of organizations."""
    handlers = _Handlers()
    r = Routes(edge)
    r.do("create_organization", handlers.create_organization)
    r.do("rename_organization", handlers.rename_organization)
    r.do("delete_organization", handlers.delete_organization)
    r.do("transfer_ownership", handlers.transfer_ownership)
    r.do("change_owner", handlers.change_owner)
    r.load("organizations_by_id", _organizations_by_id)
    return r.collected
