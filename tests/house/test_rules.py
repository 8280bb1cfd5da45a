"""The rules hold in this tree, and each of them catches what breaks it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.house import rules

Rule = Callable[[Path], list[str]]
RULES: list[Rule] = [rules.sizes, rules.module_names, rules.words, rules.doubles, rules.links]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_holds(rule: Rule) -> None:
    violations = rule(rules.ROOT)
    assert not violations, "\n" + "\n".join(violations)


def write(root: Path, files: dict[str, str]) -> None:
    (root / "tests").mkdir(exist_ok=True)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


BROKEN: list[tuple[Rule, dict[str, str], str]] = [
    (rules.sizes, {"services/a/domain.py": "x = 1\n" * 401}, "has 401 lines: split"),
    (rules.sizes, {"services/a/domain.py": "def f():\n" + "    x = 1\n" * 41}, "f has 41 lines in its body"),
    (rules.sizes, {"services/a/domain.py": "class A:\n    async def f(self):\n" + "        x = 1\n" * 41}, "A.f has 41"),
    (rules.sizes, {"chassis/a.py": "def f(a, b, c, d, e): ...\n"}, "f takes 5 positional arguments"),
    (rules.sizes, {"tests/house/larger.toml": '[larger]\n"chassis/b.py" = "because"\n'}, "is not larger any more"),
    (rules.module_names, {"services/a/utils.py": ""}, "utils says nothing"),
    (rules.module_names, {"services/common/domain.py": ""}, "common says nothing"),
    (rules.words, {"docs/a.md": "Every tenant has one.\n"}, "docs/a.md:1: “tenant” is written “organization”"),
    (rules.words, {"services/a/domain.py": "API_KEY = 1\n"}, "“API_KEY” is written"),
    (rules.words, {"contracts/schema.graphql": "type Q { logIn: Int }\n"}, "is written “sign in”"),
    (rules.words, {"docs/a.md": "a GraphQL subscription\n"}, "is written “updates"),
    (rules.doubles, {"tests/a/test_a.py": "from unittest import mock\n"}, "a mock is imported"),
    (rules.doubles, {"tests/a/test_a.py": "from unittest.mock import patch\n"}, "a mock is imported"),
    (rules.doubles, {"tests/a/test_a.py": "def test(monkeypatch):\n    monkeypatch.setattr('a.b', 1)\n"}, "something is patched"),
    (rules.links, {"docs/a.md": "[tour](tour.md)\n"}, "the link to tour.md leads nowhere"),
    (rules.links, {"docs/a.md": "look into `services/a/main.py`\n"}, "there is no services/a/main.py"),
]


@pytest.mark.parametrize(("rule", "files", "says"), BROKEN, ids=lambda value: getattr(value, "__name__", None))
def test_rule_catches(rule: Rule, files: dict[str, str], says: str, tmp_path: Path) -> None:
    write(tmp_path, files)
    violations = rule(tmp_path)
    assert len(violations) == 1, violations
    assert says in violations[0]


def test_rules_let_good_code_pass(tmp_path: Path) -> None:
    good = {
        "services/a/domain.py": '"""Words."""\n\n\ndef approve(a, b, c, d, *, e):\n    """Say it."""\n    return a\n',
        "tests/a/test_a.py": "def test(monkeypatch, a, b, c, d):\n    monkeypatch.setenv('A', '1')\n",
        "docs/a.md": "[the domain](../services/a/domain.py) and `services/a/domain.py`; the subscription of a product.\n",
    }
    write(tmp_path, good)
    for rule in RULES:
        assert rule(tmp_path) == []


def test_a_reasoned_exception_is_let_through(tmp_path: Path) -> None:
    write(tmp_path, {"chassis/a.py": "x = 1\n" * 401, "tests/house/larger.toml": '[larger]\n"chassis/a.py" = "one table"\n'})
    assert rules.sizes(tmp_path) == []
