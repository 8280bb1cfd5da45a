"""The page about events names, for each promise, tests that there are."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/events.md").read_text("utf-8")
PROMISES = re.findall(r"^\| (\d) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)


def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_there_are_six_promises() -> None:
    assert [number for number, _, _ in PROMISES] == ["1", "2", "3", "4", "5", "6"]


def test_each_promise_names_tests_that_there_are() -> None:
    for number, _, named in PROMISES:
        tests = re.findall(r"`([\w/.]+)::(\w+)`", named)
        assert tests, f"promise {number} names no test"
        assert named.count("`") == 2 * len(tests), f"promise {number} names something else than tests"
        for file, test in tests:
            assert (ROOT / file).is_file(), f"promise {number}: there is no {file}"
            assert test in functions_of(ROOT / file), f"promise {number}: there is no {test} in {file}"
