"""What a PDF holds beside its text that an operator should know of: scripts, dynamic forms, attachments."""

from collections.abc import Iterator
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader

from services.identity.signatures.findings import Trouble, trouble
from services.identity.signatures.timestamps import UNREADABLE

_MOST_OBJECTS = 50_000


def content_notes(reader: PdfFileReader) -> list[Trouble]:
    """Return the notes on a PDF's content. Objects that cannot be read are passed over: no program shows them either."""
    found: set[str] = set()
    for node in _dictionaries(reader):
        if "/JS" in node or _is(node, "/S", "/JavaScript"):
            found.add("HAS_JAVASCRIPT")
        if "/XFA" in node:
            found.add("HAS_XFA")
        if "/EmbeddedFiles" in node or _is(node, "/Type", "/EmbeddedFile") or _is(node, "/Subtype", "/FileAttachment"):
            found.add("HAS_ATTACHMENTS")
    return [trouble(code) for code in sorted(found)]


def _dictionaries(reader: Any) -> Iterator[generic.DictionaryObject]:
    left = _MOST_OBJECTS
    for revision in range(reader.xrefs.total_revisions):
        for reference in reader.xrefs.explicit_refs_in_revision(revision):
            try:
                waiting: list[Any] = [reader.get_object(reference)]
            except (PdfError, *UNREADABLE):
                continue
            while waiting and left > 0:
                node, left = waiting.pop(), left - 1
                if isinstance(node, generic.DictionaryObject):
                    yield node
                    waiting += [node.raw_get(key) for key in node]
                elif isinstance(node, generic.ArrayObject):
                    waiting += list(node)


def _is(node: generic.DictionaryObject, key: str, value: str) -> bool:
    return key in node and node.raw_get(key) == value
