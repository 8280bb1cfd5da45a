"""How products are kept: one document each, with its plans, APIs and versions; and the words by which they are found."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from chassis.mongo import Document, DuplicateKey, Index, Reader, Transaction
from services.catalog.products.domain import (
    Api,
    Description,
    Prerequisite,
    Product,
    Sensitivity,
    SensitivityKind,
    SlugTaken,
    Version,
    VersionStatus,
    with_agreement,
)
from services.catalog.products.plans import Plan, read_terms, terms_row
from services.catalog.products.words import fold

INDEXES = (
    Index("products", (("slug", 1),), unique=True),
    Index("products", (("organization_id", 1), ("sort_title", 1), ("_id", 1))),
    Index("products", (("is_public", 1), ("sort_title", 1), ("_id", 1))),
    Index("products", (("plans.id", 1),)),
    Index("products", (("apis.versions.id", 1),)),
    Index("words", (("word", 1),)),
    Index("words", (("source", 1),)),
)
MOST_WORDS_READ = 50_000

SortKey = tuple[str, str]


def to_document(product: Product) -> Document:
    """Return a product as it is kept."""
    said = product.description
    return {
        "_id": product.id,
        "organization_id": product.organization_id,
        "slug": product.slug,
        "title": said.title,
        "sort_title": fold(said.title),
        "summary": said.summary,
        "tags": list(said.tags),
        "folded_tags": [fold(tag) for tag in said.tags],
        "sensitivity": said.sensitivity.value,
        "sensitivity_kinds": [kind.value for kind in said.sensitivity_kinds],
        "prerequisites": [each.value for each in said.prerequisites],
        "created_at": product.created_at,
        "is_public": product.is_public,
        "plans": [_plan_document(plan) for plan in product.plans],
        "apis": [
            {"id": api.id, "slug": api.slug, "title": api.title, "versions": [_version_document(each) for each in api.versions]}
            for api in product.apis
        ],
    }


def _plan_document(plan: Plan) -> Document:
    return {"id": plan.id, **terms_row(plan.terms), "withdrawn_at": plan.withdrawn_at}


def _version_document(version: Version) -> Document:
    return {
        "id": version.id,
        "label": version.label,
        "status": version.status.value,
        "openapi_version": version.openapi_version,
        "operations_count": version.operations_count,
        "published_at": version.published_at,
    }


def to_product(kept: Document) -> Product:
    """Return the product that a document keeps."""
    sensitivity = Sensitivity(kept["sensitivity"])
    # What was kept before products had prerequisites has the ones that its sensitivity brings along.
    prerequisites = with_agreement(sensitivity, (Prerequisite(each) for each in kept.get("prerequisites", ())))
    return Product(
        id=kept["_id"],
        organization_id=kept["organization_id"],
        slug=kept["slug"],
        description=Description(
            title=kept["title"],
            summary=kept["summary"],
            tags=tuple(kept["tags"]),
            sensitivity=sensitivity,
            sensitivity_kinds=tuple(SensitivityKind(each) for each in kept["sensitivity_kinds"]),
            prerequisites=prerequisites,
        ),
        created_at=kept["created_at"],
        plans=tuple(Plan(each["id"], read_terms(each), each.get("withdrawn_at")) for each in kept["plans"]),
        apis=tuple(
            Api(
                id=each["id"],
                slug=each["slug"],
                title=each["title"],
                versions=tuple(_to_version(one) for one in each["versions"]),
            )
            for each in kept["apis"]
        ),
    )


def _to_version(kept: Document) -> Version:
    return Version(
        id=kept["id"],
        label=kept["label"],
        status=VersionStatus(kept["status"]),
        openapi_version=kept["openapi_version"],
        operations_count=kept["operations_count"],
        published_at=kept["published_at"],
    )


async def insert(tx: Transaction, product: Product) -> None:
    """Keep a new product. Raises ``SlugTaken``."""
    try:
        await tx.collection("products").insert_one(to_document(product))
    except DuplicateKey as error:
        raise SlugTaken from error


async def replace(tx: Transaction, product: Product) -> None:
    """Keep a product as it is now."""
    await tx.collection("products").replace_one({"_id": product.id}, to_document(product))


async def _by(reader: Reader, field: str, values: Sequence[str]) -> list[Product]:
    if not values:
        return []
    found = await reader.collection("products").find({field: {"$in": list(dict.fromkeys(values))}})
    return [to_product(each) for each in found]


async def by_ids(reader: Reader, product_ids: Sequence[str]) -> dict[str, Product]:
    """Return the products with these ids."""
    return {product.id: product for product in await _by(reader, "_id", product_ids)}


async def by_slugs(reader: Reader, slugs: Sequence[str]) -> dict[str, Product]:
    """Return the products with these slugs."""
    return {product.slug: product for product in await _by(reader, "slug", slugs)}


async def by_plans(reader: Reader, plan_ids: Sequence[str]) -> dict[str, Product]:
    """Return for each plan its product."""
    return {plan.id: product for product in await _by(reader, "plans.id", plan_ids) for plan in product.plans}


async def by_versions(reader: Reader, version_ids: Sequence[str]) -> dict[str, Product]:
    """Return for each version its product."""
    found = await _by(reader, "apis.versions.id", version_ids)
    return {version.id: product for product in found for _, version in product.versions()}


def _after(query: Mapping[str, Any], after: SortKey | None) -> dict[str, Any]:
    if after is None:
        return dict(query)
    title, product_id = after
    later = [{"sort_title": {"$gt": title}}, {"sort_title": title, "_id": {"$gt": product_id}}]
    return {"$and": [query, {"$or": later}]}


def _public(sensitivity: str | None, tag: str | None) -> dict[str, Any]:
    query: dict[str, Any] = {"is_public": True}
    if sensitivity is not None:
        query["sensitivity"] = sensitivity
    if tag is not None:
        query["folded_tags"] = fold(tag)
    return query


async def public_page(
    reader: Reader, sensitivity: str | None, tag: str | None, *, after: SortKey | None, limit: int
) -> tuple[list[Product], int]:
    """Return public products by title, and how many there are in all."""
    products = reader.collection("products")
    query = _public(sensitivity, tag)
    found = await products.find(_after(query, after), sort=[("sort_title", 1), ("_id", 1)], limit=limit)
    return [to_product(each) for each in found], await products.count_documents(query)


async def public_among(reader: Reader, product_ids: Sequence[str], sensitivity: str | None, tag: str | None) -> set[str]:
    """Return the ids of those of the products that are public and pass the filter."""
    query = {"_id": {"$in": list(product_ids)}, **_public(sensitivity, tag)}
    return {each["_id"] for each in await reader.collection("products").find(query, projection={"_id": 1})}


async def sort_keys_of_organizations(reader: Reader, all_of: Sequence[str], public_of: Sequence[str]) -> dict[str, list[SortKey]]:
    """Return each organization's products' sort keys in order: of some all products, of others the public ones."""
    query = {
        "$or": [{"organization_id": {"$in": list(all_of)}}, {"organization_id": {"$in": list(public_of)}, "is_public": True}]
    }
    found = await reader.collection("products").find(
        query, sort=[("sort_title", 1), ("_id", 1)], projection={"organization_id": 1, "sort_title": 1}
    )
    keys: dict[str, list[SortKey]] = {}
    for each in found:
        keys.setdefault(each["organization_id"], []).append((each["sort_title"], each["_id"]))
    return keys


async def keep_words(tx: Transaction, product_id: str, source: str, weights: Mapping[str, int]) -> None:
    """Let the product be found by these words; they replace those kept from the same source (the product, or one version)."""
    words = tx.collection("words")
    await words.delete_many({"source": source})
    await words.insert_many(
        [{"product_id": product_id, "source": source, "word": word, "weight": weight} for word, weight in weights.items()]
    )


async def words_beginning(reader: Reader, terms: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return (product id, word, weight) of the kept words that begin with one of the terms."""
    # One range of the index for each term, side by side: a choice between ranges reads every word on some servers.
    found = await asyncio.gather(*(_words_from(reader, term) for term in terms))
    return [(each["product_id"], each["word"], each["weight"]) for some in found for each in some]


async def _words_from(reader: Reader, term: str) -> list[Document]:
    return await reader.collection("words").find(
        {"word": {"$gte": term, "$lt": term + "\uffff"}},
        projection={"_id": 0, "product_id": 1, "word": 1, "weight": 1},
        limit=MOST_WORDS_READ,
    )
