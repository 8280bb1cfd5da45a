"""From text to tree: JSON or YAML, bounded, with the place of what cannot be read."""

import json
import math
from typing import Any

from services.catalog.documents import yaml_tree
from services.catalog.documents.domain import DocumentNotReadable, DocumentNotValid, Trouble
from services.catalog.documents.references import Path, nodes, to_pointer

JSON, YAML = "application/json", "application/yaml"
_LARGEST_INTEGER = 2**63


class _KeyTwiceError(ValueError):
    """A JSON object has a key twice."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) != len(pairs):
        raise _KeyTwiceError
    return built


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number in JSON")


def read_tree(text: str) -> tuple[dict[str, Any], str]:
    """Return the tree and the media type. Raises ``DocumentNotReadable`` or, where it is no object, ``DocumentNotValid``."""
    text = text.removeprefix("\ufeff")
    start = text.lstrip()[:1]
    if not start:
        raise DocumentNotReadable(troubles=[Trouble("the document is empty", line=1, column=1)])
    if start in "{[":
        tree, media_type = _read_json(text), JSON
    else:
        tree, media_type = yaml_tree.build(text), YAML
    if not isinstance(tree, dict):
        raise DocumentNotValid(troubles=[Trouble("an OpenAPI document is an object", "", 1, 1)])
    _check_values(tree, text)
    return tree, media_type


def _read_json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        trouble = Trouble(f"not JSON: {error.msg[:1].lower()}{error.msg[1:]}", line=error.lineno, column=error.colno)
        raise DocumentNotReadable(troubles=[trouble]) from error
    except RecursionError as error:
        raise DocumentNotReadable(f"The document is nested more than {yaml_tree.MAX_DEPTH} levels deep.") from error
    except _KeyTwiceError as error:
        # The YAML reader refuses a key that comes twice too, and knows the place.
        yaml_tree.build(text)
        raise DocumentNotReadable("A key stands twice in one object.") from error
    except ValueError as error:
        raise DocumentNotReadable(f"The document holds a number that cannot be read: {str(error)[:120]}.") from error


def _check_values(tree: dict[str, Any], text: str) -> None:
    """Refuse what is nested too deep, has too many values, or holds what JSON cannot carry."""
    for count, (node, path, depth, _) in enumerate(nodes(tree)):
        if depth > yaml_tree.MAX_DEPTH:
            raise _at(f"nested more than {yaml_tree.MAX_DEPTH} levels deep", path, text)
        if count > yaml_tree.MAX_NODES:
            raise DocumentNotReadable(f"The document has more than {yaml_tree.MAX_NODES:,} values.")
        if isinstance(node, str):
            _check_text(node, path, text)
        elif isinstance(node, int | float):
            _check_number(node, path, text)
        elif isinstance(node, dict):
            for key in node:
                _check_text(key, (path, key), text)


def _check_number(value: float, path: Path, text: str) -> None:
    if isinstance(value, int) and abs(value) >= _LARGEST_INTEGER:
        raise _at("the whole number does not fit into 64 bits: write it with an exponent", path, text)
    if not math.isfinite(value):
        raise _at("the number is too great", path, text)


def _check_text(value: str, path: Path, text: str) -> None:
    # Plain text is the rule: looking for surrogates one by one would cost more than the rest of the reading.
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _at("half of a surrogate pair is not a character", path, text) from error


def _at(reason: str, path: Path, text: str) -> DocumentNotReadable:
    pointer = to_pointer(path).encode(errors="replace").decode()
    line, column = yaml_tree.locate(text, {pointer}).get(pointer, (None, None))
    return DocumentNotReadable(troubles=[Trouble(reason, pointer, line, column)])
