"""Files as they are sent: what they are called, and of which kind they are, which their bytes tell whatever a sender says.

Which kinds are taken, how large, and with which refusals the rest is met, stands in the ``Intake`` of whoever keeps them. How
they travel over HTTP: see ``chassis.handing``; how their contents are kept: ``chassis.mongo.files``.
"""

import hashlib
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from chassis.errors import Refusal

NAME_HEADER = "portico-file-name"
NAME_LENGTH = 200
_UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_NOT_IN_NAMES = frozenset('<>:"|?*')

PDF = "application/pdf"
ASIC_E = "application/vnd.etsi.asic-e+zip"
ZIP = "application/zip"
PNG = "image/png"
JPEG = "image/jpeg"
GIF = "image/gif"
WEBP = "image/webp"
TEXT = "text/plain; charset=utf-8"
_ZIP_ENTRY = b"PK\x03\x04"
_PRINTED = frozenset("\t\n\r\f")


@dataclass(frozen=True, slots=True)
class Upload:
    """What somebody sends: ``content_type`` is what the bytes tell, ``sha256`` their checksum in hexadecimal."""

    name: str
    content: bytes
    content_type: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Intake:
    """What is taken, and the refusals of what is not."""

    kinds: frozenset[str]
    most_bytes: int
    too_large: type[Refusal]
    empty: type[Refusal]
    kind_not_taken: type[Refusal]
    name_not_usable: Callable[[], Refusal]

    def read_name(self, header: str | None) -> str:
        """Return the name that a percent-encoded header tells, cleaned. Raises ``name_not_usable``."""
        if not header:
            raise self.name_not_usable()
        try:
            text = unquote_to_bytes(header.encode("ascii")).decode("utf-8")
        except (UnicodeEncodeError, UnicodeDecodeError) as error:
            raise self.name_not_usable() from error
        return clean_name(text)

    def read(self, name: str, content: bytes) -> Upload:
        """Return a file as it will be kept. Raises ``empty``, ``too_large`` or ``kind_not_taken``."""
        if not content:
            raise self.empty
        if len(content) > self.most_bytes:
            raise self.too_large
        kind = kind_of(content, self.kinds)
        if kind is None:
            raise self.kind_not_taken
        return Upload(name, content, kind, hashlib.sha256(content).hexdigest())


def kind_of(content: bytes, kinds: Collection[str]) -> str | None:
    """Return which of the kinds the bytes are of, or None for none; the narrowest first: what ASiC-E is, is ZIP as well."""
    return next((kind for kind, is_of in _KINDS.items() if kind in kinds and is_of(content)), None)


def _begins(*beginnings: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(beginnings)


def _is_asic_e(content: bytes) -> bool:
    """Say whether a ZIP file begins with an entry ``mimetype`` that is not compressed (ETSI EN 319 162-1, A.1)."""
    if not content.startswith(_ZIP_ENTRY):
        return False
    name_length, more_length = int.from_bytes(content[26:28], "little"), int.from_bytes(content[28:30], "little")
    begins = 30 + name_length + more_length
    return content[30 : 30 + name_length] == b"mimetype" and content[begins:].startswith(ASIC_E.encode())


def _is_webp(content: bytes) -> bool:
    return content.startswith(b"RIFF") and content[8:12] == b"WEBP"


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return "\x7f" not in text and not any(each < " " and each not in _PRINTED for each in text)


_KINDS: Mapping[str, Callable[[bytes], bool]] = {
    PDF: _begins(b"%PDF-"),
    ASIC_E: _is_asic_e,
    ZIP: _begins(_ZIP_ENTRY),
    PNG: _begins(b"\x89PNG\r\n\x1a\n"),
    JPEG: _begins(b"\xff\xd8\xff"),
    GIF: _begins(b"GIF87a", b"GIF89a"),
    WEBP: _is_webp,
    TEXT: _is_text,
}


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
