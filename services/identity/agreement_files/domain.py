"""What is true of the files of agreements and of approvals."""

from dataclasses import dataclass
from datetime import datetime

from services.identity.events import FileNotAttached
from services.identity.files.domain import File, FileState

AGREEMENT_PREFIX = "agr"
OF_ALL_PRODUCTS = frozenset({"PARTNERSHIP_CONTRACT", "NDA"})
"""What is concluded once with a provider, whichever product it was asked for."""
STEP_PREFIX = "aps"
NO_SUCH_FILE, ATTACHED_ELSEWHERE, LAPSED = "NO_SUCH_FILE", "ATTACHED_ELSEWHERE", "LAPSED"


@dataclass(frozen=True, slots=True)
class Attachment:
    """What was announced: a file of somebody's that is to hang on a thing between a recipient and a provider.

    The thing is an agreement, or a step of an approval; ``by`` is who attached the file.
    """

    thing_id: str
    file_id: str
    organization_id: str
    provider_id: str
    by: str | None
    at: datetime

    @property
    def parties(self) -> tuple[str, ...]:
        """Return the recipient and the provider; one organization may be both."""
        return tuple(dict.fromkeys((self.organization_id, self.provider_id)))

    def is_done(self, file: File | None) -> bool:
        """Say whether the file hangs on the thing already."""
        return file is not None and file.attached_to == self.thing_id

    def refuse(self, file: File | None) -> FileNotAttached | None:
        """Return the fact that the file cannot be hung on the thing, or None where it can.

        Of a file of somebody else nothing is told but that there is none.
        """
        reason = self._reason(file)
        if reason is None:
            return None
        return FileNotAttached(file_id=self.file_id, attached_to=self.thing_id, reason=reason)

    def _reason(self, file: File | None) -> str | None:
        if file is None or file.uploaded_by != self.by:
            return NO_SUCH_FILE
        if file.attached_to is not None:
            return ATTACHED_ELSEWHERE
        if file.state is not FileState.KEPT or file.expires_at is None or self.at >= file.expires_at:
            return LAPSED
        return None
