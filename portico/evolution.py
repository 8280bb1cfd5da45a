"""Whether the contracts of today keep what the released ones promise: within a version there are only additions.

Both kinds of reader are thought of: a consumer built on the released contract, who reads what is announced today, and one built
today, who reads what was announced before and is replayed. So a field neither appears as required nor becomes optional, and its
type changes in neither direction. A new value of an enumeration is an addition: consumers ignore what they do not know.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from graphql_gateway.evolution import breaking_changes

GRAPH, PROBLEMS, ENVELOPE = "schema.graphql", "problems.json", "envelope.json"
_LIMITS = (
    "format", "pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minItems", "maxItems", "uniqueItems", "default",
)  # fmt: skip
_NOTHING: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Break:
    """One way in which a contract of today breaks its released form."""

    file: str
    field: str
    what: str
    mend: str

    @property
    def key(self) -> str:
        """Return what a declaration of this break names."""
        return f"{self.file}: {self.field}"

    def __str__(self) -> str:
        """Return the sentence for a person."""
        return f"contracts/{self.file}: {self.field} {self.what}: {self.mend}"


def breaks(released: Mapping[str, str], present: Mapping[str, str]) -> list[Break]:
    """Return what the present contracts break of the released ones; both are texts by their path below ``contracts/``."""
    found: list[Break] = []
    for file, text in sorted(released.items()):
        if file == GRAPH:
            found += _graph(text, present.get(file, ""))
        elif file == PROBLEMS:
            found += _problems(orjson.loads(text), orjson.loads(present.get(file, "[]")))
        elif file not in present:
            found.append(Break(file, _fact(file), "is not announced any more", "announce it as long as anybody may consume it"))
        else:
            old, new = orjson.loads(text), orjson.loads(present[file])
            found += [Break(file, field, what, _mend(file)) for field, what in _Schemas(old, new).differences()]
    return found


def _fact(file: str) -> str:
    return file.removeprefix("events/").removesuffix(".json")


def _mend(file: str) -> str:
    named = re.fullmatch(r"(.+)\.v(\d+)", _fact(file))
    if named is None:
        return "leave it as it was; only an optional attribute may be added"
    return (
        f"publish {named[1]}.v{int(named[2]) + 1} beside it and leave v{named[2]} as it was; only an optional field may be added"
    )


def _graph(released: str, present: str) -> list[Break]:
    mend = "leave it, mark it @deprecated, and put the new one beside it"
    return [Break(GRAPH, place, f"breaks those who ask it ({says})", mend) for place, says in breaking_changes(released, present)]


def _problems(released: list[dict[str, Any]], present: list[dict[str, Any]]) -> Iterator[Break]:
    mend = "leave the code as it was and give the new refusal a name of its own"
    now = {row["code"]: row for row in present}
    for row in released:
        meant = now.get(row["code"])
        if meant is None:
            yield Break(PROBLEMS, row["code"], "is gone", mend)
            continue
        for part in ("kind", "status"):
            if meant[part] != row[part]:
                yield Break(PROBLEMS, row["code"], f"has the {part} {meant[part]} instead of {row[part]}", mend)


class _Schemas:
    """Two forms of one JSON Schema, each with its own definitions."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        self._old, self._new = old, new

    def differences(self) -> list[tuple[str, str]]:
        """Return which fields differ, and how."""
        return list(self._compare(self._old, self._new, ""))

    def _compare(self, old: Any, new: Any, place: str) -> Iterator[tuple[str, str]]:
        old, new = _followed(old, self._old), _followed(new, self._new)
        at = place or "the fact"
        if _choice(old) or _choice(new):
            yield from _limits(old, new, at)
        olds, news = _forms(old, self._old), _forms(new, self._new)
        for kind in olds.keys() - news.keys():
            yield at, f"cannot be {kind} any more"
        for kind in news.keys() - olds.keys():
            yield at, f"can be {kind} now"
        for kind in sorted(olds.keys() & news.keys()):
            yield from self._compare_form(olds[kind], news[kind], place)

    def _compare_form(self, old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
        at = place or "the fact"
        yield from _limits(old, new, at)
        yield from _values(old, new, at)
        yield from self._fields(old, new, place)
        for part, mark in (("items", "[]"), ("additionalProperties", "{}"), ("propertyNames", "{} (its names)")):
            if isinstance(old.get(part), dict) or isinstance(new.get(part), dict):
                yield from self._compare(old.get(part, _NOTHING), new.get(part, _NOTHING), f"{place}{mark}")
        before, after = old.get("prefixItems", []), new.get("prefixItems", [])
        if len(before) != len(after):
            yield at, f"has {len(after)} places instead of {len(before)}"
        for number, (one, other) in enumerate(zip(before, after, strict=False)):
            yield from self._compare(one, other, f"{place}[{number}]")

    def _fields(self, old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Iterator[tuple[str, str]]:
        before, after = old.get("properties", _NOTHING), new.get("properties", _NOTHING)
        was_required, is_required = set(old.get("required", ())), set(new.get("required", ()))
        for name in [*before, *(each for each in after if each not in before)]:
            field = f"{place}.{name}" if place else name
            if name not in after:
                yield field, "is gone"
            elif name not in before:
                if name in is_required:
                    yield field, "is new and required, but what was announced before lacks it (a default makes it optional)"
            else:
                if name in was_required - is_required:
                    yield field, "is not always there any more"
                if name in is_required - was_required:
                    yield field, "is required now, but what was announced before may lack it"
                yield from self._compare(before[name], after[name], field)


def _forms(schema: Any, document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return what a value may be, by the kind: a reference is followed, a choice is spread out."""
    forms: dict[str, Mapping[str, Any]] = {}
    for form in _spread(schema, document):
        kinds = form.get("type", "anything")
        for kind in kinds if isinstance(kinds, list) else [kinds]:
            number = sum(1 for each in forms if each.partition(" (")[0] == kind)
            forms[f"{kind} ({number + 1})" if number else kind] = form
    return forms


def _spread(schema: Any, document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    form = _followed(schema, document)
    if not _choice(form):
        yield form
    for each in _choice(form):
        yield from _spread(each, document)


def _followed(schema: Any, document: Mapping[str, Any]) -> Mapping[str, Any]:
    while isinstance(schema, dict) and "$ref" in schema:
        schema = document["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema if isinstance(schema, dict) else _NOTHING


def _choice(form: Mapping[str, Any]) -> list[Any]:
    return [*form.get("anyOf", ()), *form.get("oneOf", ())]


def _limits(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    for limit in _LIMITS:
        if old.get(limit) != new.get(limit):
            yield at, f"has the {limit} {_shown(new.get(limit))} instead of {_shown(old.get(limit))}"


def _values(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[tuple[str, str]]:
    before, after = _allowed(old), _allowed(new)
    if before is not None and after is not None:
        for value in before:
            if value not in after:
                yield at, f"cannot have the value {_shown(value)} any more"
    elif before is not None:
        yield at, "is no enumeration any more"
    elif after is not None:
        yield at, f"can have the values {', '.join(map(_shown, after))} alone now"


def _allowed(form: Mapping[str, Any]) -> list[Any] | None:
    if "const" in form:
        return [form["const"]]
    values = form.get("enum")
    return list(values) if values is not None else None


def _shown(value: Any) -> str:
    return "none" if value is None else orjson.dumps(value).decode()
