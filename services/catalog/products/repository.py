"""How products are kept: one document each, with its plans, APIs and versions; and the entry by which each is found."""

from collections.abc import Sequence
from dataclasses import asdict

from chassis.mongo import Document, DuplicateKey, Index, Reader, Transaction
from services.catalog.entries import repository as entries
from services.catalog.products.domain import (
    Api,
    Description,
    Prerequisite,
    Product,
    ProductText,
    Sensitivity,
    SensitivityKind,
    SlugTaken,
    WhenUnchecked,
    with_agreement,
)
from services.catalog.products.lives import Ending, Version, VersionChange, VersionStatus
from services.catalog.products.plans import Plan, read_terms, terms_row
from services.catalog.products.upstreams import Upstream
from services.catalog.products.words import fold
from services.catalog.texts.domain import DEFAULT, Language

INDEXES = (
    Index("products", (("slug", 1),), unique=True),
    Index("products", (("organization_id", 1), ("sort_title", 1), ("_id", 1))),
    Index("products", (("is_public", 1), ("_id", 1))),
    Index("products", (("plans.id", 1),)),
    Index("products", (("apis.versions.id", 1),)),
)

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
        "main_language": said.main_language.value,
        "translations": [_text_document(each) for each in said.translations],
        "category_ids": list(said.category_ids),
        "when_unchecked": said.when_unchecked.value,
        "created_at": product.created_at,
        "is_public": product.is_public,
        "is_callable": product.is_callable,
        "plans": [_plan_document(plan) for plan in product.plans],
        "apis": [
            {"id": api.id, "slug": api.slug, "title": api.title, "versions": [_version_document(each) for each in api.versions]}
            for api in product.apis
        ],
    }


def _plan_document(plan: Plan) -> Document:
    return {"id": plan.id, **terms_row(plan.terms), "withdrawn_at": plan.withdrawn_at}


def _text_document(text: ProductText) -> Document:
    return {"language": text.language.value, "title": text.title, "summary": text.summary}


def _entry(product: Product) -> Document:
    """Return what a product is found by, but for its operations."""
    said = product.description
    return {
        # What can be called no more is history: readable by who knows it, but not found.
        "is_public": product.is_callable,
        "organization_id": product.organization_id,
        "sort_title": fold(said.title),
        "sensitivity": said.sensitivity.value,
        "tags": list(said.tags),
        "category_ids": list(said.category_ids),
        "texts": [_text_document(each) for each in said.texts],
        "versions": [version.id for _, version in product.versions() if version.is_callable],
    }


def _version_document(version: Version) -> Document:
    return {
        "id": version.id,
        "label": version.label,
        "status": version.status.value,
        "openapi_version": version.openapi_version,
        "operations_count": version.operations_count,
        "published_at": version.published_at,
        "ending": asdict(version.ending) if version.ending else None,
        "retired_at": version.retired_at,
        "history": [{**asdict(each), "status": each.status.value} for each in version.history],
        "upstream": asdict(version.upstream) if version.upstream else None,
        "upstream_told": version.upstream_told,
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
            main_language=Language(kept.get("main_language", DEFAULT)),
            translations=tuple(
                ProductText(Language(each["language"]), each["title"], each["summary"]) for each in kept.get("translations", ())
            ),
            category_ids=tuple(kept.get("category_ids", ())),
            when_unchecked=WhenUnchecked(kept.get("when_unchecked", WhenUnchecked.CLOSED)),
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
        ending=Ending(**kept["ending"]) if kept.get("ending") else None,
        retired_at=kept.get("retired_at"),
        history=tuple(VersionChange(**{**each, "status": VersionStatus(each["status"])}) for each in kept.get("history", ())),
        upstream=Upstream(**kept["upstream"]) if kept.get("upstream") else None,
        upstream_told=bool(kept.get("upstream_told")),
    )


async def insert(tx: Transaction, product: Product) -> None:
    """Keep a new product. Raises ``SlugTaken``."""
    try:
        await tx.collection("products").insert_one(to_document(product))
    except DuplicateKey as error:
        raise SlugTaken from error
    await entries.keep(tx, product.id, _entry(product))


async def replace(tx: Transaction, product: Product) -> None:
    """Keep a product as it is now, and what it is found by."""
    await tx.collection("products").replace_one({"_id": product.id}, to_document(product))
    await entries.keep(tx, product.id, _entry(product))


async def keep_entry(tx: Transaction, product: Product) -> None:
    """Keep what a product is found by, where that was never kept."""
    await entries.keep(tx, product.id, _entry(product))


async def _by(reader: Reader, field: str, values: Sequence[str]) -> list[Product]:
    if not values:
        return []
    found = await reader.collection("products").find({field: {"$in": list(dict.fromkeys(values))}})
    return [to_product(each) for each in found]


async def by_ids(reader: Reader, product_ids: Sequence[str]) -> dict[str, Product]:
    """Return the products with these ids."""
    return {product.id: product for product in await _by(reader, "_id", product_ids)}


async def of_organization(reader: Reader, organization_id: str) -> list[Product]:
    """Return a provider's products, drafts too."""
    return await _by(reader, "organization_id", [organization_id])


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


async def public_ids(reader: Reader, after: str, limit: int) -> list[str]:
    """Return the ids of public products that can be called in order, at most ``limit`` of those after one."""
    query = {"is_public": True, "is_callable": {"$ne": False}, "_id": {"$gt": after}}
    found = await reader.collection("products").find(query, sort=[("_id", 1)], limit=limit, projection={"_id": 1})
    return [each["_id"] for each in found]


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
