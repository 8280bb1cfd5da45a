"""Converting responses: their schema and examples are told for each media type."""

from typing import Any

from services.catalog.documents.swagger.ground import Ground, Node, pick
from services.catalog.documents.swagger.schemas import convert_schema, value_schema


def convert_response(ground: Ground, node: Node, produces: tuple[str, ...], place: str) -> Node:
    """Return one response."""
    made: Node = {"description": "", **pick(node, "description")}
    if isinstance(node.get("headers"), dict):
        made["headers"] = {name: _header(ground, each, f"{place}/headers/{name}") for name, each in node["headers"].items()}
    content = _content(ground, node, produces, place)
    if content:
        made["content"] = content
    return made


def _header(ground: Ground, node: Node, place: str) -> Node:
    if node.get("collectionFormat", "csv") != "csv":
        ground.warn(place, f'the collectionFormat "{node["collectionFormat"]}" has no counterpart here.')
    made = {**pick(node, "description"), "schema": value_schema(ground, node, place)}
    made.pop("x-nullable", None)
    return made


def _content(ground: Ground, node: Node, produces: tuple[str, ...], place: str) -> Node:
    described, examples = node.get("schema"), node.get("examples")
    examples = {kind: value for kind, value in examples.items() if kind.strip()} if isinstance(examples, dict) else {}
    if described is None:
        return {kind: {"example": value} for kind, value in examples.items()}
    schema = convert_schema(ground, described, f"{place}/schema")
    kinds = list(dict.fromkeys((*produces, *examples)))
    if not kinds:
        is_file = isinstance(described, dict) and described.get("type") == "file"
        kinds = ["application/octet-stream" if is_file else "application/json"]
        ground.warn(place, f"no media type is given for the answer; {kinds[0]} is assumed.")
    return {kind: _described(schema, examples, kind) for kind in kinds}


def _described(schema: Any, examples: Node, kind: str) -> Node:
    return {"schema": schema, **({"example": examples[kind]} if kind in examples else {})}
