"""The roles and what each may do: read once from the two tables beside this file, which are the only place that says so."""

import csv
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path


class Role(StrEnum):
    """What a member is within one organization."""

    OWNER = "OWNER"
    ADMINISTRATOR = "ADMINISTRATOR"
    DEVELOPER = "DEVELOPER"
    OBSERVER = "OBSERVER"


def _read(name: str) -> dict[str, frozenset[Role]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        table = {}
        for row in csv.DictReader(file):
            cells = {role: row[role.lower()] for role in Role}
            if row["name"] in table or set(cells.values()) - {"yes", "no"}:
                raise ValueError(f"{name}: the row {row['id']} is not one of yes and no cells under a name of its own")
            table[row["name"]] = frozenset(role for role, cell in cells.items() if cell == "yes")
    return table


ROLES_BY_ACTION: Mapping[str, frozenset[Role]] = _read("role_matrix.csv") | _read("provider_matrix.csv")
ACTIONS = tuple(ROLES_BY_ACTION)
_GRANTS = {role: tuple(action for action in ACTIONS if role in ROLES_BY_ACTION[action]) for role in Role}


def grants_of(role: Role) -> tuple[str, ...]:
    """Return the actions that a role allows."""
    return _GRANTS[role]


def allows(role: Role, action: str) -> bool:
    """Say whether a role allows an action."""
    return role in ROLES_BY_ACTION.get(action, frozenset())
