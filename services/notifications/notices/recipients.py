"""Who is told: from the row of the table to people, each once, with the organization in which it concerns them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.mongo import Reader
from services.notifications.known import access as known
from services.notifications.known import repository as copies
from services.notifications.known.domain import DEFAULT_LANGUAGE, LANGUAGES, Person
from services.notifications.notices.domain import MOST_TOLD, News, Side, Telling, Whom, most_each


@dataclass(frozen=True, slots=True)
class Reached:
    """Somebody who is told: with an account, in an organization or none; or at an address alone."""

    person: Person | None
    organization_id: str | None = None
    address: str | None = None
    name: str = ""
    language: str = DEFAULT_LANGUAGE

    @property
    def key(self) -> str:
        """Return what nobody else has."""
        return self.person.id if self.person is not None else f"mailto:{self.address}"


async def reached_by(reader: Reader, telling: Telling, news: News) -> list[Reached]:
    """Return whom a row of the table means. Raises ``NotAnnouncedYet``: then nobody is told yet."""
    found: list[Reached] = []
    behind = news.text("organization_id") if telling.about_organization else None
    for whom in telling.to:
        if whom.side in (Side.RECIPIENT, Side.PROVIDER, Side.AFFECTED):
            found += await _members(reader, whom, _organizations_of(whom, news))
        elif whom.side is Side.STAFF:
            found += [Reached(each) for each in await known.staff(reader, whom.role, most=MOST_TOLD)]
        elif whom.side is Side.ADDRESSED:
            found += await _addressed(reader, whom, news, behind)
        else:
            found += await _named(reader, whom, news, behind)
    return found


def _organizations_of(whom: Whom, news: News) -> list[str]:
    if whom.side is Side.AFFECTED:
        return list(dict.fromkeys(news.texts("affected_organization_ids")))
    named = news.text("organization_id" if whom.side is Side.RECIPIENT else "provider_id")
    return [named] if named else []


async def _members(reader: Reader, whom: Whom, organization_ids: Sequence[str]) -> list[Reached]:
    names = await copies.find_organizations(reader, organization_ids)
    concerned = [each for each in organization_ids if each not in names or names[each] is not None]
    most = most_each(len(concerned))
    found: list[Reached] = []
    for organization_id in concerned:
        people = await known.people_who_may(reader, organization_id, whom.action, most=most)
        found += [Reached(each, organization_id) for each in people]
    return found


async def _named(reader: Reader, whom: Whom, news: News, behind: str | None) -> list[Reached]:
    if whom.side is Side.NAMED:
        user_id = news.text(whom.field)
    else:
        user_id = news.text("representative_id") or await known.representative(reader, news.text("request_id") or "")
    people = await known.people(reader, [user_id]) if user_id else []
    return [Reached(each, behind) for each in people if each.is_staff or whom.side is Side.NAMED]


async def _addressed(reader: Reader, whom: Whom, news: News, behind: str | None) -> list[Reached]:
    found: list[Reached] = []
    for each in _listed(news.sealed.get(whom.field)):
        user_id, address = each.get("user_id"), each.get("address")
        if isinstance(user_id, str):
            found += [Reached(person, behind) for person in await known.people(reader, [user_id])]
        elif isinstance(address, str):
            language = each.get("language")
            said_in = language if language in LANGUAGES else DEFAULT_LANGUAGE
            found.append(Reached(None, behind, address, name=str(each.get("name") or ""), language=str(said_in)))
    return found


def _listed(told: Any) -> Iterator[dict[str, Any]]:
    for each in told if isinstance(told, list) else []:
        if isinstance(each, dict):
            yield each
