"""What is true of attachments: what is taken, what it is called, how long it waits."""

import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote, unquote_to_bytes

from chassis.errors import Conflict, FieldProblem, Invalid, NotFound, Unavailable

ATTACHMENT_PREFIX = "att"
MOST_BYTES = 10 * 1024 * 1024
MOST_UNATTACHED = 20
KEPT_UNATTACHED = timedelta(hours=24)
LONGEST_UPLOAD = timedelta(minutes=15)
NAME_LENGTH = 200

TEXT = "text/plain; charset=utf-8"
_BEGINNINGS = (
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_PRINTED = frozenset("\t\n\r\f")
_UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_NOT_IN_NAMES = frozenset('<>:"|?*')


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


def kind_of(content: bytes) -> str:
    """Return the content type that the bytes tell, whatever the sender called it. Raises ``AttachmentKindNotTaken``."""
    for beginning, kind in _BEGINNINGS:
        if content.startswith(beginning):
            return kind
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AttachmentKindNotTaken from error
    if any(each < " " and each not in _PRINTED for each in text) or "\x7f" in text:
        raise AttachmentKindNotTaken
    return TEXT


def read_name(header: str | None) -> str:
    """Return the name that a percent-encoded header tells, without folders and control characters.

    Raises ``AttachmentNameNotUsable``.
    """
    if not header:
        raise AttachmentNameNotUsable
    try:
        text = unquote_to_bytes(header.encode("ascii")).decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError) as error:
        raise AttachmentNameNotUsable from error
    return clean_name(text)


def clean_name(text: str) -> str:
    """Return a name that is one part of a path, printable, and at most 200 characters long; its ending stays."""
    last = unicodedata.normalize("NFC", text).replace("\\", "/").rstrip("/").rpartition("/")[2]
    printable = "".join(each for each in last if unicodedata.category(each) not in _UNPRINTABLE and each not in _NOT_IN_NAMES)
    name = " ".join(printable.split()).strip(". ")
    if not name:
        return "document"
    stem, dot, ending = name.rpartition(".")
    if len(name) <= NAME_LENGTH:
        return name
    if not dot or len(ending) > 10:
        return name[:NAME_LENGTH].strip(". ")
    return f"{stem[: NAME_LENGTH - len(ending) - 1].strip('. ')}.{ending}"


def disposition_of(name: str) -> str:
    """Return the ``content-disposition`` under which a file is saved and never shown in place (RFC 6266)."""
    plain = "".join(each if each.isascii() and (each.isalnum() or each in " .-_()") else "_" for each in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
