"""Idempotency keys, as clients send them: read, told apart for each mutation of a document, and answered for.

A client sends one key with a request, in the header ``Idempotency-Key`` or in the request's ``extensions``. What leaves the
gateway is a digest of the key and of the mutation's name in the response, so that several mutations of one document have keys of
their own and the key itself is nowhere but with the client.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from graphql_gateway.errors import IdempotencyKeyNotUsable

HEADER = "idempotency-key"
EXTENSION = "idempotencyKey"
REPLAYED_HEADER = "idempotency-replayed"
SHORTEST, LONGEST = 16, 200


def read_key(headers: Sequence[str], extensions: dict[str, Any]) -> str | None:
    """Return the key of a request, or None where there is none. Raises ``IdempotencyKeyNotUsable``."""
    sent = extensions.get(EXTENSION)
    if sent is not None and not isinstance(sent, str):
        raise IdempotencyKeyNotUsable(f"extensions.{EXTENSION} is not text: {_MEND}")
    found = [_in_header(each) for each in headers]
    if sent is not None:
        found.append(sent)
    if not found:
        return None
    if len(set(found)) > 1:
        raise IdempotencyKeyNotUsable(f"The request has several idempotency keys: {_MEND}")
    key = found[0]
    if not SHORTEST <= len(key) <= LONGEST or not all(" " <= each <= "~" for each in key):
        raise IdempotencyKeyNotUsable
    return key


_MEND = f"send one, of {SHORTEST} to {LONGEST} printable ASCII characters, such as a fresh UUID."


def _in_header(text: str) -> str:
    """Return what a header says: a string of structured fields (RFC 9651), or the key as it is."""
    text = text.strip(" \t")
    if not text.startswith('"'):
        return text
    read: list[str] = []
    rest = iter(text[1:])
    for each in rest:
        if each == '"':
            if next(rest, None) is not None:
                break
            return "".join(read)
        escaped = next(rest, "") if each == "\\" else each
        if each == "\\" and escaped not in ('"', "\\"):
            break
        read.append(escaped)
    raise IdempotencyKeyNotUsable(f"Idempotency-Key is not a string of structured fields: {_MEND}")


def key_of_field(key: str, field: str) -> str:
    """Return the key of one mutation of a document: ``field`` is its name in the response."""
    return sha256(f"{field} {key}".encode()).hexdigest()


def tell(answer: dict[str, Any], replayed: Sequence[str]) -> dict[str, Any]:
    """Return a response that says which of its mutations were answered from what is kept."""
    return {**answer, "extensions": {"idempotency": {"replayed": list(replayed)}}} if replayed else answer
