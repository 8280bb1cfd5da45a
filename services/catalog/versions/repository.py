"""How the documents and operations of versions are kept: one document each (the versions themselves stand in their products)."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from chassis.mongo import Index, Reader, Transaction
from services.catalog.differences.domain import RULES
from services.catalog.fetching.domain import Source
from services.catalog.versions.domain import Kept

INDEXES = (
    Index("documents", (("product_id", 1),)),
    Index("originals", (("product_id", 1),)),
    Index("operations", (("product_id", 1),)),
    Index("comparisons", (("former_id", 1),)),
    Index("comparisons", (("later_id", 1),)),
)

Row = Mapping[str, Any]


async def keep_document(tx: Transaction, version_id: str, product_id: str, document: Kept, *, source: Source) -> None:
    """Keep a version's document, and where it came from."""
    kept = {"_id": version_id, "product_id": product_id, **_to_document(document), "source": asdict(source)}
    await tx.collection("documents").insert_one(kept)


async def keep_original(tx: Transaction, version_id: str, product_id: str, original: Kept) -> None:
    """Keep what a version's document was converted from."""
    await tx.collection("originals").insert_one({"_id": version_id, "product_id": product_id, **_to_document(original)})


def _to_document(kept: Kept) -> dict[str, Any]:
    return {"media_type": kept.media_type, "gzip": kept.packed_text}


async def keep_operations(tx: Transaction, version_id: str, product_id: str, operations: Sequence[Row]) -> None:
    """Keep a version's operations, in the order of the document."""
    kept = {"_id": version_id, "product_id": product_id, "operations": [dict(each) for each in operations]}
    await tx.collection("operations").insert_one(kept)


async def forget(tx: Transaction, version_id: str) -> None:
    """Keep a version's document and operations no longer."""
    for name in ("documents", "originals", "operations"):
        await tx.collection(name).delete_one({"_id": version_id})
    await tx.collection("comparisons").delete_many({"$or": [{"former_id": version_id}, {"later_id": version_id}]})


async def documents(reader: Reader, version_ids: Sequence[str]) -> dict[str, Kept]:
    """Return versions' documents."""
    return await _kept(reader, "documents", version_ids)


async def originals(reader: Reader, version_ids: Sequence[str]) -> dict[str, Kept]:
    """Return what versions' documents were converted from, as far as they were."""
    return await _kept(reader, "originals", version_ids)


async def _kept(reader: Reader, collection: str, version_ids: Sequence[str]) -> dict[str, Kept]:
    if not version_ids:
        return {}
    found = await reader.collection(collection).find({"_id": {"$in": list(version_ids)}})
    return {each["_id"]: Kept(bytes(each["gzip"]), each["media_type"]) for each in found}


async def sources(reader: Reader, version_ids: Sequence[str]) -> dict[str, Source]:
    """Return where versions' documents came from, as far as that was kept."""
    if not version_ids:
        return {}
    query = {"_id": {"$in": list(version_ids)}, "source": {"$exists": True}}
    found = await reader.collection("documents").find(query, projection={"source": 1})
    return {each["_id"]: Source(**each["source"]) for each in found}


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
    # What was found by other rules is found anew.
    if kept is None or kept.get("rules") != RULES:
        return None
    outcome: dict[str, Any] = orjson.loads(gzip.decompress(bytes(kept["gzip"])))
    return {**outcome, "compared_at": kept["compared_at"]}


async def keep_comparison(reader: Reader, former_id: str, later_id: str, outcome: Row) -> None:
    """Keep what a comparison of two versions was found to be."""
    kept = {
        "_id": f"{former_id}:{later_id}",
        "former_id": former_id,
        "later_id": later_id,
        "rules": RULES,
        "compared_at": reader.now,
        "gzip": gzip.compress(orjson.dumps(outcome), 6),
    }
    await reader.collection("comparisons").replace_one({"_id": kept["_id"]}, kept, upsert=True)
