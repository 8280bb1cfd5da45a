"""What a document promises of one operation: its parameters, its body, its responses, with the places of their schemas. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from services.catalog.differences.shapes import Part, landed
from services.catalog.documents.domain import Operation
from services.catalog.documents.references import pointer

# What these headers say is described elsewhere in a document.
_NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
_STYLES = {"query": "form", "cookie": "form", "path": "simple", "header": "simple"}

# By media type the pointer of the schema, or None where there is none.
Content = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: where it is sent, how it is written, and the pointer of its schema. ``is_json``: it is written as JSON."""

    name: str
    place: str
    is_required: bool
    schema_at: str | None
    style: str
    explodes: bool
    is_json: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Return what tells it from others."""
        return self.place, self.name.lower() if self.place == "header" else self.name


@dataclass(frozen=True, slots=True)
class Body:
    """What may be sent."""

    is_required: bool
    content: Content


@dataclass(frozen=True, slots=True)
class Response:
    """What may be answered; ``headers`` are the pointers of their schemas by name, ``required`` those that are always there."""

    content: Content
    headers: Mapping[str, str | None]
    required: frozenset[str]


@dataclass(frozen=True, slots=True)
class Contract:
    """One operation as its document describes it."""

    method: str
    path: str
    parameters: tuple[Parameter, ...]
    body: Body | None
    responses: Mapping[str, Response]

    def response_to(self, status: int) -> Response | None:
        """Return what describes a status: itself, its range, or the default."""
        for each in (str(status), f"{status // 100}XX", f"{status // 100}xx", "default"):
            if each in self.responses:
                return self.responses[each]
        return None


def contract_of(tree: Any, operation: Operation) -> Contract:
    """Return what a document promises of one of its operations."""
    around = _at(tree, operation.pointer.rpartition("/")[0])
    part = landed(tree, Part(around.place + pointer(operation.method.lower()), around.schema.get(operation.method.lower())))
    # What the operation says of a parameter counts, and not what its path says of it.
    parameters = {each.key: each for each in (*_parameters(tree, around), *_parameters(tree, part))}
    return Contract(
        operation.method,
        operation.path,
        tuple(parameters.values()),
        _body(tree, part),
        {status: _response(tree, each) for status, each in _children(tree, part, "responses")},
    )


def _at(tree: Any, place: str) -> Part:
    return landed(tree, Part(place, {"$ref": f"#{quote(place)}"}))


def _children(tree: Any, part: Part, name: str) -> Iterator[tuple[str, Part]]:
    named = part.schema.get(name) if isinstance(part.schema, dict) else None
    for key, child in named.items() if isinstance(named, dict) else ():
        found = landed(tree, Part(part.place + pointer(name, key), child))
        if isinstance(found.schema, dict):
            yield str(key), found


def _parameters(tree: Any, part: Part) -> Iterator[Parameter]:
    listed = part.schema.get("parameters") if isinstance(part.schema, dict) else None
    for index, each in enumerate(listed if isinstance(listed, list) else ()):
        found = landed(tree, Part(part.place + pointer("parameters", index), each))
        described = found.schema
        if not isinstance(described, dict) or described.get("in") not in _STYLES:
            continue
        place, name = str(described["in"]), str(described.get("name"))
        if place != "header" or name.lower() not in _NOT_PARAMETERS:
            yield _parameter(tree, found, place, name)


def _parameter(tree: Any, part: Part, place: str, name: str) -> Parameter:
    described = part.schema
    style = str(described.get("style", _STYLES[place]))
    content = _content(tree, part)
    schema_at = next(iter(content.values()), None) if content else _schema_at(part)
    explodes = bool(described.get("explode", style == "form"))
    is_required = place == "path" or described.get("required") is True
    return Parameter(name, place, is_required, schema_at, style, explodes, bool(content))


def _schema_at(part: Part) -> str | None:
    return f"{part.place}/schema" if "schema" in part.schema else None


def _content(tree: Any, part: Part) -> Content:
    return {name.strip().lower(): _schema_at(each) for name, each in _children(tree, part, "content")}


def _body(tree: Any, part: Part) -> Body | None:
    described = part.schema.get("requestBody")
    if not isinstance(described, dict):
        return None
    found = landed(tree, Part(part.place + pointer("requestBody"), described))
    return Body(found.schema.get("required") is True, _content(tree, found)) if isinstance(found.schema, dict) else None


def _response(tree: Any, part: Part) -> Response:
    headers = {name.lower(): each for name, each in _children(tree, part, "headers") if name.lower() != "content-type"}
    required = frozenset(name for name, each in headers.items() if each.schema.get("required") is True)
    return Response(_content(tree, part), {name: _schema_at(each) for name, each in headers.items()}, required)
