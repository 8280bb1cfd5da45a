"""What is true of a support request: where it stands, with whom it lies and since when, and what may happen next.

::

    OPEN ──take, a user writes──▶ WAITING_FOR_OPERATOR ──answer──▶ WAITING_FOR_USER
                                          ▲                              │
                                          └──────────a user writes───────┘
    (whatever is open) ──solve──▶ SOLVED ──14 days──▶ CLOSED ◀──close── (whatever is not)
                          ▲          │
                          └──solve───┴── somebody writes within 14 days: it is open again

``waits_for`` says on whose desk it lies. A provider that is drawn in is waited for until it has written.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from chassis.errors import Conflict, FieldProblem, Forbidden, Invalid, NotHeardOf
from services.notifications.events import SupportClosed, SupportOpened, SupportProviderInvolved, SupportReplied

REQUEST_PREFIX = "sup"
MESSAGE_PREFIX = "spm"
REOPENED_WITHIN = timedelta(days=14)
MOST_MESSAGES = 1000
MOST_OPEN = 100
SUBJECT_LENGTH = 200
TEXT_LENGTH = 20_000
MOST_ATTACHMENTS = 10
STEP = re.compile(r"A[1-8]|B(?:[1-9]|10)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Status(StrEnum):
    """Where a request stands."""

    OPEN = "OPEN"
    WAITING_FOR_OPERATOR = "WAITING_FOR_OPERATOR"
    WAITING_FOR_USER = "WAITING_FOR_USER"
    SOLVED = "SOLVED"
    CLOSED = "CLOSED"


class Desk(StrEnum):
    """On whose desk a request lies."""

    OPERATOR = "OPERATOR"
    USER = "USER"
    PROVIDER = "PROVIDER"


class Side(StrEnum):
    """For whom somebody writes."""

    USER = "USER"
    OPERATOR = "OPERATOR"
    PROVIDER = "PROVIDER"


class Category(StrEnum):
    """What kind of help is asked for."""

    QUESTION = "QUESTION"
    ONBOARDING = "ONBOARDING"
    ACCESS = "ACCESS"
    CALLS = "CALLS"
    ACCOUNT = "ACCOUNT"
    FAULT = "FAULT"
    OTHER = "OTHER"


class Priority(StrEnum):
    """How urgent it is, as the staff sees it."""

    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


class Channel(StrEnum):
    """How somebody wrote."""

    PORTAL = "PORTAL"
    MAIL = "MAIL"


OPEN = (Status.OPEN, Status.WAITING_FOR_OPERATOR, Status.WAITING_FOR_USER)


class SupportRequestIsClosed(Conflict):
    """The support request is closed; open a new one, and name it there."""


class SupportRequestSolvedAlready(Conflict):
    """The support request is solved already."""


class ThreadFull(Conflict):
    """There are a thousand messages in this support request; open a new one."""


class TooManyOpenSupportRequests(Conflict):
    """You have a hundred support requests that are not finished; finish some of them first."""


class NobodyToAnswer(Conflict):
    """This came by mail from somebody who is not known by that address: there is nobody who could be answered."""


class NoProviderConcerned(Conflict):
    """What the request is about belongs to no provider who could be drawn in."""


class ProviderInvolvedAlready(Conflict):
    """The provider is drawn in already."""


class OnlyTheStaffDoes(Forbidden):
    """Only the operator's support and administrators do this."""


class OnlyAskersClose(Forbidden):
    """Only those who ask, and the operator, solve and close a support request."""


def no_such_topic() -> NotHeardOf:
    """Return the refusal for what a request cannot be about: it is not there, or not for the one who asks."""
    mend = (
        "give the id of a product, application, subscription, permission, connection request, agreement, onboarding request, "
        "certificate or organization that is yours or public, or a step such as A5"
    )
    message = "There is no such thing for you that a support request could be about."
    return NotHeardOf(message, fields=[FieldProblem("about", mend)])


class NoSuchStaff(NotHeardOf):
    """There is nobody of the staff with this id who could hold a support request."""

    def __init__(self) -> None:
        mend = "give a user with the platform role SUPPORT or OPERATOR_ADMINISTRATOR"
        super().__init__(fields=[FieldProblem("user_id", mend)])


class PrivacyNeedsAnOrganization(Invalid):
    """A request without an organization is nobody else's anyway."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("private", "leave it out, or name the organization")])


@dataclass(frozen=True, slots=True)
class Topic:
    """What a request is about: a thing by its id, or a step of the procedures; ``provider_id`` is who could be drawn in."""

    id: str
    kind: str
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody wrote. ``is_note`` is for the staff alone; ``mail_id`` is the Message-ID of the mail that it came as."""

    id: str
    request_id: str
    side: Side
    author_id: str | None
    at: datetime
    text: str
    attachment_ids: tuple[str, ...] = ()
    is_note: bool = False
    channel: Channel = Channel.PORTAL
    mail_id: str | None = None


@dataclass(frozen=True, slots=True)
class SupportRequest:
    """A request for help.

    ``opened_by`` is None for what came by mail from an address that is nobody's: ``mail_from`` tells it to the staff.
    ``writers`` are those who have written for the side that asks; ``follows`` is a closed request that it goes on from.
    """

    id: str
    subject: str
    category: Category
    opened_at: datetime
    opened_by: str | None
    organization_id: str | None
    status: Status
    held_since: datetime
    waits_for: Desk | None = Desk.OPERATOR
    priority: Priority = Priority.NORMAL
    is_private: bool = False
    topic: Topic | None = None
    holder_id: str | None = None
    provider_id: str | None = None
    writers: frozenset[str] = frozenset()
    messages: int = 0
    solved_at: datetime | None = None
    closed_at: datetime | None = None
    mail_from: str | None = None
    follows: str | None = None

    @property
    def is_open(self) -> bool:
        """Say whether somebody is waited for."""
        return self.status in OPEN

    def opened(self) -> SupportOpened:
        """Return the fact that it is there."""
        return SupportOpened(**self.tells())

    def with_message(self, side: Side, by: str | None) -> "SupportRequest":
        """Return the request with its first message, which moves it nowhere."""
        writers = self.writers | {by} if side is Side.USER and by is not None else self.writers
        return replace(self, messages=self.messages + 1, writers=writers)

    def reply(self, message: Message) -> tuple["SupportRequest", SupportReplied]:
        """Return the request answered, and open again where it was solved lately.

        Raises ``SupportRequestIsClosed``, ``ThreadFull`` or ``NobodyToAnswer``.
        """
        self._require_alive(message.at)
        if self.opened_by is None:
            raise NobodyToAnswer
        if self.messages >= MOST_MESSAGES:
            raise ThreadFull
        holder = self.holder_id
        if message.side is Side.USER:
            status, desk = Status.WAITING_FOR_OPERATOR, Desk.OPERATOR
            if self.status is Status.OPEN:
                status = Status.OPEN
            elif self.waits_for is Desk.PROVIDER:
                desk = Desk.PROVIDER
        else:
            status, desk = Status.WAITING_FOR_USER, Desk.USER
            holder = holder or (message.author_id if message.side is Side.OPERATOR else None)
        written = self.with_message(message.side, message.author_id).moved(status, desk, message.at)
        answered = replace(written, holder_id=holder, solved_at=None)
        return answered, SupportReplied(**answered.tells(), message_id=message.id, side=message.side.value)

    def note(self) -> "SupportRequest":
        """Return the request with one more message that the staff alone sees. Raises ``ThreadFull``."""
        if self.messages >= MOST_MESSAGES:
            raise ThreadFull
        return replace(self, messages=self.messages + 1)

    def take(self, user_id: str, now: datetime) -> "SupportRequest":
        """Return the request in the hands of one of the staff. Raises ``SupportRequestIsClosed``."""
        self._require_alive(now)
        status = Status.WAITING_FOR_OPERATOR if self.status is Status.OPEN else self.status
        return replace(self, holder_id=user_id, status=status)

    def release(self) -> "SupportRequest":
        """Return the request without its holder, who is of the staff no more."""
        status = Status.OPEN if self.status is Status.WAITING_FOR_OPERATOR and self.waits_for is Desk.OPERATOR else self.status
        return replace(self, holder_id=None, status=status)

    def rank(self, priority: Priority) -> "SupportRequest":
        """Return the request with another priority."""
        return replace(self, priority=priority)

    def involve_provider(self, now: datetime) -> tuple["SupportRequest", SupportProviderInvolved]:
        """Return the request with the provider of what it is about, who is waited for from now on.

        Raises ``SupportRequestIsClosed``, ``NoProviderConcerned`` or ``ProviderInvolvedAlready``.
        """
        if not self.is_open:
            raise SupportRequestIsClosed
        if self.topic is None or self.topic.provider_id is None or self.topic.provider_id == self.organization_id:
            raise NoProviderConcerned
        if self.provider_id is not None:
            raise ProviderInvolvedAlready
        moved = self.moved(Status.WAITING_FOR_OPERATOR, Desk.PROVIDER, now)
        drawn_in = replace(moved, provider_id=self.topic.provider_id)
        return drawn_in, SupportProviderInvolved(**drawn_in.tells())

    def solve(self, now: datetime) -> tuple["SupportRequest", SupportClosed]:
        """Return the request solved; writing takes that back. Raises ``SupportRequestIsClosed`` or ``...SolvedAlready``."""
        if self.status is Status.CLOSED:
            raise SupportRequestIsClosed
        if self.status is Status.SOLVED:
            raise SupportRequestSolvedAlready
        solved = replace(self.moved(Status.SOLVED, None, now), solved_at=now)
        return solved, SupportClosed(**solved.tells())

    def close(self, now: datetime) -> tuple["SupportRequest", SupportClosed]:
        """Return the request closed for good. Raises ``SupportRequestIsClosed``."""
        if self.status is Status.CLOSED:
            raise SupportRequestIsClosed
        closed = replace(self.moved(Status.CLOSED, None, now), closed_at=now)
        return closed, SupportClosed(**closed.tells())

    def is_alive(self, now: datetime) -> bool:
        """Say whether anybody may still write: it is open, or solved not too long ago."""
        lately = self.status is Status.SOLVED and self.solved_at is not None and now < self.solved_at + REOPENED_WITHIN
        return self.is_open or lately

    def _require_alive(self, now: datetime) -> None:
        if not self.is_alive(now):
            raise SupportRequestIsClosed

    def moved(self, status: Status, desk: Desk | None, now: datetime) -> "SupportRequest":
        """Return the request on a desk; how long it lies there counts on where it lay there before."""
        return replace(self, status=status, waits_for=desk, held_since=self.held_since if desk is self.waits_for else now)

    def tells(self) -> dict[str, Any]:
        """Return what every fact about it tells."""
        return {
            "request_id": self.id,
            "organization_id": self.organization_id,
            "opened_by": self.opened_by,
            "about": self.topic.id if self.topic else None,
            "category": self.category.value,
            "status": self.status.value,
            "waits_for": self.waits_for.value if self.waits_for else None,
            "holder_id": self.holder_id,
            "provider_id": self.provider_id,
            "is_private": self.is_private,
        }


def to_milliseconds(moment: datetime) -> int:
    """Return a moment as a whole number, as lists are sorted by it."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)
