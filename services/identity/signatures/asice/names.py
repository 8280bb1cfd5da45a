"""Names of entries: which are safe on every system, and which entry a reference means."""

import re
import unicodedata
from collections.abc import Collection, Sequence
from urllib.parse import unquote_to_bytes

from services.identity.signatures.findings import Refused

META = "META-INF"
MIMETYPE = "mimetype"
_LONGEST = 240
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def read_name(raw: bytes, *, is_utf_8: bool) -> str:
    """Return an entry's name, or refuse one that leads out of the container or that systems would read differently."""
    try:
        name = raw.decode("utf-8" if is_utf_8 or not raw.isascii() else "ascii")
    except UnicodeDecodeError as error:
        raise Refused("ENTRY_NAME_NOT_SAFE", name=raw.decode("latin-1")) from error
    if not is_safe(name.removesuffix("/")):
        raise Refused("ENTRY_NAME_NOT_SAFE", name=name)
    return name


def is_safe(name: str) -> bool:
    """Say whether a name stays within the container on every system and means one place only."""
    segments = name.split("/")
    odd = any(unicodedata.category(sign)[0] == "C" or sign in '\\:*?"<>|' for sign in name)
    if not name or odd or len(name.encode()) > _LONGEST:
        return False
    if segments[0].casefold() in (META.casefold(), MIMETYPE) and segments[0] not in (META, MIMETYPE):
        return False
    return all(segment not in ("", ".", "..") and segment == segment.strip(" ").rstrip(".") for segment in segments)


def check_names(names: Sequence[str]) -> None:
    """Refuse names that some system would take for the same, and files that are folders, too."""
    seen: set[str] = set()
    for name in names:
        key = unicodedata.normalize("NFKC", name.removesuffix("/")).casefold()
        if key in seen:
            raise Refused("ENTRY_NAME_TWICE", name=name)
        seen.add(key)
    files = {unicodedata.normalize("NFKC", name).casefold() for name in names if not name.endswith("/")}
    for key in seen:
        parts = key.split("/")
        if any("/".join(parts[:count]) in files for count in range(1, len(parts))):
            raise Refused("ENTRY_NAME_TWICE", name=key)


def resolve(uri: str, names: Collection[str]) -> str | None:
    """Return the entry that a reference means, or None where there is none.

    References are relative URIs, percent-encoded (RFC 3986); some programs leave the encoding out. Both readings must not lead to
    two entries. Raises ``Refused`` for what leads outside.
    """
    try:
        decoded = unquote_to_bytes(uri).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("REFERENCE_OUTSIDE", name=uri) from error
    readings = {uri, decoded} if not _ESCAPE.search(uri) else {uri}
    found = sorted(readings & set(names))
    if len(found) > 1:
        raise Refused("REFERENCE_OUTSIDE", name=uri)
    if found and found[0].split("/")[0] != META:
        return found[0]
    if found or not all(is_safe(reading) for reading in readings):
        raise Refused("REFERENCE_OUTSIDE", name=uri)
    return None
