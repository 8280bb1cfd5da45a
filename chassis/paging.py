"""Keyset paging: a page begins after the sort key of the last row seen, so that no page costs more than another."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from chassis.errors import FieldProblem, Invalid

DEFAULT_FIRST = 20
MAX_FIRST = 100
_COUNTABLE = range(-(2**63), 2**63)  # the whole numbers that the database can compare with


class PageNotReadable(Invalid):
    """The page asked for cannot be given."""


@dataclass(frozen=True, slots=True)
class Page:
    """``first`` rows after the sort key ``after`` (None for the beginning)."""

    first: int = DEFAULT_FIRST
    after: tuple[Any, ...] | None = None


def read_page(first: object = None, after: object = None, *, key_length: int = 1) -> Page:
    """Return the page that the arguments name. Raises ``PageNotReadable`` naming the argument and the mend."""
    if first is None:
        first = DEFAULT_FIRST
    if not isinstance(first, int) or isinstance(first, bool) or not 1 <= first <= MAX_FIRST:
        problem = FieldProblem("first", f"give a whole number from 1 to {MAX_FIRST}")
        raise PageNotReadable(f"first: {problem.message}", fields=[problem])
    if after is None:
        return Page(first)
    return Page(first, _read_cursor(after, key_length))


def cursor_of(*key: Any) -> str:
    """Return the opaque cursor that stands for a sort key."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def _read_cursor(cursor: object, key_length: int) -> tuple[Any, ...]:
    problem = FieldProblem("after", "give the endCursor of a page of this very list")
    try:
        text = str(cursor)
        key = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise PageNotReadable(f"after: {problem.message}", fields=[problem]) from error
    if not isinstance(key, list) or len(key) != key_length or not all(_is_part(part) for part in key):
        raise PageNotReadable(f"after: {problem.message}", fields=[problem])
    return tuple(key)


def _is_part(part: object) -> bool:
    return isinstance(part, str | float) or (isinstance(part, int) and part in _COUNTABLE)


def connection(rows: Sequence[dict[str, Any]], page: Page, key_of: Any, *, total: int | None = None) -> dict[str, Any]:
    """Return the wire form of a page made from up to ``page.first + 1`` rows; ``key_of(row)`` gives a row's sort key tuple."""
    shown = list(rows[: page.first])
    has_more = len(rows) > page.first
    cursors = [cursor_of(*key_of(row)) for row in shown]
    return {"nodes": shown, "cursors": cursors, "next": cursors[-1] if has_more and cursors else None, "total": total}
