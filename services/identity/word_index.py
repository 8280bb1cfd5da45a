"""How documents are found by their words: the field ``words`` of a document, and an index over it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chassis.mongo import Document, Index, Reader
from services.identity.words import INDEXED, Sought, words_of

_AT_ONCE = 500


def index_of(collection: str) -> Index:
    """Return the index that a collection needs whose documents are found so."""
    return Index(collection, ((INDEXED, 1),))


def indexed(texts: Sequence[str | None]) -> Document:
    """Return the part of a document by which it is found."""
    return {INDEXED: words_of(texts)}


async def find_rows(
    reader: Reader, collection: str, sought: Sought, limit: int, *, within: Mapping[str, Any] | None = None
) -> list[Document]:
    """Return documents that answer what is looked for, the surest first; each query is bounded."""
    rows: dict[str, Document] = {}
    for query in sought.queries:
        if len(rows) < limit:
            found = await reader.collection(collection).find({**query, **(within or {})}, limit=limit)
            rows |= {row["_id"]: row for row in found if row["_id"] not in rows}
    return list(rows.values())


async def adopt(reader: Reader, collection: str, texts_of: Callable[[Document], Sequence[str | None]]) -> None:
    """Give their words to the documents that are older than the index; where there are none, this is one look into it."""
    kept = reader.collection(collection)
    while rows := await kept.find({INDEXED: None}, limit=_AT_ONCE):
        for row in rows:
            # What was renamed meanwhile has its words by now.
            await kept.update_one({"_id": row["_id"], INDEXED: None}, {"$set": indexed(texts_of(row))})
