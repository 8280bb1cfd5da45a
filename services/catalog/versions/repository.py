"""How the documents and operations of versions are kept: one document each (the versions themselves stand in their products)."""

import gzip
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from chassis.mongo import Index, Reader, Transaction

INDEXES = (
    Index("documents", (("product_id", 1),)),
    Index("operations", (("product_id", 1),)),
    Index("comparisons", (("former_id", 1),)),
    Index("comparisons", (("later_id", 1),)),
)

Row = Mapping[str, Any]


async def keep_document(tx: Transaction, version_id: str, product_id: str, *, packed_text: bytes, media_type: str) -> None:
    """Keep a version's document; its text is compressed already, so the largest one fits."""
    kept = {"_id": version_id, "product_id": product_id, "media_type": media_type, "gzip": packed_text}
    await tx.collection("documents").insert_one(kept)


async def keep_operations(tx: Transaction, version_id: str, product_id: str, operations: Sequence[Row]) -> None:
    """Keep a version's operations, in the order of the document."""
    kept = {"_id": version_id, "product_id": product_id, "operations": [dict(each) for each in operations]}
    await tx.collection("operations").insert_one(kept)


async def forget(tx: Transaction, version_id: str) -> None:
    """Keep a version's document and operations no longer."""
    for name in ("documents", "operations"):
        await tx.collection(name).delete_one({"_id": version_id})
    await tx.collection("comparisons").delete_many({"$or": [{"former_id": version_id}, {"later_id": version_id}]})


async def documents(reader: Reader, version_ids: Sequence[str]) -> dict[str, tuple[bytes, str]]:
    """Return versions' compressed texts and media types."""
    if not version_ids:
        return {}
    found = await reader.collection("documents").find({"_id": {"$in": list(version_ids)}})
    return {each["_id"]: (bytes(each["gzip"]), each["media_type"]) for each in found}


def unpacked(packed_text: bytes) -> str:
    """Return a document's text."""
    return gzip.decompress(packed_text).decode()


async def operations(reader: Reader, version_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return versions' operations."""
    if not version_ids:
        return {}
    found = await reader.collection("operations").find({"_id": {"$in": list(version_ids)}})
    return {each["_id"]: each["operations"] for each in found}


async def comparison(reader: Reader, former_id: str, later_id: str) -> Row | None:
    """Return what a comparison of two versions was found to be, or None."""
    kept = await reader.collection("comparisons").find_one({"_id": f"{former_id}:{later_id}"})
    if kept is None:
        return None
    outcome: dict[str, Any] = orjson.loads(gzip.decompress(bytes(kept["gzip"])))
    return {**outcome, "compared_at": kept["compared_at"]}


async def keep_comparison(reader: Reader, former_id: str, later_id: str, outcome: Row) -> None:
    """Keep what a comparison of two versions was found to be."""
    kept = {
        "_id": f"{former_id}:{later_id}",
        "former_id": former_id,
        "later_id": later_id,
        "compared_at": reader.now,
        "gzip": gzip.compress(orjson.dumps(outcome), 6),
    }
    await reader.collection("comparisons").replace_one({"_id": kept["_id"]}, kept, upsert=True)
