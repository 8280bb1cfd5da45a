"""What a conversion stands on: the tree, the names that its parts get, the schemas that are still to be converted, warnings."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from services.catalog.documents.references import pointer, resolve

Node = dict[str, Any]

_USABLE = re.compile(r"[A-Za-z0-9._-]+")
_DEFINITION = re.compile(r"#/definitions/([^/]+)")


def extensions(node: Node) -> Node:
    """Return the members that are an extension of the specification."""
    return {key: value for key, value in node.items() if key.startswith("x-")}


def pick(node: Node, *names: str) -> Node:
    """Return those of the members that are there, and the extensions."""
    return {name: node[name] for name in names if name in node} | extensions(node)


def usable_names(names: Iterable[str]) -> dict[str, str]:
    """Return for each name one that a component may have: itself, or something like it that no other one has."""
    given = list(names)
    taken = {name for name in given if _USABLE.fullmatch(name)}
    found = {}
    for name in given:
        found[name] = name if name in taken else free_name(name, taken)
        taken.add(found[name])
    return found


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """Return a usable name like the wanted one that is not taken."""
    like = re.sub(r"[^A-Za-z0-9._-]+", "_", wanted).strip("_")[:100] or "unnamed"
    found, number = like, 2
    while found in taken:
        found, number = f"{like}_{number}", number + 1
    return found


class Ground:
    """Holds what the parts of a conversion have in common."""

    def __init__(self, tree: Node) -> None:
        self.tree = tree
        self.warnings: dict[str, None] = {}
        kinds = ("definitions", "parameters", "responses", "securityDefinitions")
        self.names = {kind: usable_names(tree.get(kind) or {}) for kind in kinds}
        self.consumes: tuple[str, ...] = media_types(tree.get("consumes"))
        self.produces: tuple[str, ...] = media_types(tree.get("produces"))
        self._components = {pointer(kind, key): name for kind, names in self.names.items() for key, name in names.items()}
        self._schemas = {f"#{pointer('definitions', key)}": name for key, name in self.names["definitions"].items()}
        self._taken = set(self._schemas.values())
        self._waiting = list(self._schemas)

    def warn(self, place: str, reason: str) -> None:
        """Tell the provider that something has no counterpart."""
        self.warnings[f"{place}: {reason}"] = None

    def schema_at(self, reference: str) -> str:
        """Return the reference to what a schema's reference leads to; what is no definition becomes a component of its own."""
        known = self._schemas.get(reference)
        if known is None:
            # One that is spelled otherwise, as with %20, may lead to the same definition.
            direct = _DEFINITION.fullmatch(reference)
            key = unquote(direct[1]).replace("~1", "/").replace("~0", "~") if direct else ""
            if key in self.names["definitions"]:
                known = self.names["definitions"][key]
            else:
                known = free_name(reference.removeprefix("#/").replace("~1", "_"), self._taken)
                self._taken.add(known)
                self._waiting.append(reference)
            self._schemas[reference] = known
        return f"#/components/schemas/{known}"

    def component(self, given: Any, kind: str) -> str | None:
        """Return the name of the component that a reference leads to straight, or None."""
        reference = given.get("$ref") if isinstance(given, dict) else None
        if not isinstance(reference, str) or not reference.startswith(f"#/{kind}/"):
            return None
        return self._components.get(reference.removeprefix("#"))

    def next_schema(self) -> tuple[str, Any, str] | None:
        """Return a schema that is still to be converted: its name, itself, its place; or None where none is left."""
        if not self._waiting:
            return None
        reference = self._waiting.pop()
        return self._schemas[reference], resolve(self.tree, reference)[1], reference.removeprefix("#")

    @property
    def renamed(self) -> dict[str, str]:
        """Return the definitions that could not keep their names."""
        return {key: name for key, name in self.names["definitions"].items() if key != name}


def media_types(listed: object) -> tuple[str, ...]:
    """Return the media types that are listed, each once."""
    found = (each.strip() for each in listed if isinstance(each, str)) if isinstance(listed, list) else ()
    return tuple(dict.fromkeys(each for each in found if each))
