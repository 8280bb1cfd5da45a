"""Converting schemas: types that are lists, null, files, discriminators, tuples."""

from typing import Any

from services.catalog.documents.swagger.ground import Ground, Node

_KEPT = frozenset(
    (
        *("title", "description", "default", "format", "multipleOf", "maximum", "exclusiveMaximum", "minimum"),
        *("exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems"),
        *("maxProperties", "minProperties"),
        *("required", "enum", "readOnly", "xml", "externalDocs", "example"),
    )
)
_OF_VALUES = frozenset((*_KEPT, "type", "items", "x-nullable")) - {"description", "required", "title", "example"}
FILE: Node = {"type": "string", "format": "binary"}


def convert_schema(ground: Ground, node: Any, place: str) -> Any:
    """Return a schema of OpenAPI 3.0 that says the same."""
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        lead = {"$ref": ground.schema_at(reference)}
        return {"nullable": True, "allOf": [lead]} if node.get("x-nullable") is True else lead
    made = {key: value for key, value in node.items() if key in _KEPT or (key.startswith("x-") and key != "x-nullable")}
    _say_type(ground, node, made, place)
    if node.get("x-nullable") is True:
        made["nullable"] = True
    _say_parts(ground, node, made, place)
    return made


def value_schema(ground: Ground, node: Node, place: str) -> Any:
    """Return the schema of what a parameter, an item or a header holds."""
    inner = node.get("items")
    while isinstance(inner, dict):
        if inner.get("type") == "array":
            ground.warn(place, "lists within lists have no separators of their own in OpenAPI 3.0.")
            break
        inner = inner.get("items")
    return convert_schema(ground, {key: value for key, value in node.items() if key in _OF_VALUES}, place)


def _say_type(ground: Ground, node: Node, made: Node, place: str) -> None:
    kind = node.get("type")
    if kind == "file":
        made |= FILE
    elif isinstance(kind, list):
        others = [each for each in kind if each != "null"]
        if "null" in kind:
            made["nullable"] = True
        if len(others) == 1:
            made["type"] = others[0]
        elif others:
            made["anyOf"] = [{"type": each, "items": {}} if each == "array" else {"type": each} for each in others]
            ground.warn(place, "several types become alternatives.")
    elif kind == "null":
        made["nullable"] = True
        ground.warn(place, 'the type "null" has no counterpart; everything is allowed, null too.')
    elif kind is not None:
        made["type"] = kind


def _say_parts(ground: Ground, node: Node, made: Node, place: str) -> None:
    properties, items, more = node.get("properties"), node.get("items"), node.get("additionalProperties")
    if isinstance(properties, dict):
        made["properties"] = {
            name: convert_schema(ground, each, f"{place}/properties/{name}") for name, each in properties.items()
        }
    if isinstance(items, list):
        ground.warn(place, "the items of a list are told by their kinds alone, and no longer by their order.")
        kinds = [convert_schema(ground, each, f"{place}/items") for each in items]
        made["items"] = kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {}
    elif items is not None:
        made["items"] = convert_schema(ground, items, f"{place}/items")
    elif made.get("type") == "array":
        made["items"] = {}
    if more is not None:
        made["additionalProperties"] = convert_schema(ground, more, f"{place}/additionalProperties")
    if isinstance(node.get("allOf"), list):
        made["allOf"] = [convert_schema(ground, each, f"{place}/allOf") for each in node["allOf"]]
    if isinstance(node.get("discriminator"), str):
        made["discriminator"] = _discriminator(ground, node["discriminator"])


def _discriminator(ground: Ground, name: str) -> Node:
    """Return a discriminator; its values are the definitions' names, so those that were renamed are told by a mapping."""
    definitions = ground.tree.get("definitions") or {}
    mapping = {
        old: f"#/components/schemas/{new}"
        for old, new in ground.renamed.items()
        if isinstance(definitions[old], dict) and any("$ref" in each for each in definitions[old].get("allOf") or ())
    }
    return {"propertyName": name, **({"mapping": mapping} if mapping else {})}
