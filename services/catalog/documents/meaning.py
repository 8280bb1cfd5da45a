"""What no schema can say: references that lead somewhere, unique ids, paths that can be told apart; and the operations."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from services.catalog.documents.domain import Operation, Trouble
from services.catalog.documents.references import follow, nodes, pointer, to_pointer, trouble_with

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
MAX_OPERATIONS = 2000
_LONGEST_PATH = 500
TEMPLATE = re.compile(r"\{([^{}/]*)\}")
# An operation's id travels in a header and stands in figures.
_USABLE_ID = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?")
_PLAIN_PATH = re.compile(r"/[^\x00-\x20\x7f?#]*")


def reference_troubles(tree: dict[str, Any]) -> list[Trouble]:
    """Return what is wrong with the document's references."""
    found: list[Trouble] = []
    known: dict[str, str | None] = {}
    for node, path, _, describes in nodes(tree):
        if not describes or not isinstance(node, dict):
            continue
        reference = node.get("$ref")
        if not isinstance(reference, str):
            continue
        if reference not in known:
            known[reference] = trouble_with(tree, reference)
        if known[reference] is not None:
            found.append(Trouble(f"$ref {known[reference]}", to_pointer((path, "$ref"))))
    # The walk meets the document backwards.
    return found[::-1]


@dataclass(slots=True)
class Meaning:
    """What was found while going through the paths."""

    operations: list[Operation] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _ids: dict[str, str] = field(default_factory=dict)

    def take_operation(self, method: str, path: str, described: dict[str, Any]) -> None:
        """Take one operation; an id given twice is a trouble, one that cannot be used or is missing is derived."""
        place = pointer("paths", path, method)
        given = described.get("operationId")
        if isinstance(given, str) and given in self._ids:
            self.troubles.append(
                Trouble(f'the operationId "{given[:80]}" is that of {self._ids[given]} too', f"{place}/operationId")
            )
            return
        if isinstance(given, str) and not _USABLE_ID.fullmatch(given):
            self.warnings.append(f"{place}/operationId: not printable ASCII of at most 200 characters; an id is derived instead.")
            given = None
        operation_id = given if isinstance(given, str) else ""
        if operation_id:
            self._ids[operation_id] = f"{method.upper()} {path}"
        self.operations.append(
            Operation(
                operation_id=operation_id,
                method=method.upper(),
                path=path,
                summary=_text(described.get("summary")),
                tags=tuple(tag[:100] for tag in described.get("tags") or () if isinstance(tag, str)),
                deprecated=described.get("deprecated") is True,
                pointer=place,
            )
        )

    def derive_ids(self) -> None:
        """Give an id such as ``get_accounts_{id}`` to every operation that has none."""
        for index, operation in enumerate(self.operations):
            if operation.operation_id:
                continue
            derived = derived_id(operation.method, operation.path)
            operation_id, number = derived, 2
            while operation_id in self._ids:
                operation_id, number = f"{derived}_{number}", number + 1
            self._ids[operation_id] = f"{operation.method} {operation.path}"
            self.operations[index] = Operation(
                operation_id,
                operation.method,
                operation.path,
                operation.summary,
                operation.tags,
                operation.deprecated,
                operation.pointer,
            )


def _text(value: object) -> str | None:
    return value.strip()[:300] or None if isinstance(value, str) else None


def derived_id(method: str, path: str) -> str:
    """Return the id of an operation whose document gives none: from method and path, so that it stays from release to release."""
    steps = "_".join(step for step in path.split("/") if step)
    return re.sub(r"[^A-Za-z0-9_{}.-]", "-", f"{method.lower()}_{steps or 'root'}")[:200]


def read_paths(tree: dict[str, Any]) -> Meaning:
    """Return the operations of a document that keeps to its schema, and what is wrong with its paths."""
    meaning = Meaning()
    shapes: dict[str, str] = {}
    for path, item in (tree.get("paths") or {}).items():
        if path.startswith("x-"):
            continue
        meaning.troubles += _path_troubles(path, shapes)
        described = follow(tree, item)
        if isinstance(described, dict):
            _read_item(tree, path, described, meaning)
    if len(meaning.operations) > MAX_OPERATIONS:
        meaning.troubles.append(Trouble(f"the document describes more than {MAX_OPERATIONS} operations", "/paths"))
    meaning.derive_ids()
    if not meaning.operations:
        meaning.warnings.append("The document describes no operation, so the version cannot be published.")
    return meaning


def _path_troubles(path: str, shapes: dict[str, str]) -> Iterator[Trouble]:
    place = pointer("paths", path)
    if not _PLAIN_PATH.fullmatch(path) or len(path) > _LONGEST_PATH:
        reason = f"a path begins with / and has neither spaces, ? nor # and at most {_LONGEST_PATH} characters"
        yield Trouble(reason, place)
    without = TEMPLATE.sub("", path)
    names = TEMPLATE.findall(path)
    if "{" in without or "}" in without or not all(names):
        yield Trouble("a brace of the path is not closed, not opened, or holds no name", place)
    if len(set(names)) != len(names):
        yield Trouble("the path names a parameter twice", place)
    shape = TEMPLATE.sub("{}", path)
    if shape in shapes:
        yield Trouble(f"the path cannot be told from {shapes[shape]}: only the names of its parameters differ", place)
    shapes.setdefault(shape, path)


def _read_item(tree: dict[str, Any], path: str, item: dict[str, Any], meaning: Meaning) -> None:
    shared = _parameters(tree, item.get("parameters"))
    for method in METHODS:
        described = item.get(method)
        if not isinstance(described, dict):
            continue
        place = pointer("paths", path, method)
        own = _parameters(tree, described.get("parameters"))
        meaning.troubles += (
            Trouble(f'the {kind} parameter "{name}" is declared twice', f"{place}/parameters")
            for kind, name in dict.fromkeys(each for each in own if own.count(each) > 1)
        )
        _compare_parameters(path, place, {name for kind, name in (*shared, *own) if kind == "path"}, meaning)
        meaning.take_operation(method, path, described)


def _compare_parameters(path: str, place: str, declared: set[str], meaning: Meaning) -> None:
    named = set(TEMPLATE.findall(path))
    meaning.troubles += (
        Trouble(f'the path parameter "{name}" is not declared under "parameters"', place) for name in sorted(named - declared)
    )
    meaning.warnings += (
        f'{place}: the path parameter "{name}" is declared but not in the path.' for name in sorted(declared - named)
    )


def _parameters(tree: dict[str, Any], listed: object) -> list[tuple[str, str]]:
    found = []
    for each in listed if isinstance(listed, list) else ():
        parameter = follow(tree, each)
        if isinstance(parameter, dict):
            found.append((str(parameter.get("in")), str(parameter.get("name"))))
    return found
