"""What is true of reports: in which languages there is one of each finished campaign, and why one is not there."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chassis.errors import NotFound

NO_SIGNING_KEY = "NO_SIGNING_KEY"
SIGNING_KEY_NOT_USABLE = "SIGNING_KEY_NOT_USABLE"
MAKING_TOO_LONG = "MAKING_TOO_LONG"
MAKING_FAILED = "MAKING_FAILED"


class Language(StrEnum):
    """In what a report is written."""

    LV = "LV"
    RU = "RU"
    EN = "EN"


class State(StrEnum):
    """Whether a report is there."""

    WAITING = "WAITING"
    MADE = "MADE"


class NoSuchReport(NotFound):
    """There is no such report."""


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a campaign in one language. While it is WAITING, ``why`` is the code of why it could not be made yet."""

    id: str
    campaign_id: str
    language: Language
    state: State = State.WAITING
    why: str | None = None
    content_id: str | None = None
    sha256: str | None = None
    size: int | None = None
    made_at: datetime | None = None
    due_at: datetime | None = None

    @property
    def file_name(self) -> str:
        """Return what it is called where it is saved."""
        return f"{self.campaign_id}-{self.language.lower()}.pdf"
