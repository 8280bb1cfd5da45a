"""What was released is kept: each kind of break is found and told, additions are let through, a declared break has its reason."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portico import releasing
from portico.evolution import breaks
from portico.trouble import Trouble

ROOT = Path(__file__).parents[2]
FILE = "events/catalog.thing_made.v1.json"
MEND = "publish catalog.thing_made.v2 beside it and leave v1 as it was"
FACT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "thing_id": {"type": "string"},
        "count": {"type": "integer", "minimum": 1},
        "state": {"enum": ["NEW", "OLD"], "type": "string"},
        "ends_at": {"anyOf": [{"format": "date-time", "type": "string"}, {"type": "null"}], "default": None},
        "parts": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
        "names": {"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": {"enum": ["LV", "EN"]}},
    },
    "required": ["thing_id", "count", "state", "parts", "names"],
    "$defs": {"Part": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}},
}
Change = Callable[[dict[str, Any]], object]


def test_the_released_contracts_are_kept() -> None:
    found = releasing.violations(ROOT)
    assert not found, "\n" + "\n".join(found)


def test_there_is_something_released() -> None:
    released = releasing.kept(ROOT / releasing.RELEASED)
    assert {"schema.graphql", "problems.json", "envelope.json", "events/identity.application_created.v1.json"} <= released.keys()


def properties(fact: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = fact["properties"]
    return found


BREAKING: list[tuple[str, Change, str]] = [
    ("thing_id", lambda fact: properties(fact).pop("thing_id"), "is gone"),
    ("thing_id", lambda fact: fact["required"].remove("thing_id"), "is not always there any more"),
    ("thing_id", lambda fact: properties(fact).update(thing_id={"type": "integer"}), "cannot be string any more"),
    ("thing_id", lambda fact: properties(fact).update(thing_id={"type": ["string", "null"]}), "can be null now"),
    ("ends_at", lambda fact: fact["required"].append("ends_at"), "is required now"),
    ("ends_at", lambda fact: properties(fact)["ends_at"]["anyOf"].pop(), "cannot be null any more"),
    ("ends_at", lambda fact: properties(fact)["ends_at"]["anyOf"][0].pop("format"), 'the format none instead of "date-time"'),
    ("ends_at", lambda fact: properties(fact)["ends_at"].update(default="x"), 'the default "x" instead of none'),
    ("count", lambda fact: properties(fact)["count"].update(minimum=2), "the minimum 2 instead of 1"),
    ("state", lambda fact: properties(fact)["state"]["enum"].remove("OLD"), 'cannot have the value "OLD" any more'),
    ("state", lambda fact: properties(fact)["state"].pop("enum"), "is no enumeration any more"),
    ("thing_id", lambda fact: properties(fact)["thing_id"].update(const="x"), 'can have the values "x" alone now'),
    ("parts[].path", lambda fact: fact["$defs"]["Part"]["properties"].pop("path"), "is gone"),
    ("names{}", lambda fact: properties(fact)["names"].update(additionalProperties={"type": "integer"}), "cannot be string"),
    ("names{} (its names)", lambda fact: properties(fact)["names"]["propertyNames"]["enum"].pop(), 'the value "EN" any more'),
    (
        "colour",
        lambda fact: (properties(fact).update(colour={"type": "string"}), fact["required"].append("colour")),
        "is new and required",
    ),
]


def changed(change: Change) -> dict[str, Any]:
    fact = copy.deepcopy(FACT)
    change(fact)
    return fact


@pytest.mark.parametrize(("field", "change", "says"), BREAKING, ids=[f"{field} {says}" for field, _, says in BREAKING])
def test_a_break_of_a_fact_is_told(field: str, change: Change, says: str) -> None:
    found = breaks({FILE: json.dumps(FACT)}, {FILE: json.dumps(changed(change))})
    told = [each for each in found if each.field == field and says in each.what]
    assert told, [str(each) for each in found]
    assert str(told[0]).startswith(f"contracts/{FILE}: {field} ")
    assert MEND in str(told[0])


def test_a_fact_that_is_gone_is_told() -> None:
    (found,) = breaks({FILE: json.dumps(FACT)}, {})
    assert str(found).startswith(f"contracts/{FILE}: catalog.thing_made.v1 is not announced any more")


REF: dict[str, Any] = {"$ref": "#/$defs/Piece"}
ADDED: list[Change] = [
    lambda fact: properties(fact).update(colour={"type": "string", "default": "red"}),
    lambda fact: properties(fact)["state"]["enum"].append("WORN"),
    lambda fact: properties(fact)["names"]["propertyNames"]["enum"].append("RU"),
    lambda fact: fact["$defs"]["Part"]["properties"].update(method={"type": "string"}),
    lambda fact: fact.update(description="Otherwise said.", title="Said"),
    lambda fact: (fact["$defs"].update(Piece=fact["$defs"].pop("Part")), properties(fact)["parts"]["items"].update(REF)),
]


@pytest.mark.parametrize("change", ADDED, ids=["field", "value", "name of a key", "field of a part", "text", "name of a part"])
def test_an_addition_is_let_through(change: Change) -> None:
    new = {FILE: json.dumps(changed(change)), FILE.replace(".v1.", ".v2."): "{}"}
    assert breaks({FILE: json.dumps(FACT)}, new) == []


GRAPH = """
type Query { thing(id: ID!, plan: String): Thing }
type Thing { id: ID! state: State! }
enum State { NEW OLD }
input Make { name: String }
type Mutation { make(input: Make!): Thing }
"""
GRAPH_BREAKS = [
    ("state: State!", "", "Thing.state"),
    ("NEW OLD", "NEW", "State.OLD"),
    ("id: ID! state", "id: ID state", "Thing.id"),
    ("name: String", "name: String, colour: String!", "Make.colour"),
    ("plan: String", "plan: String!", "Query.thing(plan:)"),
    ("plan: String", "plan: String, first: Int!", "Query.thing(first:)"),
    (", plan: String", "", "Query.thing(plan:)"),
]


@pytest.mark.parametrize(("before", "after", "place"), GRAPH_BREAKS, ids=[f"{each[2]} {each[1]}" for each in GRAPH_BREAKS])
def test_a_break_of_the_graph_is_told(before: str, after: str, place: str) -> None:
    assert before in GRAPH
    (found,) = breaks({"schema.graphql": GRAPH}, {"schema.graphql": GRAPH.replace(before, after, 1)})
    assert found.key == f"schema.graphql: {place}"
    assert "@deprecated" in str(found)


def test_the_graph_may_grow() -> None:
    grown = (
        GRAPH.replace("NEW OLD", "NEW OLD WORN").replace("name: String", "name: String, colour: String") + "type More { x: Int }"
    )
    assert breaks({"schema.graphql": GRAPH}, {"schema.graphql": grown}) == []


@pytest.mark.parametrize(
    ("row", "says"), [(None, "X_TAKEN is gone"), ({"status": 400}, "the status 400"), ({"kind": "INVALID"}, "the kind INVALID")]
)
def test_a_break_of_a_code_is_told(row: dict[str, Any] | None, says: str) -> None:
    code = {"code": "X_TAKEN", "kind": "CONFLICT", "status": 409, "message": "It is taken."}
    new = [] if row is None else [{**code, **row, "message": "Otherwise said."}]
    (found,) = breaks({"problems.json": json.dumps([code])}, {"problems.json": json.dumps(new)})
    assert says in str(found)


class Promised:
    """A tree of contracts that are released, with a change on top."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write(FACT)
        releasing.release(root)

    def write(self, fact: dict[str, Any]) -> None:
        path = self.root / "contracts" / FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(fact))
        (self.root / "contracts/problems.json").write_text("[]")

    def declare(self, text: str) -> None:
        (self.root / releasing.DECLARED).write_text(f"[breaking]\n{text}\n")


def without_count(fact: dict[str, Any]) -> None:
    properties(fact).pop("count")


def test_a_declared_break_passes_with_a_reason_alone(tmp_path: Path) -> None:
    promised = Promised(tmp_path)
    promised.write(changed(without_count))
    (told,) = releasing.violations(tmp_path)
    assert told.endswith("or declare it in contracts/breaking.toml with a reason")
    promised.declare(f'"{FILE}: count" = " "')
    assert releasing.violations(tmp_path) == [told]
    promised.declare(f'"{FILE}: count" = "nobody ever counted"')
    assert releasing.violations(tmp_path) == []


def test_an_idle_declaration_is_told(tmp_path: Path) -> None:
    promised = Promised(tmp_path)
    promised.declare(f'"{FILE}: count" = "nobody ever counted"')
    assert releasing.violations(tmp_path) == [
        f"contracts/breaking.toml: {FILE}: count is declared and does not break anything: take the line out"
    ]


def test_a_declaration_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    promised = Promised(tmp_path)
    promised.declare("x")
    with pytest.raises(Trouble, match="cannot be read"):
        releasing.violations(tmp_path)


def test_a_release_keeps_the_new_promise(tmp_path: Path) -> None:
    promised = Promised(tmp_path)
    promised.write(changed(without_count))
    with pytest.raises(Trouble, match="cannot be released"):
        releasing.release(tmp_path)
    promised.declare(f'"{FILE}: count" = "nobody ever counted"')
    assert releasing.release(tmp_path) == [releasing.RELEASED / FILE]
    assert releasing.declared(tmp_path) == {}
    assert releasing.violations(tmp_path) == []
    assert releasing.release(tmp_path) == []
