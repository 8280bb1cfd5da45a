"""References within one document: JSON pointers, and following ``$ref``. Pure; nothing is ever fetched."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

_MAX_CHAIN = 32
# Beneath these keywords stand values that only look like parts of the description.
_VALUES = frozenset(("example", "default", "enum", "const", "value"))
# Beneath these keywords the keys are names that their author chose.
_NAMES = frozenset(
    (
        *("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "schemas", "responses", "parameters"),
        *("examples", "requestBodies", "headers", "securitySchemes", "links", "callbacks", "pathItems", "paths", "webhooks"),
        *("content", "encoding", "variables", "mapping", "scopes"),
    )
)


def escape(key: str) -> str:
    """Return a key as a step of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def pointer(*steps: str | int) -> str:
    """Return the JSON pointer of these steps."""
    return "".join(f"/{escape(str(step))}" for step in steps)


def resolve(tree: Any, reference: str) -> tuple[bool, Any]:
    """Return whether a local reference (``#/components/…``) points at something, and at what."""
    node = tree
    for step in unquote(reference.removeprefix("#")).split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdecimal() and len(key) < 8 and int(key) < len(node):
            node = node[int(key)]
        else:
            return False, None
    return True, node


def follow(tree: Any, node: Any) -> Any:
    """Return what a chain of references ends at; a node that is no reference is its own end; None where there is no end."""
    for _ in range(_MAX_CHAIN):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            return node
        exists, node = resolve(tree, node["$ref"])
        if not exists:
            return None
    return None


def trouble_with(tree: Any, reference: str) -> str | None:
    """Say what is wrong with a reference, or None."""
    if not reference.startswith("#"):
        return f'"{reference[:120]}" lies outside the document and is not fetched: bundle it into the document'
    if reference != "#" and not reference.startswith("#/"):
        return f'"{reference[:120]}" is not a JSON pointer: begin it with #/'
    exists, target = resolve(tree, reference)
    if not exists:
        return f'"{reference[:120]}" points at nothing'
    if follow(tree, target) is None and target is not None:
        return f'"{reference[:120]}" leads round in a circle and never to anything'
    return None


Path = tuple[Any, ...]


def to_pointer(path: Path) -> str:
    """Return the JSON pointer of a path as ``nodes`` gives it: nested pairs of (path before, step)."""
    steps: list[str | int] = []
    while path:
        path, step = path
        steps.append(step)
    return pointer(*reversed(steps))


def nodes(tree: Any) -> Iterator[tuple[Any, Path, int, bool]]:
    """Go through all nodes: each with its path, its depth, and whether it describes something (and is not just a value)."""
    stack: list[tuple[Any, Path, int, bool, bool]] = [(tree, (), 0, True, False)]
    while stack:
        node, path, depth, describes, holds_names = stack.pop()
        yield node, path, depth, describes and not holds_names
        if isinstance(node, dict):
            for key, child in node.items():
                is_value = not holds_names and (
                    key in _VALUES or key.startswith("x-") or (key == "examples" and isinstance(child, list))
                )
                stack.append((child, (path, key), depth + 1, describes and not is_value, not holds_names and key in _NAMES))
        elif isinstance(node, list):
            stack.extend((child, (path, index), depth + 1, describes, False) for index, child in enumerate(node))
