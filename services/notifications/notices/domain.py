"""What is announced, what is told of it to whom, and what is kept of that in the inbox."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from chassis.errors import NotFound
from services.notifications.events import NoticeOf, NoticeSent
from services.notifications.preferences.domain import Topic

OLD = timedelta(days=7)
MOST_TOLD = 50
MOST_AFFECTED = 200
NOTICE_PREFIX = "ntc"


class NoSuchNotice(NotFound):
    """There is no such notice in your inbox."""


class Side(StrEnum):
    """From where those come who are told."""

    RECIPIENT = "RECIPIENT"
    PROVIDER = "PROVIDER"
    AFFECTED = "AFFECTED"
    STAFF = "STAFF"
    REPRESENTATIVE = "REPRESENTATIVE"
    NAMED = "NAMED"
    ADDRESSED = "ADDRESSED"


@dataclass(frozen=True, slots=True)
class Whom:
    """Members of an organization whose role allows an action, the staff in a role, the representative, or who is named.

    ``field`` is where a named user's id stands, or under which name the sealed part of the announcement lists whom it addresses.
    """

    side: Side
    action: str = ""
    role: str = ""
    field: str = "user_id"


@dataclass(frozen=True, slots=True)
class News:
    """What was announced. ``by_recipient``: a member of the recipient did it; ``sealed``: what was for nobody else to read."""

    key: str
    data: Mapping[str, Any]
    actor: str | None
    by_recipient: bool = False
    sealed: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        """Return a field as text, or None where there is none."""
        value = self.data.get(name, self.sealed.get(name))
        return value if isinstance(value, str) and value else None

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a field as a list of texts."""
        value = self.data.get(name)
        return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list | tuple) else ()

    def day(self, name: str) -> str | None:
        """Return the day of a moment as it is written for people, or None."""
        try:
            return datetime.fromisoformat(self.text(name) or "").date().isoformat()
        except ValueError:
            return None


def always(_news: News) -> bool:
    """Say that it is told in any case."""
    return True


@dataclass(frozen=True, slots=True)
class Telling:
    """One kind of notice about one kind of news: to whom, with which link (``links`` in the texts) to which thing.

    ``is_for_actor``: whoever did it is told, too, as a receipt or for their security. ``about_organization``: also those who are
    named or addressed are told as of ``organization_id``. ``has_letter`` is not so where somebody else writes the letter.
    """

    kind: str
    topic: Topic
    to: tuple[Whom, ...]
    link: str
    place: str
    when: Callable[[News], bool] = always
    is_for_actor: bool = False
    about_organization: bool = False
    has_letter: bool = True


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that one person was told. ``values`` are what its words are made from, whenever it is read, in any language."""

    id: str
    user_id: str
    kind: str
    topic: Topic
    organization_id: str | None
    about: str | None
    path: str
    link: str
    values: Mapping[str, Any]
    created_at: datetime
    read_at: datetime | None = None

    def read(self, now: datetime) -> "Notice":
        """Return the notice as it is once it was read."""
        return self if self.read_at is not None else replace(self, read_at=now)


def most_each(organizations: int) -> int:
    """Return how many members of each organization are told, so that all the notices of one event stay bounded."""
    return MOST_TOLD if organizations <= 1 else max(1, min(MOST_TOLD, MOST_AFFECTED // organizations))


def sent(notices: list[Notice]) -> NoticeSent:
    """Return the fact that people were told, all of one thing and for one organization."""
    first = notices[0]
    listed = tuple(NoticeOf(notice_id=each.id, user_id=each.user_id) for each in notices)
    return NoticeSent(kind=first.kind, organization_id=first.organization_id, about=first.about, notices=listed)
