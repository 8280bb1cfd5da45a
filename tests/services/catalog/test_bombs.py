"""Documents that are small and become large: read by the reading program, each is used or refused with a code of its own."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from services.catalog.documents.domain import DocumentRefused
from services.catalog.versions.reading import DocumentReader, Limits, Reading
from tests.services.catalog.stage import as_yaml

DONE = {"200": {"description": "Done"}}
S = "#/components/schemas/"
D = "#/definitions/"


def openapi(schemas: dict[str, Any], schema: Any = None, **around: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": schema or {"$ref": f"{S}S0"}}}
    paths = {"/a": {"get": {"responses": {"200": {"description": "D", "content": content}}}}}
    return {
        "openapi": "3.0.3",
        "info": {"title": "T", "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas},
        **around,
    }


def swagger(definitions: dict[str, Any], schema: Any = None, **operation: Any) -> dict[str, Any]:
    answer = {"description": "D", "schema": schema or {"$ref": f"{D}S0"}}
    paths = {"/a": {"post": {"responses": {"200": answer}, **operation}}}
    return {"swagger": "2.0", "info": {"title": "T", "version": "1"}, "paths": paths, "definitions": definitions}


def doubling(prefix: str, keyword: str, many: int = 60) -> dict[str, Any]:
    found: dict[str, Any] = {f"S{n}": {keyword: [{"$ref": f"{prefix}S{n + 1}"}] * 2} for n in range(many)}
    return {**found, f"S{many}": {"type": "string"}}


def widening(prefix: str, many: int = 30) -> dict[str, Any]:
    found: dict[str, Any] = {
        f"S{n}": {
            "type": "object",
            "required": list("abcdefgh"),
            "properties": {k: {"$ref": f"{prefix}S{n + 1}"} for k in "abcdefgh"},
        }
        for n in range(many)
    }
    return {**found, f"S{many}": {"type": "string"}}


def chain(prefix: str, many: int = 3000) -> dict[str, Any]:
    found: dict[str, Any] = {f"S{n}": {"$ref": f"{prefix}S{n + 1}"} for n in range(many)}
    return {**found, f"S{many}": {"type": "string"}}


def rounds(prefix: str) -> dict[str, Any]:
    lead = {"$ref": f"{prefix}S0"}
    return {
        "S0": {
            "type": "object",
            "required": ["s"],
            "properties": {"s": lead, "l": {"type": "array", "minItems": 9, "items": lead}},
        }
    }


def into_one_another(prefix: str, many: int = 2000) -> dict[str, Any]:
    """Each property leads to the whole list of properties of another: little text, much to convert."""
    names = [f"p{n}" for n in range(many)]
    return {
        "S0": {
            "type": "object",
            "properties": {name: {"properties": {"x": {"$ref": f"{prefix}S0/properties/{name}"}}} for name in names},
        }
    }


def nested(depth: int) -> Any:
    schema: Any = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


def with_aliases(document: dict[str, Any]) -> str:
    shared = "\n".join(f"x-{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 12))
    return as_yaml(document) + f"x-0: &a0 {{description: {'x' * 5000}}}\n" + shared + "\n"


def shared_by_aliases() -> str:
    """One long text that a thousand descriptions share: a megabyte that is a gigabyte when it is written out."""
    many = "\n".join(f"  S{n}: {{description: *long}}" for n in range(1000))
    head = "swagger: '2.0'\ninfo: {title: T, version: '1'}\npaths: {}\n"
    return f"{head}x-long: &long {'x' * 1_000_000}\ndefinitions:\n{many}\n"


def many_kinds() -> dict[str, Any]:
    body = {"name": "b", "in": "body", "schema": {"type": "string", "description": "x" * 100_000}}
    return swagger({"S0": {"type": "string"}}, parameters=[body], consumes=[f"a/b{n}" for n in range(1000)])


ENUM = {"type": "string", "enum": [f"value {n}" for n in range(100_000)]}
BACKTRACKING = {"type": "string", "pattern": "^(([a-z])+.)+[A-Z]([a-z])+$", "example": "a" * 5000}
LONG_PATTERN = {"type": "string", "pattern": "(" * 20_000 + "a" + ")" * 20_000}
WIDE_PATTERN = {"type": "string", "pattern": "|".join(f"a{n}" for n in range(100_000)), "minLength": 50}

BOMBS: dict[str, Callable[[], Any]] = {
    "3.0, doubling allOf": lambda: openapi(doubling(S, "allOf")),
    "3.0, doubling anyOf": lambda: openapi(doubling(S, "anyOf")),
    "3.0, doubling oneOf": lambda: openapi(doubling(S, "oneOf")),
    "3.0, widening": lambda: openapi(widening(S)),
    "3.0, a long chain": lambda: openapi(chain(S)),
    "3.0, round and round": lambda: openapi(rounds(S)),
    "3.0, into one another": lambda: openapi(into_one_another(S)),
    "3.0, a large enumeration": lambda: openapi({"S0": ENUM}),
    "3.0, backtracking": lambda: openapi({"S0": BACKTRACKING}),
    "3.0, a deep expression": lambda: openapi({"S0": LONG_PATTERN}),
    "3.0, a wide expression": lambda: openapi({"S0": WIDE_PATTERN}),
    "3.0, nested": lambda: openapi({"S0": nested(45)}),
    "3.0, nested too deep": lambda: openapi({"S0": nested(200)}),
    "3.0, aliases of aliases": lambda: with_aliases(openapi({"S0": {"type": "string"}})),
    "3.1, doubling": lambda: {**openapi(doubling(S, "allOf")), "openapi": "3.1.0"},
    "3.1, dynamic round": lambda: {**openapi({"S0": {"$dynamicRef": "#/components/schemas/S0"}}), "openapi": "3.1.0"},
    "2.0, doubling": lambda: swagger(doubling(D, "allOf")),
    "2.0, widening": lambda: swagger(widening(D)),
    "2.0, a long chain": lambda: swagger(chain(D)),
    "2.0, round and round": lambda: swagger(rounds(D)),
    "2.0, into one another": lambda: swagger(into_one_another(D)),
    "2.0, a large enumeration": lambda: swagger({"S0": ENUM}),
    "2.0, nested": lambda: swagger({"S0": nested(45)}),
    "2.0, nested too deep": lambda: swagger({"S0": nested(200)}),
    "2.0, aliases of aliases": lambda: with_aliases(swagger({"S0": {"type": "string"}})),
    "2.0, shared by aliases": shared_by_aliases,
    "2.0, many media types": many_kinds,
    "2.0, the whole document": lambda: swagger({"S0": {"properties": {"all": {"$ref": "#"}}}}),
    "2.0, paths that lead to each other": lambda: {
        **swagger({"S0": {}}),
        "paths": {"/a": {"$ref": "#/paths/~1b"}, "/b": {"$ref": "#/paths/~1a"}},
    },
}
CODES = {"DOCUMENT_NOT_READABLE", "DOCUMENT_NOT_VALID", "DOCUMENT_TOO_COMPLEX", "DOCUMENT_TOO_LARGE"}
REFUSED = {
    "3.0, nested too deep": "DOCUMENT_NOT_READABLE",
    "3.0, aliases of aliases": "DOCUMENT_NOT_READABLE",
    "2.0, nested too deep": "DOCUMENT_NOT_READABLE",
    "2.0, aliases of aliases": "DOCUMENT_NOT_READABLE",
    "2.0, shared by aliases": "DOCUMENT_TOO_COMPLEX",
    "2.0, many media types": "DOCUMENT_TOO_COMPLEX",
    "2.0, paths that lead to each other": "DOCUMENT_NOT_VALID",
}


async def _outcome(text: str) -> Reading | str:
    reader = DocumentReader(Limits(max_bytes=10 * 1024**2, seconds=10, memory_bytes=2 * 1024**3, at_once=1))
    try:
        return await reader.read(text)
    except DocumentRefused as refused:
        return refused.code if refused.fields else "NO FIELD IS NAMED"


@pytest.mark.parametrize("name", BOMBS)
async def test_what_becomes_large_is_used_or_refused_by_name(name: str) -> None:
    made = BOMBS[name]()
    outcome = await _outcome(made if isinstance(made, str) else json.dumps(made))
    if name in REFUSED:
        assert outcome == REFUSED[name]
    else:
        assert isinstance(outcome, Reading) or outcome in CODES
