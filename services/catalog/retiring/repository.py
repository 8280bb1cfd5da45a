"""How acknowledgements are kept: one document a version and organization."""

from collections.abc import Sequence

from chassis.mongo import Document, Index, Reader, Transaction
from services.catalog.products.domain import Product
from services.catalog.products.repository import to_product
from services.catalog.retiring.domain import Acknowledgement

INDEXES = (Index("acknowledgements", (("version_id", 1),)),)
MOST_ENDING = 200


async def keep(tx: Transaction, acknowledgement: Acknowledgement) -> None:
    """Keep an acknowledgement; it takes the place of an earlier one."""
    kept = {
        "_id": acknowledgement.id,
        "version_id": acknowledgement.version_id,
        "organization_id": acknowledgement.organization_id,
        "sunset_at": acknowledgement.sunset_at,
        "acknowledged_at": acknowledgement.acknowledged_at,
        "acknowledged_by": acknowledgement.acknowledged_by,
    }
    await tx.collection("acknowledgements").replace_one({"_id": acknowledgement.id}, kept, upsert=True)


async def forget(tx: Transaction, version_id: str) -> None:
    """Keep the acknowledgements of a version no longer."""
    await tx.collection("acknowledgements").delete_many({"version_id": version_id})


def _to_acknowledgement(kept: Document) -> Acknowledgement:
    return Acknowledgement(**{name: value for name, value in kept.items() if name != "_id"})


async def of_versions(reader: Reader, version_ids: Sequence[str]) -> dict[str, dict[str, Acknowledgement]]:
    """Return for each version who has acknowledged its end, by organization."""
    found: dict[str, dict[str, Acknowledgement]] = {each: {} for each in version_ids}
    if version_ids:
        for kept in await reader.collection("acknowledgements").find({"version_id": {"$in": list(version_ids)}}):
            found[kept["version_id"]][kept["organization_id"]] = _to_acknowledgement(kept)
    return found


async def ending_among(reader: Reader, product_ids: Sequence[str], version_ids: Sequence[str]) -> list[Product]:
    """Return those of these products, and of the products of these versions, that have a deprecated version."""
    wanted = [{"_id": {"$in": sorted(set(product_ids))}}, {"apis.versions.id": {"$in": sorted(set(version_ids))}}]
    query = {"$or": wanted, "apis.versions.status": "DEPRECATED"}
    return [to_product(each) for each in await reader.collection("products").find(query, sort=[("_id", 1)], limit=MOST_ENDING)]
