"""All copies in a few documents, so that a new instance need not read tens of thousands: it reads these and what came later.

A snapshot holds every change up to an epoch. Whoever has read much besides the last one leaves a new one for the next. Its parts
are written before its head, and those of the former one removed afterwards; who finds a part missing reads the copies instead.
"""

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
_FORMAT = 1
_COPIES_A_PART = 5_000
# What a copy says of its own writing is of no use to a state that is loaded.
_LEFT_OUT = frozenset({"_id", "kind", "sequence", "heard_at", "epoch", "announced_at", "audience", "is_republished", "in_force"})


class Snapshot(NamedTuple):
    """All copies as of an epoch; some may be of later ones."""

    epoch: int
    copies: list[Copy]


async def read(reader: Reader) -> Snapshot | None:
    """Return the last snapshot, or None where there is none that can be read."""
    snapshots = reader.collection(SNAPSHOTS)
    head = await snapshots.find_one({"_id": _HEAD})
    if head is None or head["format"] != _FORMAT:
        return None
    rows = await snapshots.find({"_id": {"$in": _part_ids(head["name"], head["parts"])}})
    if len(rows) != head["parts"]:
        return None
    now = reader.now
    return Snapshot(head["epoch"], [copy for row in rows for copy in _unpacked(bytes(row["data"])) if not _is_over(copy, now)])


async def write(reader: Reader, snapshot: Snapshot) -> None:
    """Keep a snapshot in place of the last one."""
    snapshots = reader.collection(SNAPSHOTS)
    name = new_id("snp")
    latest = list({copy.id: copy for copy in sorted(snapshot.copies, key=lambda each: each.sequence)}.values())
    parts = [latest[start : start + _COPIES_A_PART] for start in range(0, len(latest), _COPIES_A_PART)]
    for key, part in zip(_part_ids(name, len(parts)), parts, strict=True):
        await snapshots.insert_one({"_id": key, "data": _packed(part)})
    head = {"_id": _HEAD, "format": _FORMAT, "name": name, "parts": len(parts), "epoch": snapshot.epoch, "at": reader.now}
    await snapshots.replace_one({"_id": _HEAD}, head, upsert=True)
    await snapshots.delete_many({"_id": {"$nin": [_HEAD, *_part_ids(name, len(parts))]}})


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
