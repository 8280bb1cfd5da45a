"""Taking in an answer's body piece by piece, bounded before and after it is unpacked."""

import zlib

from services.catalog.documents.domain import DocumentTooLarge
from services.catalog.fetching.domain import DocumentUrlGivesNoDocument

_GZIP = 16 + zlib.MAX_WBITS


class Body:
    """Collects a body of at most ``max_bytes``, packed as the header ``Content-Encoding`` says: not at all, or by gzip."""

    def __init__(self, encoding: str, max_bytes: int) -> None:
        named = encoding.strip().lower()
        if named not in ("", "identity", "gzip", "x-gzip"):
            raise DocumentUrlGivesNoDocument
        self._unpacker = zlib.decompressobj(_GZIP) if "gzip" in named else None
        self._max_bytes = max_bytes
        self._packed_bytes = 0
        self._text = bytearray()

    def take(self, piece: bytes) -> None:
        """Take the next piece. Raises ``DocumentTooLarge`` as soon as it is, or ``DocumentUrlGivesNoDocument``."""
        self._packed_bytes += len(piece)
        if self._packed_bytes > self._max_bytes:
            raise _too_large(self._max_bytes)
        self._text += piece if self._unpacker is None else self._unpack(piece)
        if len(self._text) > self._max_bytes:
            raise _too_large(self._max_bytes)

    def _unpack(self, piece: bytes) -> bytes:
        assert self._unpacker is not None
        try:
            # One byte more than there is room for shows that there would be more, and no more than that is ever unpacked.
            unpacked = self._unpacker.decompress(piece, self._max_bytes - len(self._text) + 1)
        except zlib.error as error:
            raise DocumentUrlGivesNoDocument from error
        if self._unpacker.unused_data:
            raise DocumentUrlGivesNoDocument
        return unpacked

    def text(self) -> str:
        """Return the whole text. Raises ``DocumentUrlGivesNoDocument`` where it is cut off or is no UTF-8."""
        if self._unpacker is not None and not self._unpacker.eof:
            raise DocumentUrlGivesNoDocument
        try:
            return self._text.decode()
        except UnicodeDecodeError as error:
            raise DocumentUrlGivesNoDocument from error


def _too_large(max_bytes: int) -> DocumentTooLarge:
    return DocumentTooLarge(f"The document is larger than {max_bytes:,} bytes, the most that can be imported.")
