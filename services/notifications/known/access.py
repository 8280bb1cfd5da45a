"""The door to people: who is meant by a role, an action or an id. What was not announced yet is waited for, never passed over."""

from collections.abc import Sequence
from datetime import datetime

from chassis.mongo import Reader
from services.notifications.known import repository
from services.notifications.known.domain import DEFAULT_LANGUAGE, NotAnnouncedYet, Person


async def people(reader: Reader, user_ids: Sequence[str]) -> list[Person]:
    """Return people by id, in this order and without who is erased. Raises ``NotAnnouncedYet``."""
    known = await repository.find_people(reader, user_ids)
    missing = [each for each in user_ids if each not in known]
    if missing:
        raise NotAnnouncedYet(f"Of the user {missing[0]} it was not announced yet how they are reached.")
    found = (known[each] for each in dict.fromkeys(user_ids))
    return [each for each in found if each is not None]


async def people_who_may(reader: Reader, organization_id: str, action: str, *, most: int) -> list[Person]:
    """Return members whose role allows an action, the oldest member first; nobody of an organization that is gone.

    Raises ``NotAnnouncedYet``: of the organization, of its members (there is always an Owner), of the roles, or of a person.
    """
    names = await repository.find_organizations(reader, [organization_id])
    if organization_id not in names:
        raise NotAnnouncedYet(f"The organization {organization_id} was not announced yet.")
    if names[organization_id] is None:
        return []
    roles = await repository.find_roles_that_allow(reader, action)
    if roles is None or not await repository.has_members(reader, organization_id):
        raise NotAnnouncedYet(f"The members of the organization {organization_id} were not announced yet, or what they may do.")
    return await people(reader, await repository.find_members(reader, organization_id, roles, most))


async def staff(reader: Reader, *roles: str, most: int) -> list[Person]:
    """Return who holds one of these roles on the platform itself, the oldest account first."""
    return await repository.find_staff(reader, roles, most)


async def representative(reader: Reader, request_id: str) -> str | None:
    """Return who looks after a connection request for the operator, or None where that is not known."""
    return await repository.find_representative(reader, request_id)


async def mail_refused_at(reader: Reader, user_id: str) -> datetime | None:
    """Return since when a mail server takes no mail for somebody, or None where it does."""
    return await repository.find_refused_at(reader, user_id)


async def language_of(reader: Reader, user_id: str) -> str:
    """Return the language in which somebody reads; that of the platform where it was not announced yet."""
    person = (await repository.find_people(reader, [user_id])).get(user_id)
    return person.language if person is not None else DEFAULT_LANGUAGE
