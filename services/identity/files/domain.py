"""What is true of files: what is taken, how long it waits."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from chassis.errors import Conflict, FieldProblem, Invalid, NotFound, Unavailable
from chassis.files import ASIC_E, PDF, ZIP, Intake
from services.identity.events import FileKept

FILE_PREFIX = "fil"
MOST_BYTES = 10 * 1024 * 1024
MOST_UNATTACHED = 20
KEPT_UNATTACHED = timedelta(hours=24)
LONGEST_UPLOAD = timedelta(minutes=15)


class FileTooLarge(Invalid):
    """The file is larger than 10 MiB; send a smaller one."""

    status = 413


class FileEmpty(Invalid):
    """The file is empty; send its bytes as the body of the request."""


class FileKindNotTaken(Invalid):
    """Only PDF, ASiC-E (eDoc) and ZIP files are taken; this is none of them."""

    status = 415


class FileNameNotUsable(Invalid):
    """The file's name cannot be read."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("name", "give it in the header Portico-File-Name, as percent-encoded UTF-8")])


INTAKE = Intake(
    kinds=frozenset({PDF, ASIC_E, ZIP}),
    most_bytes=MOST_BYTES,
    too_large=FileTooLarge,
    empty=FileEmpty,
    kind_not_taken=FileKindNotTaken,
    name_not_usable=FileNameNotUsable,
)


class TooManyUnattachedFiles(Conflict):
    """Too many of your files hang on nothing yet; attach them, or wait: each is removed a day after it came."""


class NoSuchFile(NotFound):
    """There is no such file of yours that hangs on nothing yet."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("file_id", "give the id of a file that you have uploaded and not attached yet")])


class FileDamaged(Unavailable):
    """The file cannot be read at the moment; if this lasts, ask for support."""


class FileState(StrEnum):
    """Where a file stands: it comes, it is there, it is being removed."""

    COMING = "COMING"
    KEPT = "KEPT"
    GOING = "GOING"


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was uploaded. ``size`` is in bytes, ``sha256`` in hexadecimal; ``attached_to`` is the thing it hangs on.

    What hangs on nothing is its uploader's alone and lapses at ``expires_at``.
    """

    id: str
    name: str
    content_type: str
    size: int
    sha256: str
    uploaded_by: str
    uploaded_at: datetime
    state: FileState
    attached_to: str | None = None
    expires_at: datetime | None = None

    def keep(self, now: datetime) -> tuple["File", FileKept]:
        """Return the file once its contents are there."""
        return replace(self, state=FileState.KEPT, expires_at=now + KEPT_UNATTACHED), self.kept()

    def kept(self) -> FileKept:
        """Return the fact that there is this file."""
        return FileKept(
            file_id=self.id,
            uploaded_by=self.uploaded_by,
            name=self.name,
            content_type=self.content_type,
            size=self.size,
            sha256=self.sha256,
        )

    def attach(self, thing_id: str, user_id: str, now: datetime) -> "File":
        """Return the file hanging on a thing, by its uploader. Raises ``NoSuchFile``."""
        is_free = self.state is FileState.KEPT and self.attached_to is None
        if not is_free or self.uploaded_by != user_id or self.expires_at is None or now >= self.expires_at:
            raise NoSuchFile
        return replace(self, attached_to=thing_id, expires_at=None)

    def release(self, now: datetime) -> "File":
        """Return the file hanging on nothing any more, with its time over."""
        return replace(self, attached_to=None, expires_at=now)
