"""Products, plans and versions as rows of JSON, as much of them as the one who asks may see."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chassis.mongo import Reader
from chassis.principal import Principal
from services.catalog.products.access import may_see_version, sees_drafts
from services.catalog.products.domain import Api, Product, ProductText
from services.catalog.products.lives import Version
from services.catalog.products.plans import Plan, terms_row
from services.catalog.providers.actions import names_of

Row = dict[str, Any]


def text_row(text: ProductText) -> Row:
    """Return what a product says in one language as a row."""
    return {"language": text.language.value, "title": text.title, "summary": text.summary}


class Rows:
    """Makes rows; ``calls_url`` is the data plane's address."""

    def __init__(self, calls_url: str) -> None:
        self._calls_url = calls_url.rstrip("/")

    async def products(self, reader: Reader, products: Sequence[Product]) -> list[Row]:
        """Return products as rows, with one more query for all their providers' names."""
        names = await names_of(reader, [product.organization_id for product in products])
        return [self._product(reader, product, names.get(product.organization_id, "")) for product in products]

    async def by_id(self, reader: Reader, products: Sequence[Product]) -> dict[str, Row]:
        """Return products as rows, by their ids."""
        return {row["id"]: row for row in await self.products(reader, products)}

    async def product(self, reader: Reader, product: Product) -> Row:
        """Return one product as a row."""
        return (await self.products(reader, [product]))[0]

    def _product(self, reader: Reader, product: Product, provider: str) -> Row:
        said = product.description
        apis = [self._api(reader.principal, product, api) for api in product.apis]
        return {
            "id": product.id,
            "slug": product.slug,
            "title": said.title,
            "summary": said.summary,
            "main_language": said.main_language.value,
            "texts": [text_row(each) for each in said.texts],
            "tags": list(said.tags),
            "category_ids": list(said.category_ids),
            "sensitivity": said.sensitivity.value,
            "sensitivity_kinds": [kind.value for kind in said.sensitivity_kinds],
            "prerequisites": [each.value for each in said.prerequisites],
            "when_unchecked": said.when_unchecked.value,
            "organization_id": product.organization_id,
            "provider": {"id": product.organization_id, "name": provider},
            "status": "PUBLISHED" if product.is_public else "DRAFT",
            "is_callable": product.is_callable,
            "created_at": product.created_at,
            "plans": self._plans(reader, product),
            "apis": [api for api in apis if api["versions"]],
        }

    def _api(self, principal: Principal, product: Product, api: Api) -> Row:
        versions = [each for each in api.versions if may_see_version(principal, product, each)]
        return {
            "id": api.id,
            "slug": api.slug,
            "title": api.title,
            "versions": [self.version(product, api, version) for version in versions],
        }

    def _plans(self, reader: Reader, product: Product) -> list[Row]:
        # One that was withdrawn is for those who are on it; they find it with their subscription.
        has_all = sees_drafts(reader.principal, product)
        return [self.plan(product, each, reader.now) for each in product.plans if has_all or each.withdrawn_at is None]

    def plan(self, product: Product, plan: Plan, now: datetime) -> Row:
        """Return a plan as a row, with whether it can be subscribed to now."""
        because = plan.not_offered_because(now)
        return {
            "id": plan.id,
            "product_id": product.id,
            "organization_id": product.organization_id,
            **terms_row(plan.terms),
            "withdrawn_at": plan.withdrawn_at,
            "is_offered": because is None,
            "not_offered_because": because,
        }

    def version(self, product: Product, api: Api, version: Version) -> Row:
        """Return a version as a row."""
        base_path, ending = product.base_path(api, version), version.ending
        return {
            "id": version.id,
            "product_id": product.id,
            "api_id": api.id,
            "label": version.label,
            "status": version.status.value,
            "base_path": base_path,
            "call_url": self._calls_url + base_path,
            "sandbox_url": f"{self._calls_url}/sandbox{base_path}",
            "answered_by": "SANDBOX" if version.upstream is None else "PRODUCTION",
            "is_callable": version.is_callable,
            "published_at": version.published_at,
            "deprecated_at": ending and ending.deprecated_at,
            "sunset_at": ending and ending.sunset_at,
            "migrate_to_id": ending and ending.migrate_to,
            "deprecation_note": ending and ending.note,
            "retired_at": version.retired_at,
            "openapi_version": version.openapi_version,
            "operations_count": version.operations_count,
        }
