"""The page about events names, for each promise, tests that there are; and every fact that is announced, and no other."""

import ast
import re
from fnmatch import fnmatchcase
from pathlib import Path

from portico.contracts import event_classes

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


def test_the_table_of_facts_names_all_that_there_are_and_no_other() -> None:
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| ([^|]+) \|$", PAGE.partition("\n## The facts\n")[2], re.MULTILINE)
    named = [(by, pattern.replace("…", "*")) for by, facts in rows for pattern in re.findall(r"`([^`]+)`", facts)]
    told = {(event.service, event.key.split(".")[1]) for event in event_classes()}

    def is_meant(service: str, fact: str, by: str, pattern: str) -> bool:
        return by in (service, "every service with verbs") and fnmatchcase(fact, pattern)

    assert {fact for fact in told if not any(is_meant(*fact, *each) for each in named)} == set()
    assert {each for each in named if not any(is_meant(*fact, *each) for fact in told)} == set()
