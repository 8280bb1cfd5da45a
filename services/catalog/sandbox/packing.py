"""Answers as bytes, to keep them. Pure."""

import gzip
from collections.abc import Sequence

import orjson

from services.catalog.sandbox.domain import Answer


def pack(answers: Sequence[Answer]) -> bytes:
    """Return the answers of one operation as bytes."""
    rows = [[each.statuses, each.media_type, each.example, each.headers, each.body.decode()] for each in answers]
    return gzip.compress(orjson.dumps(rows), 6)


def unpack(packed: bytes) -> list[Answer]:
    """Return the answers that bytes hold."""
    return [
        Answer(statuses, media_type, example, tuple((name, value) for name, value in headers), body.encode())
        for statuses, media_type, example, headers, body in orjson.loads(gzip.decompress(packed))
    ]
