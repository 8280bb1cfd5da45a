"""The roles and what each may do: read once from the tables beside this file, which are the only place that says so."""

import csv
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

_FOLDER = Path(__file__).parent


class Role(StrEnum):
    """What a member is within one organization."""

    OWNER = "OWNER"
    ADMINISTRATOR = "ADMINISTRATOR"
    DEVELOPER = "DEVELOPER"
    OBSERVER = "OBSERVER"


def _read(name: str) -> dict[str, frozenset[Role]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        table = {}
        for row in csv.DictReader(file):
            cells = {role: row[role.lower()] for role in Role}
            if row["name"] in table or set(cells.values()) - {"yes", "no"}:
                raise ValueError(f"{name}: the row {row['id']} is not one of yes and no cells under a name of its own")
            table[row["name"]] = frozenset(role for role, cell in cells.items() if cell == "yes")
    return table


def _read_all() -> dict[str, frozenset[Role]]:
    tables: dict[str, frozenset[Role]] = {}
    for name in ("role_matrix.csv", *sorted(path.name for path in _FOLDER.glob("*_matrix.csv"))):
        tables |= _read(name)
    return tables


ROLES_BY_ACTION: Mapping[str, frozenset[Role]] = _read_all()
ACTIONS = tuple(ROLES_BY_ACTION)
_GRANTS = {role: tuple(action for action in ACTIONS if role in ROLES_BY_ACTION[action]) for role in Role}


def grants_of(role: Role) -> tuple[str, ...]:
    """Return the actions that a role allows."""
    return _GRANTS[role]


def allows(role: Role, action: str) -> bool:
    """Say whether a role allows an action."""
    return role in ROLES_BY_ACTION.get(action, frozenset())
