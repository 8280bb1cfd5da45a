"""What the verbs of support take, as it is sent."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from services.notifications.support.actions import Wanted, Written
from services.notifications.support.domain import (
    MOST_ATTACHMENTS,
    SUBJECT_LENGTH,
    TEXT_LENGTH,
    Category,
    Priority,
    Status,
)


class Input(BaseModel):
    """What a verb takes; a field that it does not know is refused rather than passed over."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _is_unprintable(character: str) -> bool:
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def read_line(text: str) -> str:
    """Return a text in one line. Raises ``ValueError`` naming the mend."""
    line = " ".join(unicodedata.normalize("NFC", text).split())
    if not line:
        raise ValueError("this may not be empty")
    if any(_is_unprintable(each) for each in line):
        raise ValueError("leave out control characters")
    return line


def read_text(text: str) -> str:
    """Return a text that may have lines. Raises ``ValueError`` naming the mend."""
    whole = unicodedata.normalize("NFC", text).replace("\r\n", "\n").strip()
    if not whole:
        raise ValueError("this may not be empty")
    if any(_is_unprintable(each) and each not in "\n\t\u200d\u200c" for each in whole):
        raise ValueError("leave out control characters")
    return whole


Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Subject = Annotated[str, StringConstraints(max_length=SUBJECT_LENGTH), AfterValidator(read_line)]
Text = Annotated[str, StringConstraints(max_length=TEXT_LENGTH), AfterValidator(read_text)]
Attachments = Annotated[tuple[Id, ...], Field(max_length=MOST_ATTACHMENTS)]


class OpenRequest(Input):
    """What somebody asks, about what, within which organization."""

    subject: Subject
    text: Text
    category: Category
    organization_id: Id | None = None
    about: Id | None = None
    private: bool = False
    attachment_ids: Attachments = ()

    def to_wanted(self) -> Wanted:
        """Return what is asked for, each file once."""
        return Wanted(
            subject=self.subject,
            text=self.text,
            category=self.category,
            organization_id=self.organization_id,
            about=self.about,
            is_private=self.private,
            attachment_ids=tuple(dict.fromkeys(self.attachment_ids)),
        )


class WriteIn(Input):
    """What somebody writes in which request."""

    request_id: Id
    text: Text
    attachment_ids: Attachments = ()

    def to_written(self) -> Written:
        """Return what is written, each file once."""
        return Written(self.text, tuple(dict.fromkeys(self.attachment_ids)))


class OfRequest(Input):
    """Which request."""

    request_id: Id


class HandOver(Input):
    """Who is to hold which request."""

    request_id: Id
    user_id: Id


class Prioritize(Input):
    """How urgent which request is."""

    request_id: Id
    priority: Priority


class ListArguments(Input):
    """Which page of a list, and of which status only."""

    status: Status | None = None
    first: int | None = None
    after: str | None = None

    @property
    def statuses(self) -> tuple[Status, ...]:
        """Return the statuses that are asked for; none means all."""
        return () if self.status is None else (self.status,)


class QueueArguments(ListArguments):
    """Which page of the operator's queue, and whose only."""

    holder: Id | None = None


class PageArguments(Input):
    """Which page of a thread."""

    first: int | None = None
    after: str | None = None
