"""What a schema allows, put together from everything that it refers to and consists of."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from services.catalog.documents.references import pointer, resolve

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
LIMITS = {
    "maximum": 1,
    "maxLength": 1,
    "maxItems": 1,
    "maxProperties": 1,
    "minimum": -1,
    "minLength": -1,
    "minItems": -1,
    "minProperties": -1,
}
# A limit as it is compared: its value, and -1 or 1 where the value itself is not within an upper or a lower one.
Limit = tuple[float, int]
EXCLUSIVE = {"maximum": "exclusiveMaximum", "minimum": "exclusiveMinimum"}
_RULES = frozenset(
    {
        *("multipleOf", "uniqueItems", "not", "if", "then", "else", "contains", "minContains", "maxContains", "prefixItems"),
        *("patternProperties", "propertyNames", "dependentRequired", "dependentSchemas", "unevaluatedProperties"),
    }
)
_MOST_PARTS = 64
_MOST_STEPS = 32

Json = Any


@dataclass(frozen=True, slots=True)
class Part:
    """A schema at its place; ``place`` is a JSON pointer, and so the schema's identity."""

    place: str
    schema: Json


Parts = tuple[Part, ...]


def part_at(place: str, schema: Json) -> Parts:
    """Return a schema as the parts that it is compared by: one."""
    return (Part(place, schema),)


def landed(tree: Json, part: Part) -> Part:
    """Return what a reference ends at, with its own place."""
    for _ in range(_MOST_STEPS):
        reference = part.schema.get("$ref") if isinstance(part.schema, dict) else None
        if not isinstance(reference, str) or not reference.startswith("#"):
            break
        exists, target = resolve(tree, reference)
        if not exists:
            break
        part = Part(unquote(reference[1:]), target)
    return part


def flattened(tree: Json, parts: Parts) -> list[Part]:
    """Return the parts, with everything that they refer to and are all of: each once."""
    found: dict[str, Part] = {}
    waiting = list(reversed(parts))
    while waiting and len(found) < _MOST_PARTS:
        written = waiting.pop()
        part = landed(tree, written)
        beside = _beside_reference(tree, written)
        if beside is not None:
            waiting.append(beside)
        if part.place in found or not isinstance(part.schema, dict):
            continue
        found[part.place] = part
        every = part.schema.get("allOf")
        if isinstance(every, list):
            waiting += [Part(part.place + pointer("allOf", index), each) for index, each in reversed(list(enumerate(every)))]
    return list(found.values())


def stands_alone(tree: Json, part: Part) -> bool:
    """Say whether nothing but its reference counts of a part: in OpenAPI 3.0 what stands beside one is passed over."""
    if not isinstance(part.schema, dict):
        return True
    return len(part.schema) < 2 or ("$ref" in part.schema and str(tree.get("openapi")).startswith("3.0"))


def _beside_reference(tree: Json, part: Part) -> Part | None:
    """Return what stands beside a reference, as OpenAPI 3.1 lets it; nothing where that says nothing of values."""
    if stands_alone(tree, part) or "$ref" not in part.schema:
        return None
    rest = {name: value for name, value in part.schema.items() if name not in ("$ref", "description", "summary")}
    return Part(part.place, rest) if rest else None


@dataclass(slots=True)
class Shape:
    """What values a schema allows."""

    places: dict[str, str] = field(default_factory=dict)
    types: frozenset[str] | None = None
    enum: dict[str, Json] | None = None
    formats: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    limits: dict[str, Limit] = field(default_factory=dict)
    properties: dict[str, Parts] = field(default_factory=dict)
    required: dict[str, str] = field(default_factory=dict)
    closed_at: str | None = None
    """Where properties that are not named are forbidden."""
    others: Parts = ()
    items: Parts = ()
    choices: list[tuple[Part, ...]] = field(default_factory=list)
    told_by: str | None = None
    """The property that tells alternatives apart (``discriminator``)."""
    told: dict[str, str] = field(default_factory=dict)
    rules: dict[str, str] = field(default_factory=dict)
    """What else is asked of values, as it is written."""

    def place_of(self, keyword: str, otherwise: str) -> str:
        """Return where a keyword stands."""
        return self.places.get(keyword, otherwise)

    def _take(self, part: Part) -> None:
        schema = part.schema
        for keyword in schema:
            self.places.setdefault(keyword, part.place + pointer(keyword))
        self._take_types(schema)
        self._take_values(schema)
        named = schema.get("properties")
        for name, child in named.items() if isinstance(named, dict) else ():
            at = Part(part.place + pointer("properties", name), child)
            self.properties[name] = (*self.properties.get(name, ()), at)
        for name in _strings(schema.get("required")):
            self.required.setdefault(name, part.place + "/required")
        rest = schema.get("additionalProperties")
        if rest is False:
            self.closed_at = part.place + "/additionalProperties"
        elif isinstance(rest, dict):
            self.others = (*self.others, Part(part.place + "/additionalProperties", rest))
        if isinstance(schema.get("items"), dict):
            self.items = (*self.items, Part(part.place + "/items", schema["items"]))
        for keyword in ("oneOf", "anyOf"):
            among = schema.get(keyword)
            if isinstance(among, list):
                self.choices.append(tuple(Part(part.place + pointer(keyword, at), each) for at, each in enumerate(among)))

        told = schema.get("discriminator")
        if isinstance(told, dict) and isinstance(told.get("propertyName"), str):
            self.told_by = told["propertyName"]
            mapping = told.get("mapping")
            self.told |= {str(value): str(to) for value, to in mapping.items()} if isinstance(mapping, dict) else {}

    def values_for(self, part: Part) -> frozenset[str] | None:
        """Return the values that name an alternative, or None where none does: those of the mapping, else what it is called."""
        reference = part.schema.get("$ref") if isinstance(part.schema, dict) else None
        if self.told_by is None or not isinstance(reference, str):
            return None
        name = reference.rpartition("/")[2]
        return frozenset(value for value, to in self.told.items() if to in (reference, name)) or frozenset({name})

    def _take_types(self, schema: Mapping[str, Json]) -> None:
        given = schema.get("type")
        types = frozenset([given] if isinstance(given, str) else _strings(given))
        if types and schema.get("nullable") is True:
            types |= {"null"}
        if "number" in types:
            types |= {"integer"}
        if types:
            self.types = types if self.types is None else self.types & types

    def _take_values(self, schema: Mapping[str, Json]) -> None:
        for keyword in sorted(_RULES & schema.keys()):
            if schema[keyword] is not False:
                self.rules[keyword] = self.rules.get(keyword, "") + json.dumps(schema[keyword], sort_keys=True)
        given = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(given, list):
            named = {json.dumps(each, sort_keys=True): each for each in given}
            self.enum = named if self.enum is None else {key: value for key, value in self.enum.items() if key in named}
        if isinstance(schema.get("format"), str):
            self.formats = (*self.formats, schema["format"])
        if isinstance(schema.get("pattern"), str):
            self.patterns = (*self.patterns, schema["pattern"])
        for keyword, sign in LIMITS.items():
            self._take_limits(schema, keyword, sign)

    def _take_limits(self, schema: Mapping[str, Json], keyword: str, sign: int) -> None:
        exclusive = schema.get(EXCLUSIVE.get(keyword, ""))
        # OpenAPI 3.0 says beside a limit that it is exclusive, 3.1 gives an exclusive one of its own.
        for value, side in ((schema.get(keyword), -sign if exclusive is True else 0), (exclusive, -sign)):
            if not isinstance(value, int | float) or isinstance(value, bool):
                continue
            # At least nothing is no limit.
            if value <= 0 and keyword.startswith("min") and keyword != "minimum":
                continue
            limit = (value, side)
            before = self.limits.get(keyword, limit)
            self.limits[keyword] = min(before, limit) if sign > 0 else max(before, limit)


def _strings(given: Json) -> Iterator[str]:
    if isinstance(given, list):
        yield from (each for each in given if isinstance(each, str))


def shape_of(tree: Json, parts: Parts) -> Shape:
    """Return what these parts allow together."""
    shape = Shape()
    for part in flattened(tree, parts):
        shape._take(part)  # noqa: SLF001 - it is filled here and read everywhere else
    if shape.types is not None and parts and all(_is_nullable_whole(landed(tree, part).schema) for part in parts):
        shape.types |= {"null"}
    return shape


def _is_nullable_whole(schema: Json) -> bool:
    """Say whether a schema of 3.0 means null beside what it consists of: strictly read it does not, but nobody means that."""
    return isinstance(schema, dict) and schema.get("nullable") is True and "type" not in schema
