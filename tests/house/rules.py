"""The rules of the house as functions: each takes a tree (the repository's root) and returns its violations as sentences."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {"var", "node_modules", "__pycache__"}
CODE = ("chassis", "services", "graphql_gateway", "portico", "tests", "deploy", "bench", "examples")
TEXT_SUFFIXES = {".py", ".md", ".toml", ".yml", ".yaml", ".json", ".graphql", ".sh", ".html", ""}

LINES_PER_FILE = 400
LINES_PER_FUNCTION = 40
POSITIONAL_ARGUMENTS = 4

FORBIDDEN_NAMES = {"helper", "helpers", "util", "utils", "common", "base", "manager", "managers", "misc"}

# One meaning, one word: what may not be written, and what is written instead.
FORBIDDEN_WORDS = {
    r"tenants?": "organization",
    r"customers?": "recipient or organization",
    r"tariffs?": "plan",
    r"api[ _-]?keys?": "Client ID (an identifier) or Client Secret",
    r"log[ _-]?ins?": "sign in",
    r"log[ _-]?outs?": "sign out",
    r"sign[ _-]?ups?": "register",
    r"blacklist(ed|s)?|whitelist(ed|s)?": "deny list, allow list",
    r"(graphql|event|websocket|topic|queue)[ _-]subscriptions?": "updates (live GraphQL) or reaction (events)",
    r"ROLE_ADMIN|ORG_ADMIN": "ADMINISTRATOR",
    r"organisations?": "organization",
}

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_NAMED_PATH = re.compile(r"`((?:chassis|services|graphql_gateway|portico|contracts|deploy|docs|tests|bench)/[\w./-]+)`")


def files(root: Path, *suffixes: str) -> Iterator[Path]:
    """Yield the tree's own files, in order."""
    for path in sorted(root.iterdir()):
        if path.name in NOT_OURS or (path.is_dir() and path.name.startswith(".") and path.name != ".ci"):
            continue
        if path.is_dir():
            yield from files(path, *suffixes)
        elif not suffixes or path.suffix in suffixes:
            yield path


def code_files(root: Path) -> Iterator[Path]:
    """Yield the Python files of our packages and tests."""
    for name in CODE:
        if (root / name).is_dir():
            yield from files(root / name, ".py")


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def allowed_larger(root: Path) -> dict[str, str]:
    """Return what may be larger than the rule, with the reason."""
    path = root / "tests/house/larger.toml"
    return tomllib.loads(path.read_text())["larger"] if path.exists() else {}


def sizes(root: Path) -> list[str]:
    """Files of at most 400 lines, functions of at most 40, at most 4 positional arguments."""
    allowed = allowed_larger(root)
    larger: dict[str, str] = {}
    for path in code_files(root):
        name = _name(root, path)
        text = path.read_text()
        lines = text.count("\n")
        if lines > LINES_PER_FILE:
            larger[name] = f"{name} has {lines} lines: split it by noun ({LINES_PER_FILE} at most)"
        larger |= {f"{name}::{key}": f"{name}: {says}" for key, says in _large_functions(ast.parse(text))}
    stale = [f"tests/house/larger.toml: {key} is not larger any more: take it out" for key in allowed if key not in larger]
    return [says for key, says in larger.items() if key not in allowed] + stale


def _large_functions(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, str]]:
    for node in ast.iter_child_nodes(tree):
        inner = owner
        if isinstance(node, ast.ClassDef):
            inner = f"{owner}{node.name}."
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = f"{owner}{node.name}."
            yield from _function_problems(node, f"{owner}{node.name}")
        yield from _large_functions(node, inner)


def _function_problems(node: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Iterator[tuple[str, str]]:
    first = node.body[0]
    if len(node.body) > 1 and isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
        first = node.body[1]
    lines = (node.end_lineno or node.lineno) - first.lineno + 1
    if lines > LINES_PER_FUNCTION:
        yield name, f"{name} has {lines} lines in its body: give its steps names ({LINES_PER_FUNCTION} at most)"
    if node.name.startswith("test") or any("fixture" in ast.unparse(each) for each in node.decorator_list):
        return
    positional = [each.arg for each in [*node.args.posonlyargs, *node.args.args] if each.arg not in ("self", "cls")]
    if len(positional) > POSITIONAL_ARGUMENTS:
        yield (
            f"{name}()",
            f"{name} takes {len(positional)} positional arguments: name some of them ({POSITIONAL_ARGUMENTS} at most)",
        )


def module_names(root: Path) -> list[str]:
    """No module is named after nothing in particular."""
    found = []
    for path in code_files(root):
        names = {path.stem, *path.relative_to(root).parts[:-1]} & FORBIDDEN_NAMES
        found += [f"{_name(root, path)}: {name} says nothing of what it holds: name it by its noun" for name in sorted(names)]
    return found


def _text_files(root: Path) -> Iterator[Path]:
    for path in files(root):
        is_ours = "house" not in path.relative_to(root).parts and path.name not in ("uv.lock", "LICENSE")
        # OpenAPI documents of the world outside speak as they like.
        is_document = path.suffix in (".json", ".yaml", ".yml")
        is_foreign_document = is_document and bool({"tests", "demonstration"} & set(path.relative_to(root).parts))
        if path.suffix in TEXT_SUFFIXES and is_ours and not is_foreign_document:
            yield path


def _matches(root: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    for path in _text_files(root):
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if found := pattern.search(line):
                yield f"{_name(root, path)}:{number}", found.group()


def words(root: Path) -> list[str]:
    """One word for one thing."""
    found = []
    for words_, instead in FORBIDDEN_WORDS.items():
        pattern = re.compile(rf"(?<![a-zA-Z])(?:{words_})(?![a-z])", re.IGNORECASE)
        found += [f"{place}: “{word}” is written “{instead}”" for place, word in _matches(root, pattern)]
    return found


def doubles(root: Path) -> list[str]:
    """Tests stand on the real parts: nothing is mocked or patched."""
    found = []
    for path in files(root / "tests", ".py"):
        if "house" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            says = _double(node)
            if says:
                found.append(f"{_name(root, path)}:{getattr(node, 'lineno', 0)}: {says}: use the real part")
    return found


def _double(node: ast.AST) -> str | None:
    modules: list[str] = []
    if isinstance(node, ast.Import):
        modules = [each.name for each in node.names]
    elif isinstance(node, ast.ImportFrom):
        modules = [node.module or "", *(f"{node.module}.{each.name}" for each in node.names)]
    if any(re.fullmatch(r"(unittest\.)?mock(\..*)?|pytest_mock(\..*)?", each) for each in modules):
        return "a mock is imported"
    if isinstance(node, ast.Attribute) and node.attr in ("setattr", "setitem") and isinstance(node.value, ast.Name):
        return "something is patched" if node.value.id == "monkeypatch" else None
    return None


def links(root: Path) -> list[str]:
    """What a document links to or names as a path exists."""
    found = []
    for path in files(root, ".md"):
        text = path.read_text()
        for target in _LINK.findall(text):
            file, _, _anchor = target.partition("#")
            if "://" in target or target.startswith("mailto:") or not file:
                continue
            if not (path.parent / file).exists():
                found.append(f"{_name(root, path)}: the link to {target} leads nowhere")
        missing = [named for named in _NAMED_PATH.findall(text) if not (root / named).exists()]
        found += [f"{_name(root, path)}: there is no {named}" for named in missing]
    return found
