"""How to ask about applications."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.routing import BaseRoute

from chassis.errors import invalid
from chassis.mongo import Reader
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


class DeleteApplication(Input):
    """What ``delete_application`` takes."""

    application_id: str


SecretRows = Callable[[Reader, Sequence[Application]], Awaitable[dict[str, list[Json]]]]
"""Gives by application id the rows of its secrets; secrets are a noun above this one."""


def _row(application: Application, secrets: Sequence[Json]) -> dict[str, Any]:
    return {
        "id": application.id,
        "organization_id": application.organization_id,
        "name": application.name,
        "description": application.description,
        "client_id": application.client_id,
        "created_at": application.created_at,
        "secrets": list(secrets),
    }


async def rows_of(reader: Reader, applications: Sequence[Application], secret_rows: SecretRows) -> list[dict[str, Any]]:
    """Return applications as they are shown, with their secrets."""
    secrets = await secret_rows(reader, applications)
    return [_row(each, secrets[each.id]) for each in applications]


class _Handlers:
    def __init__(self, pepper: Pepper, secret_rows: SecretRows) -> None:
        self._pepper = pepper
        self._secret_rows = secret_rows

    async def _row(self, asked: Asked, application: Application) -> Json:
        [row] = await rows_of(asked.reader(), [application], self._secret_rows)
        return row

    async def create_application(self, asked: Asked) -> Json:
        given = asked.read(CreateApplication)
        wanted = actions.Wanted(given.name, given.description)
        keyed = await asked.transact(lambda tx: actions.create_application(tx, given.organization_id, wanted, self._pepper))
        return {"application": await self._row(asked, keyed.application), "client_secret": keyed.client_secret}

    async def change_application(self, asked: Asked) -> Json:
        given = asked.read(ChangeApplication)
        description = (given.description or "") if "description" in given.model_fields_set else None
        application = await asked.transact(
            lambda tx: actions.change_application(tx, given.application_id, given.name, description)
        )
        return await self._row(asked, application)

    async def delete_application(self, asked: Asked) -> Json:
        given = asked.read(DeleteApplication)
        application = await asked.transact(lambda tx: actions.delete_application(tx, given.application_id))
        return {"id": application.id}

    async def applications_by_id(self, asked: Asked) -> Json:
        ids, reader = asked.ids, asked.reader()
        found = list((await access.visible(reader, ids)).values())
        rows = {row["id"]: row for row in await rows_of(reader, found, self._secret_rows)}
        return [rows.get(key) for key in ids]

    async def applications_by_organization(self, asked: Asked) -> Json:
        ids, search = asked.ids, asked.args.get("search")
        page = read_page(asked.args.get("first"), asked.args.get("after"))
        if search is not None and not (isinstance(search, str) and len(search) <= 200):
            raise invalid("search", "give at most 200 characters")
        standings = await organizations.own_standings(asked.reader(), ids)
        return await asyncio.gather(*(self._page(asked, standings.get(key), search, page) for key in ids))

    async def _page(self, asked: Asked, standing: Standing | None, search: str | None, page: Page) -> Json:
        if standing is None or not standing.may("LIST_APPLICATIONS"):
            return None
        reader = asked.reader()
        applications, total = await access.page_of(reader, standing.organization.id, search, page)
        rows = await rows_of(reader, applications, self._secret_rows)
        return connection(rows, page, lambda row: (key_of(row["name"]),), total=total)


def routes(edge: Edge, pepper: Pepper, secret_rows: SecretRows) -> list[BaseRoute]:
    """Return the routes of applications."""
    handlers = _Handlers(pepper, secret_rows)
    r = Routes(edge)
    r.do("create_application", handlers.create_application)
    r.do("change_application", handlers.change_application)
    r.do("delete_application", handlers.delete_application)
    r.load("applications_by_id", handlers.applications_by_id)
    r.load("applications_by_organization", handlers.applications_by_organization)
    return r.collected
