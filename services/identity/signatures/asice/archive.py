"""ZIP archives, read so that every program would find the same entries in them (PKWARE APPNOTE 6.3).

Python's own reader believes the directory at the end; others believe the headers before the entries. Here both must say the same,
and every byte of the file must belong to exactly one header, entry or directory.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.identity.signatures.asice.names import check_names, read_name
from services.identity.signatures.findings import Refused

MOST_ENTRIES = 500
MOST_UNPACKED_BYTES = 64 * 1024 * 1024
_MOST_RATIO = 200
_RATIO_FROM_BYTES = 1024 * 1024
_STORED, _DEFLATED = 0, 8
_ENCRYPTED_FLAGS = 0x0001 | 0x0040 | 0x2000
_SIZES_FOLLOW, _UTF_8 = 0x0008, 0x0800
_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_LINK, _KIND_OF_FILE = 0o120000, 0o170000


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive, unpacked."""

    name: str
    data: bytes
    is_stored: bool
    has_extra: bool


@dataclass(frozen=True, slots=True)
class _Header:
    raw_name: bytes
    name: str
    flags: int
    method: int
    crc: int
    packed: int
    unpacked: int
    offset: int


def read_archive(content: bytes) -> tuple[Entry, ...]:
    """Return the archive's files in the order in which they lie. Raises ``Refused``."""
    try:
        return _read(content)
    except struct.error as error:
        raise Refused("CONTAINER_NOT_READABLE", reason="a header is cut short") from error


def _read(content: bytes) -> tuple[Entry, ...]:
    directory_at, end_at, count = _directory(content)
    headers = sorted(_headers(content, directory_at, end_at, count), key=lambda each: each.offset)
    check_names([header.name for header in headers])
    if sum(header.unpacked for header in headers) > MOST_UNPACKED_BYTES:
        raise Refused("UNPACKS_TOO_LARGE", name="all entries together")
    if headers and headers[0].offset != 0:
        raise Refused("BYTES_BEFORE")
    if not headers:
        return ()
    ends = [*(header.offset for header in headers[1:]), directory_at]
    entries = [_entry(content, header, end) for header, end in zip(headers, ends, strict=True)]
    return tuple(entry for entry in entries if not entry.name.endswith("/"))


def _directory(content: bytes) -> tuple[int, int, int]:
    """Return where the directory begins and ends, and how many entries it lists."""
    at = content.rfind(b"PK\x05\x06")
    if at < 0:
        raise Refused("CONTAINER_NOT_READABLE", reason="its directory is missing")
    _, disk, first_disk, here, count, size, offset, comment = _END.unpack_from(content, at)
    if at + _END.size + comment > len(content):
        raise Refused("CONTAINER_NOT_READABLE", reason="its end is cut short")
    if at + _END.size + comment < len(content):
        raise Refused("BYTES_AFTER")
    if disk or first_disk or here != count or 0xFFFF in (count, here) or 0xFFFFFFFF in (size, offset):
        raise Refused("DIRECTORY_CONTRADICTS", reason="it is split or of a 64-bit kind")
    if count > MOST_ENTRIES:
        raise Refused("TOO_MANY_ENTRIES", most=MOST_ENTRIES)
    if offset + size != at:
        raise Refused("BYTES_BEFORE" if offset + size < at else "CONTAINER_NOT_READABLE", reason="its directory is elsewhere")
    return offset, at, count


def _headers(content: bytes, at: int, end: int, count: int) -> Iterator[_Header]:
    for _ in range(count):
        signature, made_by, _, flags, method, _, _, crc, packed, unpacked, *lengths, _, outer, offset = _CENTRAL.unpack_from(
            content, at
        )
        name_size, extra_size, comment_size, disk = lengths[:4]
        raw = content[at + _CENTRAL.size : at + _CENTRAL.size + name_size]
        extra = content[at + _CENTRAL.size + name_size : at + _CENTRAL.size + name_size + extra_size]
        at += _CENTRAL.size + name_size + extra_size + comment_size
        if signature != b"PK\x01\x02" or at > end or disk:
            raise Refused("DIRECTORY_CONTRADICTS", reason="it lists more than it holds")
        name = read_name(raw, is_utf_8=bool(flags & _UTF_8))
        if flags & _ENCRYPTED_FLAGS:
            raise Refused("ENTRY_ENCRYPTED", name=name)
        if method not in (_STORED, _DEFLATED):
            raise Refused("ENTRY_COMPRESSION_NOT_SUPPORTED", name=name)
        if made_by >> 8 == 3 and (outer >> 16) & _KIND_OF_FILE == _LINK:
            raise Refused("ENTRY_NAME_NOT_SAFE", name=name)
        _check_extra(extra, name)
        _check_ratio(name, packed, unpacked)
        yield _Header(raw, name, flags, method, crc, packed, unpacked, offset)
    if at != end:
        raise Refused("DIRECTORY_CONTRADICTS", reason="it holds more than it lists")


def _check_ratio(name: str, packed: int, unpacked: int) -> None:
    too_dense = unpacked > _RATIO_FROM_BYTES and unpacked > _MOST_RATIO * max(packed, 1)
    if unpacked > MOST_UNPACKED_BYTES or too_dense:
        raise Refused("UNPACKS_TOO_LARGE", name=name)


def _check_extra(extra: bytes, name: str) -> None:
    """Refuse extra fields that give an entry other sizes (ZIP64) or another name (Info-ZIP Unicode path)."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        value = extra[at + 4 : at + 4 + size]
        at += 4 + size
        if kind == 0x0001:
            raise Refused("DIRECTORY_CONTRADICTS", reason="it is of a 64-bit kind")
        if kind == 0x7075 and value[5:] != name.encode():
            raise Refused("DIRECTORY_CONTRADICTS", reason="an entry has two names")


def _entry(content: bytes, header: _Header, end: int) -> Entry:
    values = _LOCAL.unpack_from(content, header.offset)
    signature, _, flags, method, _, _, crc, packed, unpacked, name_size, extra_size = values
    begin = header.offset + _LOCAL.size
    name, extra = content[begin : begin + name_size], content[begin + name_size : begin + name_size + extra_size]
    data_at = begin + name_size + extra_size
    sizes_follow = bool(flags & _SIZES_FOLLOW)
    told, listed = (crc, packed, unpacked), (header.crc, header.packed, header.unpacked)
    if signature != b"PK\x03\x04" or name != header.raw_name or method != header.method or flags != header.flags:
        raise Refused("DIRECTORY_CONTRADICTS", reason=f"{header.name} is told in two ways")
    if told != listed and not (sizes_follow and told == (0, 0, 0)):
        raise Refused("DIRECTORY_CONTRADICTS", reason=f"{header.name} is told in two sizes")
    _check_extra(extra, header.name)
    after = content[data_at + header.packed : end] if data_at + header.packed <= end else None
    if after is None or after not in _tails(listed, sizes_follow=sizes_follow):
        raise Refused("ENTRIES_OVERLAP")
    data = _unpacked(header, content[data_at : data_at + header.packed])
    return Entry(header.name, data, header.method == _STORED, bool(extra))


def _tails(listed: Sequence[int], *, sizes_follow: bool) -> tuple[bytes, ...]:
    """Return what may follow an entry's data: nothing, or its sizes with or without a signature (APPNOTE 4.3.9)."""
    sizes = struct.pack("<3L", *listed)
    return (sizes, b"PK\x07\x08" + sizes) if sizes_follow else (b"",)


def _unpacked(header: _Header, packed: bytes) -> bytes:
    data = packed
    if header.method == _DEFLATED:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = unpacker.decompress(packed, header.unpacked + 1)
        except zlib.error as error:
            if "Error -4" in str(error):  # zlib's way to say that there is no memory
                raise MemoryError from error
            raise Refused("ENTRY_DAMAGED", name=header.name) from error
        if len(data) > header.unpacked:
            raise Refused("UNPACKS_TOO_LARGE", name=header.name)
        if not unpacker.eof or unpacker.unused_data:
            raise Refused("ENTRY_DAMAGED", name=header.name)
    if len(data) != header.unpacked or zlib.crc32(data) != header.crc:
        raise Refused("ENTRY_DAMAGED", name=header.name)
    return data
