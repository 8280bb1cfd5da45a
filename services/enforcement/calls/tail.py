"""Reading a log that grows, is cut off, and is renamed away: whole lines only, from a place that can be kept.

A file is known by its inode and by how it begins, so that neither a file that was emptied and has grown again nor a new file that
got an old one's inode is taken for the file that was read before.
"""

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, NamedTuple

from services.enforcement.calls.ledger import Place

_BEGINNING_BYTES = 256
_CHUNK_BYTES = 1 << 18  # some 500 lines


class Piece(NamedTuple):
    """Whole lines that were read, and the place behind them."""

    lines: list[bytes]
    place: Place
    is_end: bool
    """Whether everything that the log held was read."""


class Tail:
    """Follows the log at ``path``; files it was renamed to lie beside it and begin with its name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def read(self, place: Place, most_lines: int) -> Piece:
        """Return up to so many lines from a place on."""
        place, file = self._open(place)
        if file is None:
            return Piece([], place, is_end=True)
        place = _same_beginning(file, place)
        lines, length, is_end = _whole_lines(file, place.offset, most_lines)
        following = None if lines else self._file_after(file)
        if following is not None:
            # The proxy has gone over to another file, so this one does not grow any more: a last look at it.
            lines, length, is_end = _whole_lines(file, place.offset, most_lines)
        if lines or following is None:
            return Piece(lines, replace(place, offset=place.offset + length), is_end)
        self.close()
        return Piece([], Place(inode=following.stat().st_ino), is_end=False)

    def has_moved(self, place: Place) -> bool:
        """Say whether the log is no longer as it was read; where it was renamed and is not there again, it has not moved yet."""
        try:
            now = self._path.stat()
        except FileNotFoundError:
            return False
        return (now.st_ino, now.st_size) != (place.inode, place.offset)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, place: Place) -> tuple[Place, BinaryIO | None]:
        if self._file is not None and os.fstat(self._file.fileno()).st_ino == place.inode:
            return place, self._file
        self.close()
        for path in self._files():
            file = path.open("rb")
            if os.fstat(file.fileno()).st_ino == place.inode:
                self._file = file
                return place, file
            file.close()
        # Nothing known: begin with the oldest file there is.
        for path in self._files():
            self._file = path.open("rb")
            return Place(inode=os.fstat(self._file.fileno()).st_ino), self._file
        return place, None

    def forget_before(self, place: Place) -> None:
        """Delete the files that lie before the one that the place is in: everything in them has been announced."""
        files = self._files()
        if place.inode in [path.stat().st_ino for path in files]:
            while files[0].stat().st_ino != place.inode:
                files.pop(0).unlink()

    def _files(self) -> list[Path]:
        """Return the log and what it was renamed to, the oldest first and the log itself last."""
        files = [path for path in self._path.parent.glob(f"{self._path.name}*") if path != self._path and path.is_file()]
        files.sort(key=lambda path: path.stat().st_mtime_ns)
        return [*files, self._path] if self._path.exists() else files

    def _file_after(self, file: BinaryIO) -> Path | None:
        files = self._files()
        inodes = [path.stat().st_ino for path in files]
        inode = os.fstat(file.fileno()).st_ino
        if inode not in inodes:  # deleted: whatever is there now came later
            return files[0] if files else None
        rest = files[inodes.index(inode) + 1 :]
        return rest[0] if rest else None


def _same_beginning(file: BinaryIO, place: Place) -> Place:
    """Return the place, or the file's start where the file is not the one that was read before."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    beginning = file.read(_BEGINNING_BYTES)
    if place.offset > size or (place.beginning and place.offset and not _begins(beginning, place.beginning)):
        place = replace(place, offset=0, beginning="")
    if int(place.beginning.partition(":")[0] or 0) < len(beginning):
        place = replace(place, beginning=_mark(beginning))
    return place


def _mark(beginning: bytes) -> str:
    return f"{len(beginning)}:{hashlib.sha256(beginning).hexdigest()}"


def _begins(beginning: bytes, mark: str) -> bool:
    length = int(mark.partition(":")[0])
    return len(beginning) >= length and _mark(beginning[:length]) == mark


def _whole_lines(file: BinaryIO, offset: int, most_lines: int) -> tuple[list[bytes], int, bool]:
    file.seek(offset)
    chunk = file.read(_CHUNK_BYTES)
    whole = chunk[: chunk.rfind(b"\n") + 1]
    if not whole and len(chunk) == _CHUNK_BYTES:  # no line is that long: a power cut has left zeros, say
        return [chunk], len(chunk), False
    lines = whole.split(b"\n")[:-1]
    taken = lines[:most_lines]
    length = sum(map(len, taken)) + len(taken)
    return taken, length, len(taken) == len(lines) and len(chunk) < _CHUNK_BYTES
