"""What a request may be made of: its size, and the JSON in it. Nothing behind this ever meets what cannot be read."""

import re
from typing import Any

import orjson
from starlette.types import Receive

from graphql_gateway.engine.front import Asked
from graphql_gateway.errors import BodyNotReadable, BodyTooLarge

DEEPEST_JSON = 64
MOST_JSON_VALUES = 20_000
# Every string at once, also one that is never closed: so it reads a hostile body once, forwards, and never back.
_STRINGS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NO_STRUCTURE = bytes(each for each in range(256) if each not in b"[]{},")


async def read_body(receive: Receive, declared_bytes: int, most_bytes: int) -> bytes:
    """Return the request's body. Raises ``BodyTooLarge`` as soon as it is known."""
    if declared_bytes > most_bytes:
        raise BodyTooLarge(f"The body is larger than {most_bytes} bytes.")
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BodyNotReadable("The body ended early.")
        piece = message.get("body", b"")
        size += len(piece)
        if size > most_bytes:
            raise BodyTooLarge(f"The body is larger than {most_bytes} bytes.")
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


def read_json(text: bytes) -> Any:
    """Return what the JSON says. Raises ``BodyNotReadable`` also for JSON that is too deep or has too many values."""
    structure = _STRINGS.sub(b"", text).translate(None, _NO_STRUCTURE)
    if len(structure) > MOST_JSON_VALUES:
        raise BodyNotReadable(f"The JSON has more than {MOST_JSON_VALUES} values.")
    depth = 0
    for mark in structure:
        if mark in b"[{":
            depth += 1
            if depth > DEEPEST_JSON:
                raise BodyNotReadable(f"The JSON is more than {DEEPEST_JSON} levels deep.")
        elif mark in b"]}":
            depth -= 1
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BodyNotReadable(f"The body is not JSON: {error}.") from error


def read_operation(sent: Any) -> Asked:
    """Return the operation that a decoded request asks for. Raises ``BodyNotReadable``."""
    if not isinstance(sent, dict):
        raise BodyNotReadable("Send one JSON object with `query`, and optionally `variables` and `operationName`.")
    query = sent.get("query")
    variables = sent.get("variables")
    operation_name = sent.get("operationName")
    if not isinstance(query, str):
        raise BodyNotReadable("`query` is missing: give the GraphQL document as text.")
    if not isinstance(variables, dict | None):
        raise BodyNotReadable("`variables` is not an object.")
    if not isinstance(operation_name, str | None):
        raise BodyNotReadable("`operationName` is not text.")
    extensions = sent.get("extensions")
    if not isinstance(extensions, dict | None):
        raise BodyNotReadable("`extensions` is not an object.")
    return Asked(query, variables or {}, operation_name, extensions or {})
