"""What everything with an identity shares, and how lists come in pages."""

from typing import Annotated, Any, Generic, TypeVar

import strawberry

from graphql_gateway.engine.declare import derived, reads
from graphql_gateway.schema.described import interface, type_

Item = TypeVar("Item")
Id = Annotated[strawberry.ID, strawberry.argument(name="id")]
DEFAULT_FIRST = 20


@interface
class Node:
    """A thing with an id that is its own everywhere."""

    id: strawberry.ID


def _edges(row: Any) -> list[dict[str, Any]]:
    nodes = row.get("nodes") or []
    cursors = row.get("cursors") or [None] * len(nodes)
    return [{"node": node, "cursor": cursor} for node, cursor in zip(nodes, cursors, strict=False)]


def _page_info(row: Any) -> dict[str, Any]:
    cursors = row.get("cursors") or [None]
    return {
        "has_next_page": row.get("next") is not None,
        "has_previous_page": False,
        "start_cursor": cursors[0],
        "end_cursor": cursors[-1] or row.get("next"),
    }


@type_
class PageInfo:
    """Where a page stands in its list."""

    has_next_page: bool
    has_previous_page: bool = reads(says="Always false: lists are read forwards.")
    start_cursor: str | None
    end_cursor: str | None = reads(says="Give it as `after` to read on.")


@type_
class Edge(Generic[Item]):
    """One place in a list."""

    node: Item
    cursor: str


@type_
class Connection(Generic[Item]):
    """One page of a list."""

    edges: list[Edge[Item]] = derived(_edges, is_paged=True)
    nodes: list[Item] = reads(is_paged=True)
    page_info: PageInfo = derived(_page_info)
    total_count: int | None = reads("total")
