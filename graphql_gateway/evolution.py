"""What a change of the graph takes away from those who ask it today."""

import re

from graphql import build_schema, find_breaking_changes

_PLACE = re.compile(r"@\w+|\b[A-Z]\w*\.\w+(?:\(\w+:\))?")


def breaking_changes(released: str, present: str) -> list[tuple[str, str]]:
    """Return where the present graph breaks the released one, and how; both are written in GraphQL's schema language."""
    found = find_breaking_changes(build_schema(released), build_schema(present))
    return [(_place(each.description), each.description.rstrip(".")) for each in found]


def _place(description: str) -> str:
    named = _PLACE.search(description)
    return named.group() if named else description.split(maxsplit=1)[0]
