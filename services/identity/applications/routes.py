"""How to ask about applications."""

import asyncio
from typing import Any

from starlette.routing import BaseRoute

from chassis.errors import invalid
from chassis.paging import Page, connection, read_page
from chassis.web import Asked, Edge, Json, Routes
from services.identity.applications import access, actions
from services.identity.applications.domain import Application
from services.identity.inputs import Description, Input, Name, key_of
from services.identity.keys import Pepper
from services.identity.organizations import access as organizations
from services.identity.organizations.access import Standing


class CreateApplication(Input):
    """What ``create_application`` takes."""

    organization_id: str
    name: Name
    description: Description | None = None


class ChangeApplication(Input):
    """What ``change_application`` takes; what is left out stays, and a description that is null or empty goes."""

    application_id: str
    name: Name | None = None
    description: Description | None = None


class OfApplication(Input):
    """What ``delete_application`` and ``rotate_secret`` take."""

    application_id: str


def _row(application: Application) -> dict[str, Any]:
    return {
        "id": application.id,
        "organization_id": application.organization_id,
        "name": application.name,
        "description": application.description,
        "client_id": application.client_id,
        "created_at": application.created_at,
        "secrets": [
            {"id": secret.id, "hint": secret.hint, "created_at": secret.created_at, "retired_at": secret.retired_at}
            for secret in application.secrets
        ],
    }


class _Handlers:
    def __init__(self, pepper: Pepper) -> None:
        self._pepper = pepper

    async def create_application(self, asked: Asked) -> Json:
        given = asked.read(CreateApplication)
        wanted = actions.Wanted(given.name, given.description)
        keyed = await asked.transact(lambda tx: actions.create_application(tx, given.organization_id, wanted, self._pepper))
        return {"application": _row(keyed.application), "client_secret": keyed.client_secret}

    async def change_application(self, asked: Asked) -> Json:
        given = asked.read(ChangeApplication)
        description = (given.description or "") if "description" in given.model_fields_set else None
        application = await asked.transact(
            lambda tx: actions.change_application(tx, given.application_id, given.name, description)
        )
        return _row(application)

    async def delete_application(self, asked: Asked) -> Json:
        given = asked.read(OfApplication)
        application = await asked.transact(lambda tx: actions.delete_application(tx, given.application_id))
        return {"id": application.id}

    async def rotate_secret(self, asked: Asked) -> Json:
        given = asked.read(OfApplication)
        keyed = await asked.transact(lambda tx: actions.rotate_secret(tx, given.application_id, self._pepper))
        return {"application": _row(keyed.application), "client_secret": keyed.client_secret}


async def _applications_by_id(asked: Asked) -> Json:
    ids = asked.ids
    found = await access.visible(asked.reader(), ids)
    return [_row(found[key]) if key in found else None for key in ids]


async def _applications_by_organization(asked: Asked) -> Json:
    ids = asked.ids
    page = read_page(asked.args.get("first"), asked.args.get("after"))
    search = asked.args.get("search")
    if search is not None and not (isinstance(search, str) and len(search) <= 200):
        raise invalid("search", "give at most 200 characters")
    standings = await organizations.own_standings(asked.reader(), ids)
    return await asyncio.gather(*(_page(asked, standings.get(key), search, page) for key in ids))


async def _page(asked: Asked, standing: Standing | None, search: str | None, page: Page) -> Json:
    if standing is None or not standing.may("LIST_APPLICATIONS"):
        return None
    applications, total = await access.page_of(asked.reader(), standing.organization.id, search, page)
    return connection([_row(each) for each in applications], page, lambda row: (key_of(row["name"]),), total=total)


def routes(edge: Edge, pepper: Pepper) -> list[BaseRoute]:
    """Return the routes of applications."""
    handlers = _Handlers(pepper)
    r = Routes(edge)
    r.do("create_application", handlers.create_application)
    r.do("change_application", handlers.change_application)
    r.do("delete_application", handlers.delete_application)
    r.do("rotate_secret", handlers.rotate_secret)
    r.load("applications_by_id", _applications_by_id)
    r.load("applications_by_organization", _applications_by_organization)
    return r.collected
