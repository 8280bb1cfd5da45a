"""Informing people: their notices and mails are kept with the marker that the announcement was heard."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import orjson

from chassis.ids import new_id
from chassis.messages import Heard
from chassis.mongo import Reader, Transaction
from services.notifications.known import repository as known
from services.notifications.mail.actions import PostOffice, post_all
from services.notifications.mail.domain import Letter, To
from services.notifications.mail.letters import Words, write_letter
from services.notifications.notices import access, repository
from services.notifications.notices.domain import NOTICE_PREFIX, OLD, News, Notice, Telling, sent
from services.notifications.notices.recipients import Reached, reached_by
from services.notifications.notices.table import about_of, path_to, tellings_of
from services.notifications.notices.texts import say, texts_in
from services.notifications.preferences import access as preferences
from services.notifications.preferences import actions as choosing
from services.notifications.preferences.domain import ALWAYS_MAILED, Preferences, Topic
from services.notifications.sealing import SealNotBroken

PREFERENCES_PATH = "/notice-preferences"


@dataclass(frozen=True, slots=True)
class NewsDesk:
    """What informing people takes: who posts letters, and for how long a notice is kept."""

    post_office: PostOffice
    keep_for: timedelta = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Told:
    """One of those who are told of a piece of news, by which row of the table, in which words."""

    telling: Telling
    reached: Reached
    values: dict[str, Any]


async def inform_people(tx: Transaction, heard: Heard, desk: NewsDesk) -> None:
    """Tell everybody whom an announcement concerns, once each; never who did it, but for a receipt or their security.

    What is old is no news: whatever is announced again long afterwards is not told again. Raises ``NotAnnouncedYet`` where
    somebody is concerned of whom too little was announced: then nobody is told, and the announcement comes again.
    """
    if tx.now - heard.time >= OLD:
        return
    news = await _read(tx, heard, desk)
    told: list[Told] = []
    known_already: set[str | None] = set()
    tellings = tellings_of(news)
    values = await _values(tx, news) if tellings else {}
    for telling in tellings:
        for reached in await reached_by(tx, telling, news):
            if reached.key not in known_already and (telling.is_for_actor or reached.key != heard.actor):
                known_already.add(reached.key)
                told.append(Told(telling, reached, values))
    if told:
        await _tell(tx, news, told, desk)


async def _tell(tx: Transaction, news: News, told: Sequence[Told], desk: NewsDesk) -> None:
    notices = [_notice(each, news, tx.now) for each in told if each.reached.person is not None]
    if notices:
        await repository.add(tx, notices, desk.keep_for)
        await _announce(tx, notices)
    wishes = await preferences.of(tx, [each.user_id for each in notices])
    letters = [(_to(each), _letter(each, news, desk.post_office)) for each in told if _is_mailed(each, wishes)]
    await post_all(tx, desk.post_office, letters)


def _to(told: Told) -> To:
    person = told.reached.person
    return To(address=told.reached.address) if person is None else To(person.id)


def _is_mailed(told: Told, wishes: dict[str, Preferences]) -> bool:
    person = told.reached.person
    if not told.telling.has_letter:
        return False
    return person is None or wishes[person.id].wants_mail(told.telling.topic, told.reached.organization_id)


def _notice(told: Told, news: News, now: datetime) -> Notice:
    assert told.reached.person is not None
    return Notice(
        new_id(NOTICE_PREFIX),
        told.reached.person.id,
        told.telling.kind,
        told.telling.topic,
        organization_id=told.reached.organization_id,
        about=about_of(told.telling.place, news),
        path=path_to(told.telling.place, news),
        link=told.telling.link,
        values=told.values,
        created_at=now,
    )


def _letter(told: Told, news: News, office: PostOffice) -> Letter:
    reached, telling = told.reached, told.telling
    language, name = (reached.person.language, reached.person.name) if reached.person else (reached.language, reached.name)
    said = say(telling.kind, telling.link, told.values, language)
    path = path_to(telling.place, news) if reached.person is not None else "/sign-in"
    chosen = office.portal_url + PREFERENCES_PATH if _may_choose(reached, telling.topic) else None
    words = Words(
        said.title,
        name,
        said.paragraphs,
        language,
        action=said.action,
        action_url=office.portal_url + path,
        footer=_footer(reached, telling.topic, language),
        footer_url=chosen,
    )
    return write_letter(words, unsubscribe_url=chosen)


def _may_choose(reached: Reached, topic: Topic) -> bool:
    return reached.person is not None and topic not in ALWAYS_MAILED


def _footer(reached: Reached, topic: Topic, language: str) -> str:
    frame = texts_in(language)["frame"]
    if reached.person is None:
        return frame["unsaid"]
    return frame["always"] if topic in ALWAYS_MAILED else frame["choose"]


async def _announce(tx: Transaction, notices: Sequence[Notice]) -> None:
    """Announce what people were told, once for each kind and organization."""

    def place(notice: Notice) -> tuple[str, str]:
        return notice.kind, notice.organization_id or ""

    for _, group in groupby(sorted(notices, key=place), key=place):
        fact = sent(list(group))
        audience = [fact.organization_id] if fact.organization_id else []
        subject = fact.about or fact.notices[0].notice_id
        await tx.emit(fact, subject=subject, organization=fact.organization_id, audience=audience)


async def _read(tx: Transaction, heard: Heard, desk: NewsDesk) -> News:
    recipient = heard.data.get("organization_id")
    by_recipient = False
    if isinstance(recipient, str) and heard.actor is not None:
        by_recipient = await known.is_member(tx, recipient, heard.actor)
    return News(heard.key, heard.data, heard.actor, by_recipient, sealed=_unsealed(heard, desk.post_office))


def _unsealed(heard: Heard, office: PostOffice) -> dict[str, Any]:
    """Return what an announcement says to notifications alone; nothing where that was taken out since."""
    sealed = heard.data.get("sealed_told")
    if not isinstance(sealed, str) or not sealed:
        return {}
    try:
        told = orjson.loads(office.shared_seal.open(sealed, heard.subject))
    except (SealNotBroken, orjson.JSONDecodeError):
        return {}
    return told if isinstance(told, dict) else {}


async def _values(reader: Reader, news: News) -> dict[str, Any]:
    """Return what the words of a notice are made from; names are those of the moment in which it is told."""
    named = [each for name in ("organization_id", "provider_id") if (each := news.text(name))]
    names = await known.find_organizations(reader, named)
    people = await known.find_people(reader, [each for name in ("owner_id", "former_owner_id") if (each := news.text(name))])
    owner, former = people.get(news.text("owner_id") or ""), people.get(news.text("former_owner_id") or "")
    title = await known.find_title(reader, news.text("product_id") or "")
    values: dict[str, Any] = {
        "recipient": names.get(news.text("organization_id") or ""),
        "provider": names.get(news.text("provider_id") or ""),
        "application": await known.find_application_name(reader, news.text("application_id") or ""),
        "owner": owner.name if owner else None,
        "former_owner": former.name if former else None,
        "product": title.text,
        "product_in": dict(title.by_language),
        "document": news.text("kind"),
        "until": news.day("sunset_at") or news.day("valid_to") or news.day("confirmable_until"),
        "due": news.day("due_at"),
        "moment": news.day("not_after") or news.day("expires_at") or news.day("resets_at"),
        "certificate": news.text("name"),
        "reason": news.text("reason") or news.text("note"),
        "days_left": news.data.get("days_left"),
        "percent": news.data.get("threshold"),
        "reasons": news.sealed.get("reasons"),
        "by_portal": news.sealed.get("by_portal"),
    }
    for name in ("role", "label", "number", "request_id", "legal_name", "registration_number", "services", "by"):
        values[name] = news.text(name)
    return {name: value for name, value in values.items() if value not in (None, {}, [])}


async def mark_read(tx: Transaction, notice_ids: Sequence[str] | None) -> int:
    """Note that the one who asks has read notices, or (None) all of theirs; return how many were unread.

    Raises ``SignInFirst`` or ``NoSuchNotice``; then none is marked.
    """
    user_id = tx.principal.require_signed_in()
    if notice_ids is not None:
        await access.require_own(tx, notice_ids)
    return await repository.mark_read(tx, user_id, notice_ids)


async def forget(tx: Transaction, user_id: str) -> None:
    """Forget what somebody who is erased was told, and had chosen."""
    await repository.forget(tx, user_id)
    await choosing.forget(tx, user_id)
