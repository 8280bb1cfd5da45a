"""What is true of the examination of a file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from services.identity.events import DocumentJudged

MOST_TRIES = 3
NOT_EXAMINED = "NOT_EXAMINED"
_PAUSE = timedelta(seconds=30)


class Judging(StrEnum):
    """Whether the signatures of a document were examined: they wait, they are, or it could not be done."""

    WAITING = "WAITING"
    DONE = "DONE"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Examination:
    """A file that hangs on a thing, and what is known of its signatures. ``audience`` is who may hear of the verdict."""

    file_id: str
    attached_to: str
    sha256: str
    organization_id: str | None
    audience: tuple[str, ...]
    due_at: datetime
    judging: Judging = Judging.WAITING
    tries: int = 0
    finding: Mapping[str, Any] | None = None
    judged_at: datetime | None = None

    def judge(self, finding: Mapping[str, Any] | None, now: datetime) -> tuple["Examination", DocumentJudged | None]:
        """Return the examination with its finding; None where it could not be done this time, and at last not at all."""
        tries = self.tries + 1
        if finding is None and tries < MOST_TRIES:
            return replace(self, tries=tries, due_at=now + _PAUSE), None
        judging = Judging.FAILED if finding is None else Judging.DONE
        judged = replace(self, judging=judging, tries=tries, finding=finding, judged_at=now)
        return judged, judged.judged()

    def judged(self) -> DocumentJudged | None:
        """Return the fact that it was examined, or that it could not be; None while it waits."""
        if self.judged_at is None:
            return None
        verdict = NOT_EXAMINED if self.finding is None else str(self.finding["verdict"])
        return DocumentJudged(
            file_id=self.file_id,
            attached_to=self.attached_to,
            verdict=verdict,
            sha256=self.sha256,
            judged_at=self.judged_at,
        )
