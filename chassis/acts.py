"""Acts: what somebody did or was refused, as it is announced for the audit trail.

Whatever a verb commits is announced in the very transaction of the change, with what became of the things that are *audited*.
Which collections are audited, under which kind, whom a change concerns and which fields may be seen, stands in one table a
service. What a table does not name as shown leaves as a keyed digest: that it changed can be proved, what it was cannot be read.

Values are compared field by field. A field within another one is named by a path (``plans/pln_1/name``); the table names it
without the ids (``plans.name``), and what it says of a field holds for everything within that it does not name by itself.
"""

import hmac
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict

from chassis.messages import Event, to_timestamp

DIGEST = "digest"
HIDDEN: Mapping[str, Any] = {"hidden": True}
MOST_CHANGES = 40
MOST_FIELDS = 60
LARGEST_VALUE_BYTES = 1024
LARGEST_ACT_BYTES = 64 * 1024
_DIGEST_DIGITS = 32
_LARGEST_EXACT = 2**53
_IDS = ("id", "_id", "file_id", "language")
"""By which of their fields the parts of a list are told apart."""
_ABSENT = object()


NAMED = "*"
"""In a table: the things of a collection concern the organizations that the transaction itself names (``tx.concerns``)."""


class Outcome(StrEnum):
    """Whether it was done or refused for want of authority."""

    DONE = "DONE"
    DENIED = "DENIED"


class Change(BaseModel):
    """What became of one thing: the fields that changed, by their paths.

    ``before`` is null for a new thing, ``after`` for a gone one, both for a thing that was only named.
    A value that may not be seen is ``{"digest": …}`` (also one that is too large, with its ``bytes``) or ``{"hidden": true}``.
    ``left_out`` says how many more fields changed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    id: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    organization_ids: tuple[str, ...] = ()
    left_out: int = 0


class Recorded(Event):
    """What somebody did, or was refused. A service announces a class of its own that is derived from this one.

    ``cause`` is the event of which it is a consequence; ``count`` how often it was refused or looked at since it was told last;
    ``left_out`` how many more things changed. ``organization_ids`` are those whose chains it belongs in.
    """

    verb: str
    outcome: Outcome
    code: str | None = None
    request_id: str
    cause: str | None = None
    count: int = 1
    organization_ids: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Audited:
    """How the things of one collection are told: see ``audited``."""

    kind: str
    organizations: tuple[str, ...]
    acted_by: str | None
    told: Mapping[str, str]

    def told_how(self, name: str) -> str:
        """Return how a field is told: what the table says of it, or of what it is within; otherwise as a digest."""
        while name:
            if name in self.told:
                return self.told[name]
            name = name.rpartition(".")[0]
        return "digested"


def audited(kind: str, *, organizations: str = "organization_id", acted_by: str | None = None, **told: str) -> Audited:
    """Return a row of a service's table; names of fields stand side by side in one text.

    ``organizations`` are the fields that name whom a change concerns (or ``NAMED``; ``provider_id?is_filed`` where only a field
    that is set makes it their business); ``acted_by`` is the one that names who acts where nobody was signed in yet. Fields are
    ``shown``, ``digested`` (personal data), ``hidden`` (secrets) or ``ignored`` (no news).
    """
    assert told.keys() <= {"shown", "digested", "hidden", "ignored"}, f"{kind}: fields are shown, digested, hidden or ignored"
    names = {name: how for how, text in told.items() for name in text.split()}
    assert len(names) == sum(len(text.split()) for text in told.values()), f"{kind}: a field is told in two ways"
    return Audited(kind, tuple(organizations.split()), acted_by, names)


OWN: Mapping[str, Audited] = {
    "removed_dead_letters": audited(
        "dead_letter", organizations="", shown="queue event_id what by at event subject code died_at", digested="because envelope"
    ),
}
"""What the chassis itself keeps in every service, and is audited everywhere."""


@dataclass(frozen=True, slots=True)
class Acts:
    """What a service records: its own event, and its table. ``not_audited`` gives a reason for each of the other collections."""

    event: type[Recorded]
    audited: Mapping[str, Audited]
    not_audited: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deed:
    """What a transaction is for: a verb, a reaction or a timer; ``cause`` is the event that it reacts to."""

    verb: str
    cause: str | None = None


@dataclass(slots=True)
class Touched:
    """One thing that a transaction wrote: as it was at first, and as it is."""

    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


class Teller:
    """Tells changes as the table allows. ``key`` is known to the service alone."""

    def __init__(self, acts: Acts, key: bytes) -> None:
        self._acts = acts
        self._key = key

    def changes(self, touched: Mapping[tuple[str, str], Touched], named: Sequence[str]) -> list[Change]:
        """Return what became of the things that a transaction wrote, without those that are as they were."""
        told, room = [], _Room()
        for (name, key), each in touched.items():
            change = self._change(_Place(self._acts.audited[name], key), each, named, room)
            if change is not None:
                told.append(change)
        return told

    def _change(self, place: "_Place", touched: Touched, named: Sequence[str], room: "_Room") -> Change | None:
        before, after, row = touched.before, touched.after, place.row
        if before is None and after is None:
            return None
        was, now = _leaves(before or {}, row, after or {}), _leaves(after or {}, row, before or {})
        different = [path for path in {**was, **now} if was.get(path, _ABSENT) != now.get(path, _ABSENT)]
        if not different and before is not None and after is not None:
            return None
        shown = different[:MOST_FIELDS]
        concerned = [*named] if NAMED in row.organizations else []
        return Change(
            kind=row.kind,
            id=place.key,
            before=None if before is None else {path: self._told(place, path, was[path], room) for path in shown if path in was},
            after=None if after is None else {path: self._told(place, path, now[path], room) for path in shown if path in now},
            organization_ids=tuple(dict.fromkeys(concerned + _organizations(row, before) + _organizations(row, after))),
            left_out=len(different) - len(shown),
        )

    def _told(self, place: "_Place", path: str, leaf: "_Leaf", room: "_Room") -> Any:
        if leaf.value is None or leaf.value in ("", [], {}, ()):
            return _plain(leaf.value)
        if leaf.told == "hidden":
            return dict(HIDDEN)
        plain = _plain(leaf.value)
        written = orjson.dumps(plain)
        if leaf.told == "shown" and len(written) <= min(LARGEST_VALUE_BYTES, room.bytes_left):
            room.bytes_left -= len(written)
            return plain
        said = f"{place.row.kind}\n{place.key}\n{path}\n".encode() + written
        digest = hmac.digest(self._key, said, "sha256").hex()[:_DIGEST_DIGITS]
        return {DIGEST: digest, "bytes": len(written)} if leaf.told == "shown" else {DIGEST: digest}


@dataclass(slots=True)
class _Room:
    """How much may still be shown of one act."""

    bytes_left: int = LARGEST_ACT_BYTES


@dataclass(frozen=True, slots=True)
class _Place:
    """Which thing is told."""

    row: Audited
    key: str


def acting_user(acts: Acts, touched: Mapping[tuple[str, str], Touched]) -> str | None:
    """Return who acted where nobody was signed in, as far as what was written says so."""
    for (name, key), each in touched.items():
        field_name = acts.audited[name].acted_by
        document = each.after or each.before
        if field_name is not None and document is not None:
            found = key if field_name == "_id" else document.get(field_name)
            if isinstance(found, str):
                return found
    return None


@dataclass(frozen=True, slots=True)
class _Leaf:
    value: Any
    told: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Leaf) and self.value == other.value

    def __hash__(self) -> int:
        return hash(self.told)


def _leaves(document: Mapping[str, Any], row: Audited, other: Mapping[str, Any]) -> dict[str, _Leaf]:
    """Return the fields of a document by path, but for what is the same in the other one or not news."""
    found: dict[str, _Leaf] = {}
    for name, value in document.items():
        if name != "_id" and (name not in other or other[name] != value):
            found.update(_within(name, name, value, row))
    return found


def _within(path: str, name: str, value: Any, row: Audited) -> Iterator[tuple[str, _Leaf]]:
    parts = list(_parts(value, name))
    if parts:
        for part, part_name, each in parts:
            yield from _within(f"{path}/{part}", part_name, each, row)
        return
    told = row.told_how(name)
    if told != "ignored":
        yield path, _Leaf(value, told)


def _parts(value: Any, name: str) -> Iterator[tuple[str, str, Any]]:
    """Yield the parts of a value that are compared by themselves: the fields of an object, the parts of a list that have ids."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield str(key), f"{name}.{key}", each
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes) and all(isinstance(each, Mapping) for each in value):
        id_name = next((each for each in _IDS if value and all(each in part for part in value)), None)
        if id_name is not None and len({part[id_name] for part in value}) == len(value):
            for part in value:
                yield str(part[id_name]), name, part


def _organizations(row: Audited, document: Mapping[str, Any] | None) -> list[str]:
    if document is None:
        return []
    named = []
    for each in row.organizations:
        name, _, condition = each.partition("?")
        if not condition or document.get(condition):
            named.append(document.get(name))
    return [each for each in named if isinstance(each, str)]


def _plain(value: Any) -> Any:
    """Return a value as JSON that every reader understands alike."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(each) for each in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < _LARGEST_EXACT:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, datetime):
        return to_timestamp(value)
    return value.hex() if isinstance(value, bytes) else str(value)
