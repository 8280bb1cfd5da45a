"""Plain values that GraphQL does not have by itself. On the wire they are what they are in the response."""

from datetime import datetime
from typing import NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

DateTime = NewType("DateTime", str)
URL = NewType("URL", str)
ProblemCode = NewType("ProblemCode", str)
Long = NewType("Long", int)
LARGEST_EXACT = 2**53


def _read_moment(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("give a moment as text, such as 2026-11-22T10:00:00Z")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError("give a moment such as 2026-11-22T10:00:00Z") from error
    if moment.tzinfo is None:
        raise ValueError("give the moment's offset from UTC, such as the Z in 2026-11-22T10:00:00Z")
    return value


def _read_long(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST_EXACT:
        raise ValueError("give a whole number of at most 2^53")
    return value


def _write_long(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"Long cannot represent value: {value!r}")
    return value


def _read_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("give text")
    return value


SCALARS: dict[object, ScalarDefinition] = {
    DateTime: strawberry.scalar(
        name="DateTime",
        description="A moment in UTC, such as 2026-11-22T10:00:00Z.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        parse_value=_read_moment,
    ),
    URL: strawberry.scalar(name="URL", description="An address.", parse_value=_read_text),
    ProblemCode: strawberry.scalar(
        name="ProblemCode",
        description="What kind of problem it is, for programs: a lasting name such as ALREADY_SUBSCRIBED. New ones may come.",
        parse_value=_read_text,
    ),
    Long: strawberry.scalar(
        name="Long",
        description="A whole number that may be larger than Int allows (up to 2^53).",
        serialize=_write_long,
        parse_value=_read_long,
    ),
}
