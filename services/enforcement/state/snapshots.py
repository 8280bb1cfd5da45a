"""All copies in a few documents, so that a new instance need not read tens of thousands: it reads these and what came later.

A snapshot holds every change up to an epoch, in layers: one with everything as it was, and on top of it what has changed since,
layer by layer. Where the upper layers have grown to half of it, all is laid down anew. The parts of a layer are written before
the head names them, and those that it names no more are removed afterwards; who finds a part missing reads the copies instead.
"""

import asyncio
import zlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from chassis.ids import new_id
from chassis.mongo import Reader
from services.enforcement.state.copies import TOKEN, Copy

SNAPSHOTS = "snapshots"
WORTH_IT = 2_000
"""After how many copies that are not in the last snapshot a new one is worth its writing."""
_HEAD = "head"
_FORMAT = 2
_MOST_LAYERS = 50
_COPIES_A_PART = 5_000
# What a copy says of its own writing is of no use to a state that is loaded.
_LEFT_OUT = frozenset({"_id", "kind", "sequence", "heard_at", "epoch", "announced_at", "audience", "is_republished", "in_force"})


class Snapshot(NamedTuple):
    """All copies as of an epoch; some may be of later ones."""

    epoch: int
    copies: list[Copy]


class Head(NamedTuple):
    """What a snapshot is made of: up to which epoch, and its layers, the lowest first, each by its name and its parts' sizes."""

    epoch: int
    layers: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def part_ids(self) -> list[str]:
        """Return the ids of all parts, those of lower layers first."""
        return [key for name, sizes in self.layers for key in _part_ids(name, len(sizes))]

    @property
    def is_to_be_laid_anew(self) -> bool:
        """Say whether so much lies on the lowest layer that the whole is better laid down anew."""
        lowest, *upper = [sum(sizes) for _, sizes in self.layers] or [0]
        return sum(upper) > lowest // 2 or len(upper) >= _MOST_LAYERS


async def head_of(reader: Reader) -> Head | None:
    """Return what the last snapshot is made of, or None where there is none that can be read."""
    head = await reader.collection(SNAPSHOTS).find_one({"_id": _HEAD})
    if head is None or head["format"] != _FORMAT:
        return None
    found = Head(head["epoch"], tuple((each["name"], tuple(each["sizes"])) for each in head["layers"]))
    there = await reader.collection(SNAPSHOTS).count_documents({"_id": {"$in": found.part_ids}})
    return found if there == len(found.part_ids) else None


async def read(reader: Reader) -> Snapshot | None:
    """Return the last snapshot, or None where there is none that can be read."""
    head = await head_of(reader)
    if head is None:
        return None
    wanted = head.part_ids
    rows = await reader.collection(SNAPSHOTS).find({"_id": {"$in": wanted}})
    parts = {row["_id"]: bytes(row["data"]) for row in rows}
    if len(parts) != len(wanted):
        return None
    copies: list[Copy] = []
    for key in wanted:
        copies += _unpacked(parts[key])
        await asyncio.sleep(0)
    now = reader.now
    return Snapshot(head.epoch, [copy for copy in copies if not _is_over(copy, now)])


async def write(reader: Reader, snapshot: Snapshot) -> None:
    """Keep a snapshot in place of the last one."""
    await _lay(reader, snapshot, ())


async def add(reader: Reader, head: Head, later: Snapshot) -> None:
    """Keep what came later than a snapshot on top of it."""
    await _lay(reader, later, head.layers)


async def _lay(reader: Reader, snapshot: Snapshot, below: tuple[tuple[str, tuple[int, ...]], ...]) -> None:
    snapshots = reader.collection(SNAPSHOTS)
    name = new_id("snp")
    latest = list({copy.id: copy for copy in sorted(snapshot.copies, key=lambda each: each.sequence)}.values())
    parts = [latest[start : start + _COPIES_A_PART] for start in range(0, len(latest), _COPIES_A_PART)]
    for key, part in zip(_part_ids(name, len(parts)), parts, strict=True):
        # Beside the loop: calls are decided meanwhile.
        await snapshots.insert_one({"_id": key, "data": await asyncio.to_thread(_packed, part)})
    head = Head(snapshot.epoch, (*below, (name, tuple(len(part) for part in parts))))
    layers = [{"name": each, "sizes": list(sizes)} for each, sizes in head.layers]
    document = {"_id": _HEAD, "format": _FORMAT, "epoch": head.epoch, "layers": layers, "at": reader.now}
    await snapshots.replace_one({"_id": _HEAD}, document, upsert=True)
    await snapshots.delete_many({"_id": {"$nin": [_HEAD, *head.part_ids]}})


def _part_ids(name: str, parts: int) -> list[str]:
    return [f"{name}:{number}" for number in range(parts)]


def _packed(copies: Iterable[Copy]) -> bytes:
    rows = [[copy.kind, copy.id, copy.sequence, _told(copy)] for copy in copies]
    return zlib.compress(orjson.dumps(rows), level=1)


def _told(copy: Copy) -> dict[str, Any]:
    return {name: value for name, value in copy.fields.items() if name not in _LEFT_OUT}


def _unpacked(data: bytes) -> list[Copy]:
    rows: Sequence[tuple[str, str, int, dict[str, Any]]] = orjson.loads(zlib.decompress(data))
    return [Copy(kind, key, sequence, _read(kind, fields)) for kind, key, sequence, fields in rows]


def _read(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    if kind == TOKEN:
        fields["expires_at"] = datetime.fromisoformat(fields["expires_at"]).astimezone(UTC)
    return fields


def _is_over(copy: Copy, now: datetime) -> bool:
    return copy.kind == TOKEN and copy.fields["expires_at"] <= now
