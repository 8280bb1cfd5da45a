"""The page about the procedures names only what there is: verbs, states, codes and facts."""

import re
from pathlib import Path

from graphql import EnumTypeDefinitionNode, ObjectTypeDefinitionNode, parse

from portico.contracts import event_classes, problems

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/procedures.md").read_text("utf-8")
GRAPH = parse((ROOT / "contracts/schema.graphql").read_text("utf-8"))
TYPES = {each.name.value: each for each in GRAPH.definitions if isinstance(each, ObjectTypeDefinitionNode)}
FIELDS = {field.name.value for each in TYPES.values() for field in each.fields or ()}
STATES = {
    value.name.value for each in GRAPH.definitions if isinstance(each, EnumTypeDefinitionNode) for value in each.values or ()
}
CODES = {str(each["code"]) for each in problems()}
FACTS = {event.key.split(".")[1] for event in event_classes()}
NAMES = set(re.findall(r"`([A-Za-z_]+)`", PAGE))


def test_every_step_of_both_procedures_is_there() -> None:
    steps = re.findall(r"^### ([AB]\d+) ", PAGE, re.MULTILINE)
    assert steps == [*(f"A{each}" for each in range(1, 9)), *(f"B{each}" for each in range(1, 11))]


def test_every_verb_and_field_is_in_the_graph() -> None:
    assert {name for name in NAMES if re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", name)} - FIELDS == set()


def test_every_code_and_action_is_a_promise() -> None:
    assert {name for name in NAMES if name.isupper()} - CODES - STATES == set()


def test_every_fact_is_announced() -> None:
    assert {name for name in NAMES if re.fullmatch(r"[a-z]+(_[a-z]+)+", name)} - FACTS == set()


def test_every_state_is_one_of_the_graphs() -> None:
    plain = re.sub(r"`[^`]*`|\[[^]]*\]\([^)]*\)", "", PAGE)
    assert set(re.findall(r"\b[A-Z][A-Z_]{3,}\b", plain)) - STATES - {"POST"} == set()


def test_every_mutation_of_a_procedure_is_on_the_page() -> None:
    """A noun that a procedure moves along has all of its verbs here, so that a new one is not forgotten."""
    moved = re.compile(r"Permission|Onboarding|Connection|Agreement$|Approv|Representative|Substitute")
    verbs = {field.name.value for field in TYPES["Mutation"].fields or () if moved.search(field.name.value)}
    assert verbs - NAMES == set()
