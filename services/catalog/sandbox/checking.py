"""Whether a value keeps to a schema of its document. Nothing is fetched."""

from typing import Any
from urllib.parse import quote

import jsonschema_rs

from services.catalog.documents.domain import Trouble
from services.catalog.documents.references import pointer as at
from services.catalog.documents.schemas import leaves, reason_of

_URI = "document:"
_FRAGMENT = "/~!$&'()*+,;=:@-._"
_BACKTRACKING = 100_000


class Checker:
    """Checks values against the schemas of one document, which is read as JSON Schema once."""

    def __init__(self, tree: dict[str, Any], family: str) -> None:
        self._draft = jsonschema_rs.Draft4 if family == "3.0" else jsonschema_rs.Draft202012
        document = _with_null(tree) if family == "3.0" else tree
        self._registry: Any = None
        try:
            self._registry = jsonschema_rs.Registry([(_URI, document)], draft=self._draft)
        except (ValueError, jsonschema_rs.ReferencingError):
            # A document with identifiers of its own that clash: nothing can be checked, nothing else is lost.
            return
        self._validators: dict[str, Any] = {}

    def accepts(self, pointer: str, value: Any) -> bool | None:
        """Say whether the schema at a JSON pointer accepts a value; None where that cannot be told."""
        validator = self._validator(pointer)
        return None if validator is None else bool(validator.is_valid(value))

    def is_of_type(self, pointer: str, value: Any) -> bool | None:
        """Say whether a value is of a type that the schema at a JSON pointer asks for, whatever else it lacks; None as above."""
        validator = self._validator(pointer)
        if validator is None:
            return None
        refused = (leaf for error in validator.iter_errors(value) for leaf in leaves(error))
        return not any(leaf.kind.name == "type" and not leaf.instance_path for leaf in refused)

    def troubles(self, pointer: str, value: Any, most: int) -> list[Trouble] | None:
        """Return what the schema at a JSON pointer refuses of a value, each with its place in the value; None as above."""
        validator = self._validator(pointer)
        if validator is None:
            return None
        found: dict[Trouble, None] = {}
        for error in validator.iter_errors(value):
            for leaf in leaves(error):
                found[Trouble(reason_of(leaf), at(*leaf.instance_path))] = None
            if len(found) >= most:
                break
        return list(found)

    def _validator(self, pointer: str) -> Any:
        if self._registry is None:
            return None
        if pointer not in self._validators:
            self._validators[pointer] = self._compile(pointer)
        return self._validators[pointer]

    def _compile(self, pointer: str) -> Any:
        options = jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKING)
        kind = jsonschema_rs.Draft4Validator if self._draft == jsonschema_rs.Draft4 else jsonschema_rs.Draft202012Validator
        try:
            schema = {"$ref": f"{_URI}#{quote(pointer, safe=_FRAGMENT)}"}
            return kind(schema, registry=self._registry, pattern_options=options, offline=True)
        except (ValueError, jsonschema_rs.ReferencingError, jsonschema_rs.ValidationError):
            return None


def _with_null(node: Any) -> Any:
    """Return an OpenAPI 3.0 tree in which ``nullable`` schemas accept null as JSON Schema says it."""
    if isinstance(node, list):
        return [_with_null(each) for each in node]
    if not isinstance(node, dict):
        return node
    copied = {key: _with_null(value) for key, value in node.items()}
    # An id of JSON Schema would move the base of references; in OpenAPI 3.0 it is only somebody's property.
    if isinstance(copied.get("id"), str):
        del copied["id"]
    if copied.get("nullable") is True and isinstance(copied.get("type"), str):
        copied["type"] = [copied["type"], "null"]
        if isinstance(copied.get("enum"), list) and None not in copied["enum"]:
            copied["enum"] = [*copied["enum"], None]
    return copied
