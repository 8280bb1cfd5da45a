"""What a call needs to be authorized: the ways in, told by what they are and not by what a document calls them. Pure."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from services.catalog.documents.references import follow

Json = Any
Scheme = tuple[str, ...]
Way = dict[Scheme, frozenset[str]]

_MOST_WAYS = 64


def ways_in(tree: Json, operation: Mapping[str, Json]) -> list[Way]:
    """Return the ways in which a call may be authorized, each with the schemes that it needs; one that needs none is empty."""
    given = operation.get("security", tree.get("security"))
    asked: Iterable[Json] = given if isinstance(given, list) else []
    ways = [way for each in asked if isinstance(each, dict) for way in _spelled_out(tree, each)]
    return ways or [{}]


def asks_no_more(way: Way, than: Way) -> bool:
    """Say whether whoever fulfils one way fulfils the other, too."""
    return all(scheme in than and scopes <= than[scheme] for scheme, scopes in way.items())


def _spelled_out(tree: Json, asked: Mapping[str, Json]) -> Iterator[Way]:
    """Go through the ways of one requirement: a scheme with several flows can be fulfilled by each of them."""
    named = {name: _kinds(tree, name) for name in asked}
    for chosen in itertools.islice(itertools.product(*named.values()), _MOST_WAYS):
        way: Way = {}
        for name, scheme in zip(named, chosen, strict=True):
            scopes = asked[name] if isinstance(asked[name], list) else []
            way[scheme] = way.get(scheme, frozenset()) | {str(each) for each in scopes}
        yield way


def _kinds(tree: Json, name: str) -> list[Scheme]:
    """Return what a scheme is for those who call: where a key goes, how a word is sent, each flow with its addresses."""
    schemes = (tree.get("components") or {}).get("securitySchemes") or {}
    scheme = follow(tree, schemes.get(name))
    kind = scheme.get("type") if isinstance(scheme, dict) else None
    if isinstance(scheme, dict) and "in" in scheme:
        where, key = str(scheme["in"]), str(scheme.get("name"))
        return [(str(kind), where, key.lower() if where == "header" else key)]
    if kind == "http":
        return [("http", str(scheme.get("scheme")).lower())]
    if kind == "openIdConnect":
        return [("openIdConnect", str(scheme.get("openIdConnectUrl")))]
    if kind == "oauth2":
        flows = scheme.get("flows") or {}
        found = [
            ("oauth2", flow, *(str(said.get(each, "")) for each in ("authorizationUrl", "tokenUrl")))
            for flow, said in sorted(flows.items())
            if isinstance(said, dict) and not flow.startswith("x-")
        ]
        return found or [("oauth2",)]
    return [(str(kind or "unknown"), "" if kind else name)]
