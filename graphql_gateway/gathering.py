"""Asking every service the same: each answers for itself, and their pages become one.

The services sort by the same key, so a cursor of one means the same to all; the gateway knows neither the rows nor the rules.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from chassis.paging import DEFAULT_FIRST
from graphql_gateway.engine.failures import Failure

EVERY = "every"
SERVICES = ("identity", "catalog", "subscriptions", "enforcement", "analytics", "notifications", "audit", "recertification")
Load = Callable[[str, str, list[Any], dict[str, Any]], Awaitable[Sequence[Any] | Failure]]


def service_of(queue: object) -> str:
    """Return whose queue it is by its name; what is nobody's is asked of a service all the same, and not found there."""
    name = str(queue).partition(".")[0]
    return name if name in SERVICES else SERVICES[0]


async def gathered(load: Load, name: str, keys: list[Any], args: dict[str, Any]) -> Sequence[Any] | Failure:
    """Ask every service, or the one that the arguments name, at once; one that fails fails the whole: a part looks like all."""
    asked = dict(args)
    only = asked.pop("service", None)
    names = [str(only).lower()] if only is not None else list(SERVICES)
    answers = await asyncio.gather(*(load(each, name, keys, asked) for each in names))
    found: list[Sequence[Any]] = []
    for answer in answers:
        if isinstance(answer, Failure):
            if answer.code != "NO_SUCH_ROUTE":  # it reacts to nothing, so nothing has died there
                return answer
        else:
            found.append(answer)
    first = int(asked.get("first") or DEFAULT_FIRST)
    return [_one_page([rows[place] for rows in found if rows[place] is not None], first) for place in range(len(keys))]


def _one_page(pages: Sequence[dict[str, Any]], first: int) -> dict[str, Any] | None:
    if not pages:
        return None
    rows = list(heapq.merge(*(zip(page["nodes"], page["cursors"], strict=True) for page in pages), key=_place))
    shown = rows[:first]
    has_more = len(rows) > first or any(page["next"] is not None for page in pages)
    return {
        "nodes": [row for row, _ in shown],
        "cursors": [cursor for _, cursor in shown],
        "next": shown[-1][1] if has_more and shown else None,
        "total": sum(page["total"] or 0 for page in pages),
    }


def _place(row: tuple[dict[str, Any], str]) -> tuple[str, str, str]:
    letter = row[0]
    return letter["died_at"], letter["queue"], letter["id"]
