"""What is true of attachments: what is taken, how long it waits."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chassis.errors import Conflict, FieldProblem, Invalid, NotFound, Unavailable
from chassis.files import GIF, JPEG, PDF, PNG, TEXT, WEBP, ZIP, Intake

ATTACHMENT_PREFIX = "att"
MOST_BYTES = 10 * 1024 * 1024
MOST_UNATTACHED = 20
KEPT_UNATTACHED = timedelta(hours=24)
LONGEST_UPLOAD = timedelta(minutes=15)


class AttachmentTooLarge(Invalid):
    """The file is larger than 10 MiB; send a smaller one."""

    status = 413


class AttachmentEmpty(Invalid):
    """The file is empty; send its bytes as the body of the request."""


class AttachmentKindNotTaken(Invalid):
    """Only PDF, ZIP (and what is built on it), PNG, JPEG, GIF, WebP and plain text in UTF-8 are taken; this is none of them."""

    status = 415


class AttachmentNameNotUsable(Invalid):
    """The file's name cannot be read."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("name", "give it in the header Portico-File-Name, as percent-encoded UTF-8")])


INTAKE = Intake(
    kinds=frozenset({PDF, ZIP, PNG, JPEG, GIF, WEBP, TEXT}),
    most_bytes=MOST_BYTES,
    too_large=AttachmentTooLarge,
    empty=AttachmentEmpty,
    kind_not_taken=AttachmentKindNotTaken,
    name_not_usable=AttachmentNameNotUsable,
)


class TooManyUnattachedAttachments(Conflict):
    """Too many of your files for support hang on nothing yet; attach them, or wait: each is removed a day after it came."""


class NoSuchAttachment(NotFound):
    """There is no such file of yours that hangs on nothing yet."""

    def __init__(self) -> None:
        mend = "give ids of files that you have sent for support and not attached yet"
        super().__init__(fields=[FieldProblem("attachment_ids", mend)])


class AttachmentDamaged(Unavailable):
    """The file cannot be read at the moment; if this lasts, ask for support."""


class State(StrEnum):
    """Where a file stands: it comes, it is there, it is being removed."""

    COMING = "COMING"
    KEPT = "KEPT"
    GOING = "GOING"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file as it came. ``size`` is in bytes, ``sha256`` in hexadecimal; ``attached_to`` is the request it hangs on.

    ``uploaded_by`` is None for what came by mail. What hangs on nothing is its uploader's alone and lapses at ``expires_at``;
    ``is_internal`` says that it hangs on a note of the staff.
    """

    id: str
    name: str
    content_type: str
    size: int
    sha256: str
    uploaded_by: str | None
    uploaded_at: datetime
    state: State
    attached_to: str | None = None
    is_internal: bool = False
    expires_at: datetime | None = None

    def keep(self, now: datetime) -> "Attachment":
        """Return the file once its contents are there."""
        return replace(self, state=State.KEPT, expires_at=now + KEPT_UNATTACHED)

    def attach(self, request_id: str, user_id: str | None, now: datetime, *, is_internal: bool = False) -> "Attachment":
        """Return the file hanging on a request, by its uploader. Raises ``NoSuchAttachment``."""
        is_free = self.state is State.KEPT and self.attached_to is None
        if not is_free or self.uploaded_by != user_id or self.expires_at is None or now >= self.expires_at:
            raise NoSuchAttachment
        return replace(self, attached_to=request_id, is_internal=is_internal, expires_at=None)

    def release(self, now: datetime) -> "Attachment":
        """Return the file hanging on nothing any more, with its time over."""
        return replace(self, attached_to=None, expires_at=now)
