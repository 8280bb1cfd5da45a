"""Parameters are written as OpenAPI's table of styles has it."""

from typing import Any

import pytest

from services.catalog.trials.contract import Parameter
from services.catalog.trials.values import chosen, in_header, in_path, in_query

LIST = ["blue", "black"]
PAIRS = {"R": 100, "G": 200}
STYLES: list[tuple[str, str, bool, Any, str]] = [
    ("path", "simple", False, "blue", "blue"),
    ("path", "simple", False, LIST, "blue,black"),
    ("path", "simple", False, PAIRS, "R,100,G,200"),
    ("path", "simple", True, PAIRS, "R=100,G=200"),
    ("path", "label", False, "blue", ".blue"),
    ("path", "label", False, LIST, ".blue,black"),
    ("path", "label", True, LIST, ".blue.black"),
    ("path", "label", True, PAIRS, ".R=100.G=200"),
    ("path", "matrix", False, "blue", ";color=blue"),
    ("path", "matrix", False, LIST, ";color=blue,black"),
    ("path", "matrix", True, LIST, ";color=blue;color=black"),
    ("path", "matrix", False, PAIRS, ";color=R,100,G,200"),
    ("path", "matrix", True, PAIRS, ";R=100;G=200"),
    ("query", "form", True, "blue", "color=blue"),
    ("query", "form", True, LIST, "color=blue&color=black"),
    ("query", "form", False, LIST, "color=blue,black"),
    ("query", "form", True, PAIRS, "R=100&G=200"),
    ("query", "form", False, PAIRS, "color=R,100,G,200"),
    ("query", "spaceDelimited", False, LIST, "color=blue%20black"),
    ("query", "pipeDelimited", False, LIST, "color=blue%7Cblack"),
    ("query", "deepObject", True, PAIRS, "color%5BR%5D=100&color%5BG%5D=200"),
    ("query", "form", True, True, "color=true"),
    ("header", "simple", False, LIST, "blue,black"),
    ("header", "simple", False, PAIRS, "R,100,G,200"),
    ("header", "simple", True, PAIRS, "R=100,G=200"),
]


@pytest.mark.parametrize(("place", "style", "explodes", "value", "expected"), STYLES)
def test_a_value_is_written_in_its_style(place: str, style: str, explodes: bool, value: Any, expected: str) -> None:
    parameter = Parameter("color", place, False, None, style, explodes)
    written = {"path": in_path, "query": lambda *how: "&".join(in_query(*how)), "header": in_header}[place](parameter, value)
    assert written == expected


def test_what_is_json_is_written_as_json() -> None:
    parameter = Parameter("color", "query", False, None, "form", True, is_json=True)
    assert in_query(parameter, PAIRS) == ["color=%7B%22R%22%3A100%2C%22G%22%3A200%7D"]


@pytest.mark.parametrize(
    ("texts", "kind", "expected"),
    [
        (["5"], int, 5),
        (["5"], str, "5"),
        (["[1]"], list, [1]),
        (["[1]"], str, "[1]"),
        (["a"], list, ["a"]),
        (["a", "b"], list, ["a", "b"]),
        (["NaN"], str, "NaN"),
        (["many"], int, "many"),
        (['{"a": 1}'], dict, {"a": 1}),
    ],
)
def test_a_text_is_read_as_what_the_schema_accepts(texts: list[str], kind: type, expected: Any) -> None:
    assert chosen(texts, lambda value: isinstance(value, kind), lambda value: isinstance(value, kind)) == expected


def test_a_text_that_is_refused_is_still_read_as_what_the_schema_asks_for() -> None:
    assert chosen(["100"], lambda _: False, lambda value: isinstance(value, str)) == "100"
    assert chosen(["100"], lambda _: False, lambda value: isinstance(value, list)) == ["100"]
    assert chosen(["100"], lambda _: False, lambda _: False) == 100
