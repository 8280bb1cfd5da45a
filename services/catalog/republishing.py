"""What the catalogue states anew for those who are new or have missed what happened: every kind of thing it has announced."""

from collections.abc import Iterable, Sequence

from chassis.messages import Event
from chassis.mongo import Document, Reader
from chassis.republishing import Kind, Statement, each
from services.catalog.callers.actions import callers_of
from services.catalog.categories.repository import to_category
from services.catalog.events import ProviderStandingGranted, PublishedOperation
from services.catalog.guidance.repository import to_page
from services.catalog.products.lives import VersionStatus
from services.catalog.products.repository import to_product
from services.catalog.retiring.domain import MOST_AFFECTED, Place
from services.catalog.upstreams.domain import subject_of, told
from services.catalog.versions.repository import operations


def _provider_standings(row: Document) -> Iterable[Statement]:
    granted = ProviderStandingGranted(organization_id=row["_id"])
    yield Statement(row["_id"], (granted,), row["_id"], (row["_id"],))


def _products(row: Document) -> Iterable[Statement]:
    product = to_product(row)
    yield Statement(product.id, (product.created(),), product.organization_id, (product.organization_id,))


def _plans(row: Document) -> Iterable[Statement]:
    product = to_product(row)
    for plan in product.plans:
        yield Statement(plan.id, product.plan_told(plan), product.organization_id, (product.organization_id,))


async def _versions(reader: Reader, rows: Sequence[Document]) -> list[Statement]:
    places = [
        Place(product, api, version)
        for product in map(to_product, rows)
        for api, version in product.versions()
        if version.is_public
    ]
    kept = await operations(reader, [place.version.id for place in places])
    return [await _version(reader, place, kept.get(place.version.id, [])) for place in places]


async def _version(reader: Reader, place: Place, rows: Sequence[Document]) -> Statement:
    product, provider = place.product, place.product.organization_id
    listed = tuple(PublishedOperation(operation_id=row["operation_id"], method=row["method"], path=row["path"]) for row in rows)
    published = product.version_told(place.api, place.version, listed)
    if not any(change.status is not VersionStatus.PUBLISHED for change in place.version.history):
        return Statement(place.version.id, (published,), provider, (provider,))
    affected = (await callers_of(reader, product.id, place.version.id)).organization_ids
    audience = dict.fromkeys([provider, *affected[:MOST_AFFECTED]])
    return Statement(place.version.id, (published, _life(place, affected)), provider, tuple(audience))


def _life(place: Place, affected: Sequence[str]) -> Event:
    version = place.version
    if version.status is VersionStatus.RETIRED:
        despite = next((each.reason for each in version.history if each.status is VersionStatus.RETIRED), None)
        return place.retired(affected, despite)
    return place.undeprecated(affected) if version.ending is None else place.deprecated(affected)


def _upstreams(row: Document) -> Iterable[Statement]:
    product = to_product(row)
    for api, version in product.versions():
        if version.is_public and version.upstream_told:  # also where it was taken back
            provider = product.organization_id
            yield Statement(subject_of(version.id), (told(product, api, version),), provider, (provider,))


def _categories(row: Document) -> Iterable[Statement]:
    category = to_category(row)
    yield Statement(category.id, (category.created(),))


def _guidance(row: Document) -> Iterable[Statement]:
    page = to_page(row)
    audience = () if page.organization_id is None else (page.organization_id,)
    yield Statement(page.id, (page.written(),), page.organization_id, audience)


KINDS = (
    Kind("provider_standing", "provider_standings", each(_provider_standings)),
    Kind("product", "products", each(_products)),
    Kind("plan", "products", each(_plans)),
    Kind("version", "products", _versions),
    Kind("upstream", "products", each(_upstreams)),
    Kind("category", "categories", each(_categories)),
    Kind("guidance", "guidance", each(_guidance)),
)
