"""What can go wrong with one call or one field, and how it is told."""

from dataclasses import dataclass
from typing import Any

from graphql import FieldNode, GraphQLError

Path = tuple[Any, str | int] | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call gave nothing: a refusal, a part that is down, or an unknown error of which only the trace is told."""

    code: str
    message: str
    trace_id: str
    fields: tuple[dict[str, str], ...] = ()
    help: str | None = None
    retry_after_seconds: int | None = None


class FieldFailed(Exception):  # noqa: N818 - says what happened to the field
    """One field has no value. Travels up to the nearest field that may be null."""

    def __init__(self, message: str, path: Path, nodes: list[FieldNode], extensions: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.nodes = nodes
        self.extensions = extensions

    def formatted(self) -> dict[str, Any]:
        """Return the error as it stands in a response."""
        error: dict[str, Any] = {"message": self.message, "locations": locations_of(self.nodes), "path": keys_of(self.path)}
        if self.extensions:
            error["extensions"] = self.extensions
        return error


def keys_of(path: Path) -> list[str | int]:
    """Return a path as the list of its keys, from the root down."""
    keys: list[str | int] = []
    while path is not None:
        path, key = path
        keys.append(key)
    keys.reverse()
    return keys


def locations_of(nodes: list[FieldNode]) -> list[dict[str, int]]:
    """Return where the fields stand in the document."""
    error = GraphQLError("", nodes)
    return [{"line": place.line, "column": place.column} for place in error.locations or []]


def extensions_of(failure: Failure) -> dict[str, Any]:
    """Return what an error carries for programs."""
    extensions: dict[str, Any] = {"code": failure.code, "traceId": failure.trace_id}
    if failure.retry_after_seconds is not None:
        extensions["retryAfterSeconds"] = failure.retry_after_seconds
    if failure.fields:
        extensions["fields"] = list(failure.fields)
    return extensions
