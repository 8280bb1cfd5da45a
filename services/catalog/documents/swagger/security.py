"""Converting what guards operations."""

from services.catalog.documents.swagger.ground import Ground, Node, pick

_FLOWS = {
    "implicit": "implicit",
    "password": "password",
    "application": "clientCredentials",
    "accessCode": "authorizationCode",
}


def convert_scheme(node: Node) -> Node:
    """Return one way to prove who asks."""
    kind = node.get("type")
    if kind == "basic":
        return {"type": "http", "scheme": "basic", **pick(node, "description")}
    if kind != "oauth2":
        return pick(node, "type", "description", "name", "in")
    scopes = {name: said for name, said in (node.get("scopes") or {}).items() if not name.startswith("x-")}
    flow = {name: node[name] for name in ("authorizationUrl", "tokenUrl") if name in node}
    flows: Node = {_FLOWS[str(node.get("flow"))]: {**flow, "scopes": scopes}}
    return {"type": "oauth2", "flows": flows, **pick(node, "description")}


def convert_requirements(ground: Ground, listed: list[Node]) -> list[Node]:
    """Return which of the ways are asked for."""
    names = ground.names["securityDefinitions"]
    return [{names.get(name, name): scopes for name, scopes in each.items()} for each in listed]
