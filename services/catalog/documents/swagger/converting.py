"""Converting a whole document of Swagger 2.0."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.catalog.documents.references import escape, follow, pointer
from services.catalog.documents.swagger.ground import Ground, Node, extensions, media_types, pick
from services.catalog.documents.swagger.parameters import convert_body, convert_form, convert_parameter, is_body
from services.catalog.documents.swagger.responses import convert_response
from services.catalog.documents.swagger.schemas import convert_schema
from services.catalog.documents.swagger.security import convert_requirements, convert_scheme

OPENAPI = "3.0.3"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_BODILESS = frozenset(("get", "head", "delete"))


@dataclass(frozen=True, slots=True)
class Converted:
    """A tree of OpenAPI 3.0, and what has no counterpart in it."""

    tree: Node
    warnings: tuple[str, ...]


def convert(tree: Node) -> Converted:
    """Return a document that keeps to the schema of Swagger 2.0 as OpenAPI 3.0."""
    ground = Ground(tree)
    made: Node = {"openapi": OPENAPI, **pick(tree, "info")}
    servers = _servers(ground, tree.get("schemes"), "/schemes")
    if servers:
        made["servers"] = servers
    made["paths"] = {
        path: item if path.startswith("x-") else _Paths(ground).convert_item(path, item) for path, item in tree["paths"].items()
    }
    components = _components(ground)
    if components:
        made["components"] = components
    if isinstance(tree.get("security"), list):
        made["security"] = convert_requirements(ground, tree["security"])
    made |= {name: tree[name] for name in ("tags", "externalDocs") if name in tree}
    return Converted(made, tuple(ground.warnings))


def _servers(ground: Ground, schemes: object, place: str) -> list[Node]:
    host, base_path = ground.tree.get("host"), ground.tree.get("basePath")
    path = str(base_path or "").rstrip("/")
    named = [each for each in schemes if isinstance(each, str)] if isinstance(schemes, list) else []
    if host is None:
        if named:
            ground.warn(place, "schemes without a host have no counterpart.")
        return [{"url": path or "/"}] if base_path is not None else []
    return [{"url": f"{each}://{host}{path}"} for each in named] or [{"url": f"//{host}{path}"}]


def _components(ground: Ground) -> Node:
    tree = ground.tree
    parts: Node = {name: {} for name in ("schemas", "responses", "parameters", "requestBodies", "securitySchemes")}
    for key, node in (tree.get("parameters") or {}).items():
        place, name = pointer("parameters", key), ground.names["parameters"][key]
        if node.get("in") == "body":
            parts["requestBodies"][name] = convert_body(ground, node, ground.consumes, place)
        elif not is_body(node):
            parts["parameters"][name] = convert_parameter(ground, node, place)
    for key, node in (tree.get("responses") or {}).items():
        parts["responses"][ground.names["responses"][key]] = convert_response(
            ground, node, ground.produces, pointer("responses", key)
        )
    for key, node in (tree.get("securityDefinitions") or {}).items():
        parts["securitySchemes"][ground.names["securityDefinitions"][key]] = convert_scheme(node)
    while (waiting := ground.next_schema()) is not None:
        name, node, place = waiting
        parts["schemas"][name] = convert_schema(ground, node, place)
    for kind in ("definitions", "parameters", "responses", "securityDefinitions"):
        for key, name in ground.names[kind].items():
            if key != name:
                ground.warn(pointer(kind, key), f"is named {name} now.")
    return {name: part for name, part in parts.items() if part}


class _Paths:
    """Converts the items of paths with their operations."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    def convert_item(self, path: str, item: Any) -> Node:
        """Return one path's item."""
        described = follow(self._ground.tree, item)
        if not isinstance(described, dict):
            return {}
        made = extensions(described)
        shared = self._listed(described.get("parameters"))
        plain = [each for each in shared if not is_body(each[1])]
        if plain:
            made["parameters"] = self._parameters(plain, pointer("paths", path, "parameters"))
        for method in _METHODS:
            if isinstance(described.get(method), dict):
                made[method] = self._operation(described[method], method, shared, pointer("paths", path, method))
        return made

    def _listed(self, listed: object) -> list[tuple[Node, Node]]:
        """Return parameters, each as it stands there and what it leads to."""
        found = [(each, follow(self._ground.tree, each)) for each in listed] if isinstance(listed, list) else []
        return [each for each in found if isinstance(each[1], dict)]

    def _operation(self, node: Node, method: str, shared: Sequence[tuple[Node, Node]], place: str) -> Node:
        ground = self._ground
        made = pick(node, "tags", "summary", "description", "externalDocs", "operationId", "deprecated")
        own = self._listed(node.get("parameters"))
        plain = [each for each in own if not is_body(each[1])]
        if plain:
            made["parameters"] = self._parameters(plain, f"{place}/parameters")
        body = self._body(node, own, shared, place)
        if body is not None:
            made["requestBody"] = body
            if method in _BODILESS:
                ground.warn(place, f"a body of {method.upper()} has no meaning that is defined.")
        produces = media_types(node["produces"]) if "produces" in node else ground.produces
        made["responses"] = {
            str(status): each
            if str(status).startswith("x-")
            else self._response(each, produces, f"{place}/responses/{escape(str(status))}")
            for status, each in node["responses"].items()
        }
        if isinstance(node.get("security"), list):
            made["security"] = convert_requirements(ground, node["security"])
        servers = _servers(ground, node["schemes"], f"{place}/schemes") if node.get("schemes") else []
        if servers and ground.tree.get("host") is not None:
            made["servers"] = servers
        return made

    def _parameters(self, listed: Sequence[tuple[Node, Node]], place: str) -> list[Node]:
        made = []
        for index, (given, node) in enumerate(listed):
            name = self._ground.component(given, "parameters")
            lead = {"$ref": f"#/components/parameters/{name}"}
            made.append(lead if name else convert_parameter(self._ground, node, f"{place}/{index}"))
        return made

    def _body(self, node: Node, own: Sequence[tuple[Node, Node]], shared: Sequence[tuple[Node, Node]], place: str) -> Node | None:
        ground = self._ground
        consumes = media_types(node["consumes"]) if "consumes" in node else ground.consumes
        # What the operation says itself goes before what is said for all operations of the path.
        bodies = [each for each in (*own, *shared) if each[1].get("in") == "body"]
        fields = {each[1]["name"]: each[1] for each in (*shared, *own) if each[1].get("in") == "formData"}
        if bodies and fields:
            ground.warn(place, "there is a body and form fields; the form fields are left out.")
        if bodies:
            given, described = bodies[0]
            name = ground.component(given, "parameters") if consumes == ground.consumes else None
            if name:
                return {"$ref": f"#/components/requestBodies/{name}"}
            return convert_body(ground, described, consumes, f"{place}/parameters")
        return convert_form(ground, list(fields.values()), consumes, f"{place}/parameters") if fields else None

    def _response(self, given: Any, produces: tuple[str, ...], place: str) -> Node:
        name = self._ground.component(given, "responses") if produces == self._ground.produces else None
        if name:
            return {"$ref": f"#/components/responses/{name}"}
        described = follow(self._ground.tree, given)
        return convert_response(self._ground, described if isinstance(described, dict) else {}, produces, place)
