"""Rows that nobody wrote by hand: made up from the schema for every load that the canned services do not know."""

from functools import cache
from typing import Any

from graphql import (
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_interface_type,
    is_list_type,
    is_object_type,
    is_scalar_type,
    is_union_type,
)

from graphql_gateway.engine.declare import Load, Parent, Read
from graphql_gateway.schema import model

KNOWN = {"organization_id": "org_ann", "application_id": "app_1", "user_id": "usr_ann", "product_id": "prd_cards"}
SCALARS: dict[str, Any] = {
    "Int": 3,
    "Float": 1.5,
    "Long": 5_000_000_000,
    "Boolean": True,
    "DateTime": "2026-11-05T00:00:00.000Z",
    "URL": "https://made-up.example/",
}
DEEPEST = 4


@cache
def types_of_loads() -> dict[str, Any]:
    """The type that each load of the schema gives, by the load's name."""
    found: dict[str, Any] = {}
    for fields in model().types.values():
        for field in fields.values():
            if isinstance(field.source, Load):
                found.setdefault(field.source.name, field.graphql.type)
                for type_name, _, name in field.source.kinds.values():
                    found.setdefault(name, model().schema.type_map[type_name])
    return found


def row(name: str, key: Any) -> Any:
    """A row of a load, the same for the same key."""
    made = _value(types_of_loads()[name], name, 0)
    if isinstance(made, dict) and "nodes" not in made and isinstance(key, str):
        made["id"] = key
    return made


def _value(type_: Any, name: str, depth: int) -> Any:
    plain, named = get_nullable_type(type_), get_named_type(type_)
    if is_list_type(plain):
        return [_value(plain.of_type, name, depth + 1) for _ in range(2)] if depth < DEEPEST else []
    if is_enum_type(named):
        return next(iter(named.values))
    if is_scalar_type(named):
        return KNOWN.get(name) or SCALARS.get(named.name, f"made-up {name}")
    assert not is_union_type(named)
    assert not is_interface_type(named)
    assert is_object_type(named)
    if named.name.endswith("Connection"):
        return _page(named, depth)
    return _object(named.name, depth)


def _page(type_: Any, depth: int) -> dict[str, Any]:
    nodes = _value(type_.fields["nodes"].type, "nodes", depth)
    cursors = [str(number) for number in range(len(nodes))]
    return {"nodes": nodes, "cursors": cursors, "next": None, "total": len(nodes)}


def _object(type_name: str, depth: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for field in model().types[type_name].values():
        if isinstance(field.source, Read):
            if depth < DEEPEST:
                made[field.source.name or field.name] = _value(field.graphql.type, field.python_name, depth + 1)
        elif isinstance(field.source, Load) and isinstance(field.source.key, Parent):
            made.setdefault(field.source.key.name, KNOWN.get(field.source.key.name, f"made_up_{field.source.key.name}"))
    return made
