"""A value for a schema: the document's own examples where it gives them, made up where it does not. Pure and bounded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.catalog.documents.references import resolve
from services.catalog.sandbox import scalars

MAX_VALUES = 5_000
_MAX_DEPTH = 40
# Deeper than this only what is required is made up.
_GENEROUS_DEPTH = 8
_MOST_ITEMS = 20
_MOST_TURNS = 5


class _Nothing:
    """No value: leave the member out."""


NOTHING: Final = _Nothing()
_SHAPES = {
    "object": ("properties", "additionalProperties", "required", "minProperties", "maxProperties", "patternProperties"),
    "array": ("items", "minItems", "maxItems", "prefixItems", "uniqueItems"),
    "string": ("pattern", "minLength", "maxLength", "format"),
    "number": ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum"),
}


@dataclass(slots=True)
class Composer:
    """Makes values for the schemas of one document; without ``uses_examples`` what a schema gives as example is passed over."""

    tree: dict[str, Any]
    uses_examples: bool = True
    _made: int = 0
    _open: list[str] = field(default_factory=list)
    _alternatives: int = 1

    def compose(self, schema: Any) -> Any:
        """Return a value for a schema."""
        self._made = 0
        self._open = []
        made = self._value(schema, 0)
        return None if made is NOTHING else made

    def _value(self, schema: Any, depth: int, *, is_needed: bool = True) -> Any:
        """Return a value, or ``NOTHING`` where the bounds are reached or the schema leads back into itself."""
        self._made += 1
        if depth > _MAX_DEPTH or self._made > MAX_VALUES:
            return NOTHING
        if not isinstance(schema, dict):
            return {} if schema is True else NOTHING
        made: Any = NOTHING
        for turn in range(_MOST_TURNS):
            # An alternative whose value has no end gives way to the next one.
            self._alternatives = 1
            references_before = len(self._open)
            whole = self._merged(schema, turn)
            alternatives = self._alternatives
            if whole is not None and (is_needed or len(set(self._open)) == len(self._open)):
                made = self._own_words(whole, depth)
            del self._open[references_before:]
            if made is not NOTHING or turn + 1 >= alternatives:
                break
        return made

    def _own_words(self, schema: dict[str, Any], depth: int) -> Any:
        if "const" in schema:
            return schema["const"]
        if self.uses_examples:
            if "example" in schema:
                return schema["example"]
            examples = schema.get("examples")
            if isinstance(examples, list) and examples:
                return examples[0]
            if "default" in schema and schema["default"] is not None:
                return schema["default"]
        choices = schema.get("enum")
        if isinstance(choices, list) and choices:
            return next((each for each in choices if each is not None), choices[0])
        return self._made_up(schema, depth)

    def _made_up(self, schema: dict[str, Any], depth: int) -> Any:
        kind = _kind_of(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind == "string":
            return scalars.text(schema)
        if kind in ("integer", "number"):
            return scalars.number(schema, is_whole=kind == "integer")
        if kind == "boolean":
            return True
        return None if kind == "null" else {}

    def _object(self, schema: dict[str, Any], depth: int) -> Any:
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = [name for name in schema.get("required") or () if isinstance(name, str)]
        made: dict[str, Any] = {}
        for name in (*required, *(each for each in properties if each not in required)):
            is_needed = name in required
            described = properties.get(name, schema.get("additionalProperties", True))
            if not is_needed and (depth >= _GENEROUS_DEPTH or _is_only_sent(described)):
                continue
            value = self._value(described, depth + 1, is_needed=is_needed)
            if value is not NOTHING:
                made[name] = value
            elif is_needed:
                return NOTHING
        self._fill(made, schema, depth)
        most = schema.get("maxProperties")
        if isinstance(most, int) and len(made) > most:
            made = {name: value for index, (name, value) in enumerate(made.items()) if index < max(most, len(required))}
        return {name: made[name] for name in (*properties, *made) if name in made}

    def _fill(self, made: dict[str, Any], schema: dict[str, Any], depth: int) -> None:
        """Add members of free names: as many as the schema asks for, one to show where it describes them."""
        described = schema.get("additionalProperties", True)
        least = schema.get("minProperties")
        wanted = min(least, _MOST_ITEMS) if isinstance(least, int) else 0
        if isinstance(described, dict) and described and not made:
            wanted = max(wanted, 1)
        number = 1
        while len(made) < wanted and described is not False:
            value = self._value(described, depth + 1)
            if value is NOTHING:
                return
            made[f"key{number}"] = value
            number += 1

    def _array(self, schema: dict[str, Any], depth: int) -> Any:
        first = schema.get("prefixItems")
        made = [self._value(each, depth + 1) for each in first[:_MOST_ITEMS]] if isinstance(first, list) else []
        if NOTHING in made:
            return NOTHING
        least, most = schema.get("minItems"), schema.get("maxItems")
        wanted = min(least, _MOST_ITEMS) if isinstance(least, int) else 0
        if not made and most != 0:
            wanted = max(wanted, 1)
        described = schema.get("items", True)
        while len(made) < wanted and described is not False:
            item = self._value(described, depth + 1, is_needed=isinstance(least, int) and least > 0)
            if item is NOTHING:
                return NOTHING if isinstance(least, int) and len(made) < least else made
            made.append(self._varied(item, described, len(made)) if schema.get("uniqueItems") else item)
        return made

    def _varied(self, item: Any, described: Any, index: int) -> Any:
        """Return the item changed so that it differs from the ones before it, where that is easily done."""
        open_before = len(self._open)
        whole = self._merged(described) if isinstance(described, dict) else None
        del self._open[open_before:]
        choices = (whole or {}).get("enum")
        if isinstance(choices, list) and choices:
            return choices[index % len(choices)]
        if isinstance(item, int | float) and not isinstance(item, bool):
            return item + index
        return f"{item}{index}" if isinstance(item, str) and index else item

    def _merged(self, schema: dict[str, Any], turn: int = 0) -> dict[str, Any] | None:
        """Return one schema for all that a schema refers to and joins, and its first fitting alternative; None for no end."""
        # Joining costs as well as making: schemas that name one another twice at every level double with each of them.
        self._made += 1
        if self._made > MAX_VALUES:
            return None
        if isinstance(schema.get("$ref"), str):
            return self._followed(schema, turn)
        whole: dict[str, Any] | None = {key: value for key, value in schema.items() if key not in ("allOf", "oneOf", "anyOf")}
        for each in schema.get("allOf") or ():
            part = self._merged(each, turn) if isinstance(each, dict) else {}
            whole = _join(whole, part) if whole is not None and part is not None else None
        if whole is None or ("example" in whole and self.uses_examples):
            return whole
        for choice in ("oneOf", "anyOf"):
            alternatives = schema.get(choice)
            if whole is not None and isinstance(alternatives, list) and alternatives:
                whole = self._chosen(whole, alternatives, turn)
        return whole

    def _followed(self, schema: dict[str, Any], turn: int) -> dict[str, Any] | None:
        """Return what a reference leads to, joined with what stands beside it; None where it leads round in a circle."""
        reference = schema["$ref"]
        # A reference is open as long as its value is being made: met again and again, it has no end.
        if self._open.count(reference) > 2 or len(self._open) > 200:
            return None
        self._open.append(reference)
        exists, target = resolve(self.tree, reference)
        if not exists or not isinstance(target, dict):
            return {} if target is True else None
        followed = self._merged(target, turn)
        # Beside a reference OpenAPI 3.0 knows nothing (its section on the Reference Object); 3.1 does, as JSON Schema does.
        is_alone = str(self.tree.get("openapi", "")).startswith("3.0")
        siblings = {} if is_alone else {key: value for key, value in schema.items() if key != "$ref"}
        return _join(followed, siblings) if followed is not None and siblings else followed

    def _chosen(self, whole: dict[str, Any], alternatives: list[Any], turn: int) -> dict[str, Any] | None:
        """Return the schema joined with the alternative whose turn it is: null comes last, and what has no end is passed over."""
        open_before = len(self._open)
        self._alternatives = max(self._alternatives, len(alternatives))
        is_null = {"type": "null"}
        ordered = sorted(alternatives, key=lambda one: one == is_null)
        for each in ordered[turn % len(ordered) :]:
            part = self._merged(each) if isinstance(each, dict) else {} if each is True else None
            if part is not None:
                return _with_discriminator(_join(whole, part), whole, each)
            del self._open[open_before:]
        return None


def _with_discriminator(joined: dict[str, Any], around: Mapping[str, Any], chosen: Any) -> dict[str, Any]:
    """Return the alternative with the property that tells it from the others set to its own name."""
    discriminator = around.get("discriminator")
    reference = chosen.get("$ref") if isinstance(chosen, dict) else None
    if not isinstance(discriminator, dict) or not isinstance(reference, str):
        return joined
    name = discriminator.get("propertyName")
    mapping = discriminator.get("mapping")
    names = {target: key for key, target in mapping.items()} if isinstance(mapping, dict) else {}
    value = names.get(reference, reference.rsplit("/", 1)[-1])
    properties = joined.get("properties")
    described = properties.get(name) if isinstance(properties, dict) else None
    if not isinstance(described, dict) or "enum" in described or "const" in described or "$ref" in described:
        return joined
    return {**joined, "properties": {**joined["properties"], name: {**described, "enum": [value]}}}


def _join(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return one schema that asks for what both ask for, as far as that is plain to see."""
    joined = {**first, **second}
    for key in ("properties", "patternProperties"):
        ours, theirs = first.get(key), second.get(key)
        if isinstance(ours, dict) and isinstance(theirs, dict):
            shared = {
                name: {"allOf": [ours[name], theirs[name]]} for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]
            }
            joined[key] = {**ours, **theirs, **shared}
    if isinstance(first.get("required"), list) and isinstance(second.get("required"), list):
        joined["required"] = list(dict.fromkeys((*first["required"], *second["required"])))
    if isinstance(first.get("enum"), list) and isinstance(second.get("enum"), list):
        joined["enum"] = [each for each in first["enum"] if each in second["enum"]] or second["enum"]
    for key, choose in (
        ("minLength", max),
        ("minItems", max),
        ("minimum", max),
        ("maxLength", min),
        ("maxItems", min),
        ("maximum", min),
    ):
        ours, theirs = first.get(key), second.get(key)
        if isinstance(ours, int | float) and isinstance(theirs, int | float):
            joined[key] = choose(ours, theirs)
    return joined


def _kind_of(schema: Mapping[str, Any]) -> str:
    """Return the type of value to make: the one given, the first but null of several, or what the keywords hint at."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((each for each in kind if each != "null"), "null")
    if isinstance(kind, str):
        return kind
    return next((shape for shape, keywords in _SHAPES.items() if any(keyword in schema for keyword in keywords)), "")


def _is_only_sent(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("writeOnly") is True
