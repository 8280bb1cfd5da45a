"""The door to applications: through the organization that each belongs to."""

from collections.abc import Sequence

from chassis.errors import NotFound
from chassis.mongo import Reader
from chassis.paging import Page
from services.identity.applications import repository
from services.identity.applications.domain import Application
from services.identity.organizations import access as organizations


async def require(reader: Reader, action: str, application_id: str) -> Application:
    """Return an application, if the role in its organization allows the action; to a stranger it does not exist.

    Raises ``SignInFirst``, ``NotFound`` or ``RoleNotAllowed``.
    """
    reader.principal.require_signed_in()
    application = await repository.find(reader, {"_id": application_id})
    if application is None:
        raise NotFound
    await organizations.require(reader, action, application.organization_id)
    return application


async def visible(reader: Reader, ids: Sequence[str]) -> dict[str, Application]:
    """Return by id those of the applications that the one who asks may see."""
    if reader.principal.is_anonymous:
        return {}
    found = await repository.find_all(reader, ids)
    standings = await organizations.own_standings(reader, [each.organization_id for each in found.values()])
    may_see = {key for key, standing in standings.items() if standing.may("LIST_APPLICATIONS")}
    return {key: each for key, each in found.items() if each.organization_id in may_see}


async def page_of(reader: Reader, organization_id: str, search: str | None, page: Page) -> tuple[list[Application], int]:
    """Return a page of an organization's applications and their whole number, for those who may list them."""
    applications = await repository.find_page(reader, organization_id, search, page)
    if page.after is None and len(applications) <= page.first:
        return applications, len(applications)
    return applications, await repository.count(reader, organization_id, search)


async def organizations_of(reader: Reader, ids: Sequence[str]) -> dict[str, str]:
    """Return the organization's id of each application (for deciding; never shown)."""
    found = await repository.find_all(reader, ids)
    return {key: each.organization_id for key, each in found.items()}


async def live_application(reader: Reader, application_id: str) -> Application | None:
    """Return a live application (for the platform's own work)."""
    return await repository.find(reader, {"_id": application_id})


async def due_ids(reader: Reader) -> list[str]:
    """Return the ids of applications of whose secrets time has changed something (for the platform's own work)."""
    return await repository.find_due(reader)


async def application_of_client(reader: Reader, client_id: str) -> Application | None:
    """Return the live application, of a live organization, that has a Client ID (for the authorization server)."""
    application = await repository.find(reader, {"client_id": client_id})
    if application is None or not await organizations.is_live(reader, application.organization_id):
        return None
    return application
