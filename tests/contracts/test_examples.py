"""What the documentation shows of the graph is what the graph takes: every document, and every field that is named."""

import re
from pathlib import Path

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema, build_schema, parse, validate

ROOT = Path(__file__).resolve().parents[2]
SCHEMA: GraphQLSchema = build_schema((ROOT / "contracts/schema.graphql").read_text("utf-8"))
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
GRAPHIQL = ROOT / "graphql_gateway/pages/graphiql.html"
BLOCK = re.compile(r"^```graphql\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`([A-Z][A-Za-z]+)\.([a-z][A-Za-z]+)\b")


def _documents() -> list[tuple[str, str]]:
    shown = [(page, BLOCK.findall(_text(page))) for page in PAGES]
    found = [(f"{page.relative_to(ROOT)} {number}", text) for page, texts in shown for number, text in enumerate(texts)]
    return [*found, *_first_page()]


def _text(page: Path) -> str:
    return page.read_text("utf-8")


def _first_page() -> list[tuple[str, str]]:
    """What whoever opens GraphiQL finds written there: a document, and one more that is commented out."""
    written = _text(GRAPHIQL).partition("const QUERY = `")[2].partition("\n`;")[0]
    (commented,) = re.findall(r"^#   (mutation \{.*?^)#   \}", written, re.MULTILINE | re.DOTALL)
    return [("graphiql", written), ("graphiql, commented out", commented.replace("#", "") + "}")]


@pytest.mark.parametrize(("place", "text"), [pytest.param(*each, id=each[0]) for each in _documents()])
def test_every_document_that_is_shown_is_one_that_the_graph_takes(place: str, text: str) -> None:
    assert [f"{place}: {error.message}" for error in validate(SCHEMA, parse(text))] == []


def test_there_are_documents() -> None:
    assert len(_documents()) >= 5


def test_every_field_that_is_named_with_its_type_is_there() -> None:
    missing = []
    # Decisions speak of what there was, and of what was not done, too.
    for page in [each for each in PAGES if "decisions" not in each.parts]:
        for type_name, field in NAMED.findall(_text(page)):
            found = SCHEMA.get_type(type_name)
            if isinstance(found, GraphQLObjectType | GraphQLInterfaceType) and field not in found.fields:
                missing.append(f"{page.relative_to(ROOT)}: {type_name}.{field}")
    assert missing == []
