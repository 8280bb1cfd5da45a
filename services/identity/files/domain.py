"""What is true of files: what is taken, what it is called, how long it waits."""

import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote, unquote_to_bytes

from chassis.errors import Conflict, FieldProblem, Invalid, NotFound, Unavailable
from services.identity.events import FileKept

FILE_PREFIX = "fil"
MOST_BYTES = 10 * 1024 * 1024
MOST_UNATTACHED = 20
KEPT_UNATTACHED = timedelta(hours=24)
LONGEST_UPLOAD = timedelta(minutes=15)
NAME_LENGTH = 200

PDF = "application/pdf"
ASIC_E = "application/vnd.etsi.asic-e+zip"
ZIP = "application/zip"
_ZIP_ENTRY = b"PK\x03\x04"
_UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_NOT_IN_NAMES = frozenset('<>:"|?*')


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


def kind_of(content: bytes) -> str:
    """Return the content type that the bytes themselves tell, whatever the sender called it. Raises ``FileKindNotTaken``.

    An ASiC-E container begins with an entry ``mimetype`` that is not compressed (ETSI EN 319 162-1, A.1).
    """
    if content.startswith(b"%PDF-"):
        return PDF
    if content.startswith(_ZIP_ENTRY):
        name_length, more_length = int.from_bytes(content[26:28], "little"), int.from_bytes(content[28:30], "little")
        begins = 30 + name_length + more_length
        is_marked = content[30 : 30 + name_length] == b"mimetype" and content[begins:].startswith(ASIC_E.encode())
        return ASIC_E if is_marked else ZIP
    raise FileKindNotTaken


def read_file_name(header: str | None) -> str:
    """Return the name that a percent-encoded header tells, without folders and control characters.

    Raises ``FileNameNotUsable``.
    """
    if not header:
        raise FileNameNotUsable
    try:
        text = unquote_to_bytes(header.encode("ascii")).decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError) as error:
        raise FileNameNotUsable from error
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
