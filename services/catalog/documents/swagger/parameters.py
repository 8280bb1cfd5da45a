"""Converting parameters: those of query, header and path stay such; body and form fields become the request's body."""

from collections.abc import Sequence
from typing import Any

from services.catalog.documents.swagger.ground import Ground, Node, extensions, pick
from services.catalog.documents.swagger.schemas import FILE, convert_schema, value_schema

FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_QUERY_STYLES: dict[str, Node] = {
    "csv": {"style": "form", "explode": False},
    "ssv": {"style": "spaceDelimited", "explode": False},
    "pipes": {"style": "pipeDelimited", "explode": False},
    "multi": {"style": "form", "explode": True},
}
_NOT_HEADERS = frozenset(("accept", "content-type", "authorization"))


def is_body(parameter: Node) -> bool:
    """Say whether it is sent within the request's body."""
    return parameter.get("in") in ("body", "formData")


def convert_parameter(ground: Ground, node: Node, place: str) -> Node:
    """Return a parameter of query, header or path."""
    made: Node = {**pick(node, "name", "in", "description", "required"), "schema": value_schema(ground, node, place)}
    made.pop("x-nullable", None)
    where = node.get("in")
    if where == "path":
        made["required"] = True
    if where == "query" and "allowEmptyValue" in node:
        made["allowEmptyValue"] = node["allowEmptyValue"]
    if where == "header" and str(node.get("name")).lower() in _NOT_HEADERS:
        ground.warn(place, f'OpenAPI 3.0 passes over the header parameter "{node["name"]}".')
    if "x-example" in made:
        made["example"] = made.pop("x-example")
    if node.get("type") == "array":
        made |= _style(ground, node, place)
    return made


def _style(ground: Ground, node: Node, place: str) -> Node:
    format_ = node.get("collectionFormat", "csv")
    if node.get("in") != "query":
        if format_ != "csv":
            ground.warn(place, f'the collectionFormat "{format_}" has no counterpart here: values are separated by commas.')
        return {"style": "simple"}
    if format_ not in _QUERY_STYLES:
        ground.warn(place, f'the collectionFormat "{format_}" has no counterpart: values are separated by commas.')
    return _QUERY_STYLES.get(format_, _QUERY_STYLES["csv"])


def convert_body(ground: Ground, node: Node, consumes: Sequence[str], place: str) -> Node:
    """Return the request's body that a body parameter describes."""
    if not consumes:
        ground.warn(place, "no media type is given for the body; application/json is assumed.")
    schema = convert_schema(ground, node.get("schema") or {}, f"{place}/schema")
    content = {each: {"schema": schema} for each in consumes or ("application/json",)}
    return {**pick(node, "description", "required"), "content": content}


def convert_form(ground: Ground, fields: Sequence[Node], consumes: Sequence[str], place: str) -> Node:
    """Return the request's body that form fields describe."""
    has_file = any(each.get("type") == "file" for each in fields)
    kinds = [each for each in consumes if each.partition(";")[0].strip().lower() in (FORM, MULTIPART)]
    if has_file and FORM in kinds:
        ground.warn(place, f"a file cannot be sent as {FORM}.")
        kinds = [each for each in kinds if each != FORM]
    if not kinds:
        kinds = [MULTIPART if has_file else FORM]
        if consumes:
            ground.warn(place, f"form fields are not sent as {', '.join(consumes)[:80]}; {kinds[0]} is assumed.")
    schema: Node = {"type": "object", "properties": {each["name"]: _field(ground, each, place) for each in fields}}
    required = [each["name"] for each in fields if each.get("required") is True]
    if required:
        schema["required"] = required
    encoding = {each["name"]: _encoding(ground, each, place) for each in fields if each.get("type") == "array"}
    if MULTIPART in (each.partition(";")[0].strip().lower() for each in kinds):
        _warn_of_parts(ground, fields, place)
    plain: Node = {"schema": schema}
    content = {each: plain | ({"encoding": encoding} if encoding and each.startswith(FORM) else {}) for each in kinds}
    return {**({"required": True} if required else {}), "content": content}


def _warn_of_parts(ground: Ground, fields: Sequence[Node], place: str) -> None:
    for each in fields:
        if each.get("type") == "array" and each.get("collectionFormat", "csv") != "multi":
            ground.warn(place, f'each value of the form field "{each["name"]}" becomes a part of its own in {MULTIPART}.')


def _field(ground: Ground, node: Node, place: str) -> Any:
    said = {key: node[key] for key in ("description",) if key in node} | extensions(node)
    said.pop("x-nullable", None)
    if "x-example" in said:
        said["example"] = said.pop("x-example")
    if node.get("allowEmptyValue") is True:
        ground.warn(place, f'that the form field "{node["name"]}" may be empty has no counterpart.')
    return {**(FILE if node.get("type") == "file" else value_schema(ground, node, place)), **said}


def _encoding(ground: Ground, node: Node, place: str) -> Node:
    format_ = node.get("collectionFormat", "csv")
    if format_ not in _QUERY_STYLES:
        ground.warn(place, f'the collectionFormat "{format_}" of the form field "{node["name"]}" has no counterpart.')
    return _QUERY_STYLES.get(format_, _QUERY_STYLES["csv"])
