"""Informing people: their letters are put among the mails that wait, with the marker that the announcement was heard."""

from collections.abc import Mapping
from dataclasses import dataclass

from chassis.messages import Heard
from chassis.mongo import Transaction
from services.identity.accounts import repository as accounts
from services.identity.accounts.domain import User
from services.identity.applications.access import live_application
from services.identity.mail.actions import PostOffice, post
from services.identity.members import access as members
from services.identity.organizations import access as organizations
from services.identity.organizations.domain import Organization
from services.identity.staff import access as staff
from services.identity.telling import repository
from services.identity.telling.domain import MOST_LETTERS, OLD, News, Side, Telling, Whom, most_each, tellings_of
from services.identity.telling.texts import FRAME, Names, words_of


@dataclass(frozen=True, slots=True)
class NewsDesk:
    """What informing people takes: who posts letters, and whose addresses the setting names as administrators."""

    post_office: PostOffice
    operator_keys: frozenset[str]


async def inform_people(tx: Transaction, heard: Heard, desk: NewsDesk) -> None:
    """Write to everybody whom an announcement concerns, once each and in their language; never to who did it.

    What is old is no news: whatever is announced again long afterwards is not told again.
    """
    if tx.now - heard.time >= OLD:
        return
    news = await _read(tx, heard)
    told = tellings_of(news)
    if not told:
        return
    live = await organizations.live_organizations(tx, _organizations_in(news))
    names = await _names(tx, news, live)
    written = {heard.actor}
    for telling in told:
        for user in await _people(tx, telling, news, live, desk=desk):
            if user.id not in written:
                written.add(user.id)
                words = words_of(telling, news, names, user.language)
                await post(tx, desk.post_office, FRAME, user.email, language=user.language, name=user.name, **words)


async def _read(tx: Transaction, heard: Heard) -> News:
    recipient = heard.data.get("organization_id")
    by_recipient = False
    if isinstance(recipient, str) and heard.actor is not None:
        by_recipient = recipient in await organizations.standings_of(tx, heard.actor, [recipient])
    return News(heard.key, heard.data, heard.actor, by_recipient)


def _organizations_in(news: News) -> list[str]:
    parties = [news.text("organization_id"), news.text("provider_id")]
    return [*(each for each in parties if each), *news.texts("affected_organization_ids")]


async def _names(tx: Transaction, news: News, live: Mapping[str, Organization]) -> Names:
    def name_of(field: str) -> str | None:
        organization = live.get(news.text(field) or "")
        return organization.name if organization else None

    application = await live_application(tx, news.text("application_id") or "")
    title, titles = await repository.find_titles(tx, news.text("product_id") or "")
    return Names(
        recipient=name_of("organization_id"),
        provider=name_of("provider_id"),
        application=application.name if application else None,
        product=title,
        product_in=titles,
    )


async def _people(
    tx: Transaction, telling: Telling, news: News, live: Mapping[str, Organization], *, desk: NewsDesk
) -> list[User]:
    found: list[User] = []
    for whom in telling.to:
        if whom.side in (Side.RECIPIENT, Side.PROVIDER, Side.AFFECTED):
            found += await _members(tx, whom, _organizations_of(whom, news), live)
        elif whom.role is not None:
            found += await staff.in_roles(tx, [whom.role], desk.operator_keys, most=MOST_LETTERS)
        else:
            found += await _person(tx, whom, news, desk)
    return found


def _organizations_of(whom: Whom, news: News) -> list[str]:
    if whom.side is Side.AFFECTED:
        return list(dict.fromkeys(news.texts("affected_organization_ids")))
    named = news.text("organization_id" if whom.side is Side.RECIPIENT else "provider_id")
    return [named] if named else []


async def _members(tx: Transaction, whom: Whom, organization_ids: list[str], live: Mapping[str, Organization]) -> list[User]:
    concerned = [live[each] for each in organization_ids if each in live]
    most = most_each(len(concerned))
    found: list[User] = []
    for organization in concerned:
        found += await members.people_who_may(tx, organization, whom.action, most=most)
    return found


async def _person(tx: Transaction, whom: Whom, news: News, desk: NewsDesk) -> list[User]:
    if whom.side is Side.NAMED:
        user_id = news.text("user_id")
    else:
        user_id = news.text("representative_id") or await repository.find_representative(tx, news.text("request_id") or "")
    user = await accounts.find_user(tx, user_id) if user_id else None
    is_staff = user is not None and bool(user.platform_roles(desk.operator_keys))
    return [user] if user is not None and (is_staff or whom.side is Side.NAMED) else []
