"""Archives written byte by byte, so that they can be wrong in every way."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

_LOCAL, _CENTRAL, _END = "<4s5H3L2H", "<4s6H3L5H2L", "<4s4H2LH"


@dataclass(frozen=True)
class Item:
    """One entry; what is None is told as it is."""

    name: str | bytes
    data: bytes = b""
    deflated: bool = True
    flags: int = 0x0800
    method: int | None = None
    local_name: bytes | None = None
    crc: int | None = None
    unpacked: int | None = None
    extra: bytes = b""
    outer: int = 0
    sizes_follow: bool = False

    @property
    def raw_name(self) -> bytes:
        return self.name if isinstance(self.name, bytes) else self.name.encode()


def zipped(items: Sequence[Item], *, comment: bytes = b"", gap: bytes = b"", shared: bool = False) -> bytes:
    """Return an archive; ``gap`` goes before the directory, ``shared`` gives all entries the place of the first."""
    out, central = bytearray(), bytearray()
    for first, item in enumerate(items):
        packed = _packed(item.data) if item.deflated else item.data
        method = item.method if item.method is not None else (8 if item.deflated else 0)
        crc = zlib.crc32(item.data) if item.crc is None else item.crc
        size = len(item.data) if item.unpacked is None else item.unpacked
        flags = item.flags | (0x0008 if item.sizes_follow else 0)
        told = (0, 0, 0) if item.sizes_follow else (crc, len(packed), size)
        place = 0 if shared else len(out)
        name = item.local_name if item.local_name is not None else item.raw_name
        if not (shared and first):
            out += struct.pack(_LOCAL, b"PK\x03\x04", 20, flags, method, 0, 33, *told, len(name), len(item.extra))
            out += name + item.extra + packed
            out += struct.pack("<4s3L", b"PK\x07\x08", crc, len(packed), size) if item.sizes_follow else b""
        central += struct.pack(
            _CENTRAL, b"PK\x01\x02", 3 << 8 | 20, 20, flags, method, 0, 33, crc, len(packed), size, len(item.raw_name), 0,
         0, 0, 0,
            item.outer, place,
        )  # fmt: skip
        central += item.raw_name
    out += gap
    end = struct.pack(_END, b"PK\x05\x06", 0, 0, len(items), len(items), len(central), len(out), len(comment))
    return bytes(out + central + end + comment)


def _packed(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()
