"""Whether a tree keeps to the schema of its OpenAPI version, as published by the specification's authors."""

import functools
import pathlib
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import jsonschema_rs
import orjson

from services.catalog.documents.domain import MOST_PROBLEMS, Trouble
from services.catalog.documents.references import Path, pointer, to_pointer

_LONGEST_REASON = 240
_FILES = {"2.0": "v2.0", "3.0": "v3.0", "3.1": "v3.1"}


@functools.cache
def _validator(family: str) -> Any:
    # The package is found and not imported: it brings much along, and each document is read by a program of its own.
    package = find_spec("openapi_spec_validator")
    assert package is not None
    assert package.origin is not None
    published = pathlib.Path(package.origin).parent / "resources" / "schemas" / _FILES[family] / "schema.json"
    return jsonschema_rs.validator_for(orjson.loads(published.read_bytes()), offline=True)


@functools.cache
def _schema_validator() -> Any:
    """Return what checks the schemas of a 3.1 document: they are JSON Schemas of draft 2020-12."""
    return jsonschema_rs.validator_for({"$ref": "https://json-schema.org/draft/2020-12/schema"}, offline=True)


def troubles(tree: dict[str, Any], family: str) -> list[Trouble]:
    """Return what is wrong with a tree by its version's schema, at most ``MOST_PROBLEMS``; ``family`` is one of ``_FILES``."""
    found: dict[Trouble, None] = {}
    for error in _validator(family).iter_errors(tree):
        for leaf in leaves(error):
            found[Trouble(reason_of(leaf), pointer(*leaf.instance_path))] = None
        if len(found) >= MOST_PROBLEMS:
            break
    return list(found)[:MOST_PROBLEMS]


def schema_troubles(schema: Any, path: Path) -> Iterator[Trouble]:
    """Go through what is wrong with one schema of a 3.1 document."""
    for error in _schema_validator().iter_errors(schema):
        for leaf in leaves(error):
            yield Trouble(reason_of(leaf), to_pointer(path) + pointer(*leaf.instance_path))


def leaves(error: Any) -> list[Any]:
    """Return the causes of an error: of a choice that nothing fitted, those of the alternative that came nearest."""
    alternatives = getattr(error.kind, "context", None)
    if error.kind.name not in ("oneOf", "anyOf") or not alternatives:
        return [error]
    fitting = [each for each in alternatives if each and not _wants_reference(each)] or list(alternatives)
    nearest = max(fitting, key=lambda each: (max(len(one.instance_path) for one in each), -len(each)))
    return [leaf for one in nearest for leaf in leaves(one)]


def _wants_reference(alternative: list[Any]) -> bool:
    return any(each.kind.name == "required" and getattr(each.kind, "property", "") == "$ref" for each in alternative)


def reason_of(error: Any) -> str:
    """Return what is wrong by an error, in a few words."""
    kind = error.kind
    if kind.name == "required":
        return f'"{kind.property}" is missing'
    if kind.name in ("additionalProperties", "unevaluatedProperties"):
        names = ", ".join(f'"{name}"' for name in list(kind.unexpected)[:5])
        return f"{names} is not known here"
    if kind.name == "falseSchema":
        return "nothing may stand here"
    message = str(error.message)
    return message if len(message) <= _LONGEST_REASON else f"…{message[-_LONGEST_REASON:]}"
