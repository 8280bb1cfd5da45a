"""The engine against graphql-core's own executor: random documents on the same rows give the same data and the same errors.

graphql-core runs the published schema with one naive resolver that follows the declarations field by field. Some rows lack
values, some values are of the wrong kind, and some loads fail, so that null travels as far as it may.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLError,
    GraphQLUnionType,
    build_schema,
    execute_sync,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_required_argument,
    parse,
    validate,
)
from graphql.execution.values import get_argument_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphql_gateway.engine.declare import Argument, Constant, Derived, FirstGiven, Load, Parent, Parts, Read
from graphql_gateway.engine.failures import Failure
from graphql_gateway.engine.front import Asked, Front
from graphql_gateway.engine.model import arguments_to_wire
from graphql_gateway.engine.price import Limits
from graphql_gateway.schema import model, sdl

ENDLESS = Limits(tokens=100_000, depth=50, aliases=10_000, fields=10_000, steps=100_000, price=10**12)
MODEL = model()
PLAIN = build_schema(sdl())
USAGE = {"from": "2026-11-01T00:00:00Z", "to": "2026-11-02T00:00:00Z"}
POOLS: dict[str, list[Any]] = {
    "id": ["org_ann", "app_1", "prd_cards", "org_bob", "sub_2", "xyz", "ver_1", "onb_1", "crt_1", "dxc_1", "fil_1"],
    "withinDays": [30],
    "slug": ["cards", "nothing"],
    "on": ["org_ann", "org_bob"],
    "input": [USAGE, USAGE | {"applicationId": "app_1"}, USAGE | {"organizationId": "org_bob"}],
    "first": [20, 1],
    "status": ["ACTIVE", "PENDING"],
    "productId": ["prd_accounts"],
    "search": ["cards"],
    "action": ["SUBSCRIBE"],
}
BREAKABLE = [
    "name",
    "label",
    "id",
    "title",
    "plans",
    "apis",
    "provider",
    "method",
    "nodes",
    "hint",
    "role",
    "total",
    "slug",
    "calls",
]
SPOILABLE = ["name", "label", "id", "title", "hint", "role", "total", "slug", "method"]
FAILING = [
    "plans_by_id",
    "organizations_by_id",
    "products_by_id",
    "usage",
    "operations_by_version",
    "subscriptions_by_application",
    "certificates_by_application",
    "client_keys_by_application",
    "onboarding_requests_by_organization",
    "sessions_of_viewer",
    "operator",
]


class Rows:
    """The canned rows, some of them spoilt. ``world`` answers single keys."""

    def __init__(self, world: Any, missing: Sequence[str], wrong: Sequence[str], failing: Sequence[str]) -> None:
        self.world, self.missing, self.wrong, self.failing = world, missing, wrong, failing

    def row(self, name: str, key: Any, args: dict[str, Any]) -> Any:
        if name in self.failing:
            return Failure("UNAVAILABLE", f"{name} fails", "0" * 32)
        if isinstance(key, dict) and any(part == {"odd": 1} for part in (key, *key.values())):
            return None
        return self._spoilt(orjson.loads(orjson.dumps(self.world.row(name, key, args, "usr_ann"))))

    def _spoilt(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._spoilt(each) for each in value]
        if not isinstance(value, dict):
            return value
        return {
            name: None if name in self.missing else {"odd": 1} if name in self.wrong else self._spoilt(each)
            for name, each in value.items()
        }

    async def load(self, _service: str, name: str, keys: list[Any], args: dict[str, Any]) -> Any:
        """Answer the engine."""
        rows = [self.row(name, key, args) for key in keys]
        return next((row for row in rows if isinstance(row, Failure)), rows)

    async def do(self, *_: Any) -> Any:
        """Nothing is done here."""
        raise NotImplementedError


def key_of(key: Any, parent: Any, args: dict[str, Any]) -> Any:
    if isinstance(key, Constant):
        return key.value
    if isinstance(key, Parts):
        parts = {name: key_of(part, parent, args) for name, part in key.parts.items()}
        return {name: part for name, part in parts.items() if part is not None}
    if isinstance(key, FirstGiven):
        return next(({name: args[name]} for name in key.names if args.get(name) is not None), key.otherwise)
    return parent.get(key.name) if isinstance(key, Parent) else args.get(key.name)


def arguments_left(load: Load, args: dict[str, Any]) -> dict[str, Any]:
    used = {part.name for part in getattr(load.key, "parts", {"": load.key}).values() if isinstance(part, Argument)}
    left = {each: value for each, value in args.items() if value is not None and each not in used}
    return load.arrange(left) if load.arrange else left


def loaded(rows: Rows, load: Load, parent: Any, args: dict[str, Any]) -> Any:
    """One row, by itself."""
    name, tag = load.name, None
    if load.spread:
        args |= args.pop(load.spread, None) or {}
    if load.kinds:
        kind = load.kinds.get(args["id"].partition("_")[0])
        if kind is None:
            return None
        tag, _, name = kind
    key = key_of(load.key, parent, args)
    if key is None and not isinstance(load.key, Constant):
        return None
    row = rows.row(name, key, arguments_left(load, args))
    if isinstance(row, Failure):
        raise GraphQLError(row.message)
    return {**row, "__typename": tag} if tag and row is not None else row


def resolver(rows: Rows) -> Any:
    """One field, as its declaration says, by itself."""

    def resolve(parent: Any, info: Any, **_: Any) -> Any:
        field = MODEL.types[info.parent_type.name][info.field_name]
        source = field.source
        if isinstance(source, Read):
            return parent.get(source.name)
        if isinstance(source, Derived):
            return source.function(parent)
        assert isinstance(source, Load)
        values = get_argument_values(info.parent_type.fields[info.field_name], info.field_nodes[0], info.variable_values)
        return loaded(rows, source, parent, arguments_to_wire(field.graphql, values))

    return resolve


class Writer:
    """Writes random documents that fit the schema."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.fragments: list[str] = []

    def document(self) -> str:
        body = self.selection(PLAIN.query_type, 0)
        return f"query ($yes: Boolean = true, $no: Boolean!) {body} " + " ".join(self.fragments)

    def selection(self, type_: Any, depth: int) -> str:
        parts = [self.part(type_, depth) for _ in range(self.random.randint(1, 4))]
        return "{ " + " ".join(["__typename", *(part for part in parts if part)]) + " }"

    def part(self, type_: Any, depth: int) -> str:
        roll = self.random.random()
        if is_abstract_type(type_) and roll < 0.6:
            member = self.random.choice(PLAIN.get_possible_types(type_))
            return f"... on {member.name} {self.directive()} {self.selection(member, depth)}"
        if roll < 0.1:
            return f"... {self.directive()} {self.selection(type_, depth)}"
        if roll < 0.2 and len(self.fragments) < 4:
            name = f"F{len(self.fragments)}"
            self.fragments.append("")
            self.fragments[int(name[1:])] = f"fragment {name} on {type_.name} {self.selection(type_, depth)}"
            return f"...{name} {self.directive()}"
        return self.field(type_, depth)

    def field(self, type_: Any, depth: int) -> str:
        if isinstance(type_, GraphQLUnionType):
            return ""  # it has no fields of its own
        name = self.random.choice(list(type_.fields))
        field = type_.fields[name]
        named = get_named_type(field.type)
        if not is_leaf_type(named) and depth >= 6:
            return ""
        choice = self.random.randint(0, 2)
        arguments = self.arguments(field, choice)
        written = (f"{name}_{choice}: {name}" if choice else name) + arguments + " " + self.directive()
        return written if is_leaf_type(named) else f"{written} {self.selection(named, depth + 1)}"

    def arguments(self, field: Any, choice: int) -> str:
        given = []
        for name, argument in field.args.items():
            pool = POOLS.get(name)
            if pool and (choice or is_required_argument(argument)):
                given.append(f"{name}: {self.literal(pool[choice % len(pool)], name)}")
        return f"({', '.join(given)})" if given else ""

    def literal(self, value: Any, name: str) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key}: {self.literal(each, key)}" for key, each in value.items()) + "}"
        return str(value) if name in ("action", "status", "first", "withinDays") else orjson.dumps(value).decode()

    def directive(self) -> str:
        return self.random.choice(["", "", "", "@include(if: $yes)", "@skip(if: $no)", "@skip(if: $yes)", "@include(if: true)"])


def shown(errors: Any) -> list[Any]:
    return [(error["path"], error["locations"]) for error in errors or ()]


@pytest.fixture
def canned(world: Any) -> Any:
    return world


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    no=st.booleans(),
    missing=st.lists(st.sampled_from(BREAKABLE), max_size=2),
    wrong=st.lists(st.sampled_from(SPOILABLE), max_size=1),
    failing=st.lists(st.sampled_from(FAILING), max_size=2),
)
async def test_random_documents(canned: Any, seed: int, no: bool, missing: Any, wrong: Any, failing: Any) -> None:
    document = Writer(Random(seed)).document()
    parsed = parse(document)
    if validate(PLAIN, parsed):
        return  # a fragment that nothing uses, or two types that do not fit under one name
    rows = Rows(canned, missing, wrong, failing)
    front = Front(MODEL, ENDLESS)
    answer = await front.answer(front.ready(Asked(document, {"no": no})), rows)
    expected = execute_sync(
        PLAIN,
        parsed,
        {},
        variable_values={"no": no},
        field_resolver=resolver(rows),
        type_resolver=lambda row, *_: row["__typename"],
    ).formatted
    assert orjson.dumps(answer["data"]) == orjson.dumps(expected["data"]), document
    assert shown(answer.get("errors")) == shown(expected.get("errors")), document
