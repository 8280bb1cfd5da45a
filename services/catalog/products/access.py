"""Who may touch a product: its provider's members, by their role; and who may see it."""

from collections.abc import Mapping, Sequence

from chassis.errors import NotFound
from chassis.mongo import Reader
from chassis.principal import Principal
from services.catalog.products import repository
from services.catalog.products.domain import Api, Product
from services.catalog.products.lives import Version
from services.catalog.products.plans import Plan
from services.catalog.providers.access import MANAGE


def sees_drafts(principal: Principal, product: Product) -> bool:
    """Say whether the one who asks belongs to the provider."""
    return principal.is_member(product.organization_id)


def may_see(principal: Principal, product: Product) -> bool:
    """Say whether the product exists for the one who asks."""
    return product.is_public or sees_drafts(principal, product)


def may_see_version(principal: Principal, product: Product, version: Version) -> bool:
    """Say whether the version exists for the one who asks."""
    return version.is_public or sees_drafts(principal, product)


def _to_manage(reader: Reader, product: Product | None) -> Product:
    reader.principal.require_signed_in()
    if product is None:
        raise NotFound
    reader.principal.require(MANAGE, product.organization_id)
    return product


async def product_to_manage(reader: Reader, product_id: str) -> Product:
    """Return a product to change. Raises ``SignInFirst``, ``NotFound`` (also for strangers) or ``RoleNotAllowed``."""
    return _to_manage(reader, (await repository.by_ids(reader, [product_id])).get(product_id))


async def plan_to_manage(reader: Reader, plan_id: str) -> tuple[Product, Plan]:
    """Return a plan to change, with its product. Raises as ``product_to_manage`` does."""
    product = _to_manage(reader, (await repository.by_plans(reader, [plan_id])).get(plan_id))
    plan = product.plan(plan_id)
    assert plan is not None
    return product, plan


async def version_to_manage(reader: Reader, version_id: str) -> tuple[Product, Version]:
    """Return a version to change, with its product. Raises as ``product_to_manage`` does."""
    product = _to_manage(reader, (await repository.by_versions(reader, [version_id])).get(version_id))
    found = product.version(version_id)
    assert found is not None
    return product, found[1]


def _visible(reader: Reader, products: Mapping[str, Product]) -> dict[str, Product]:
    return {key: product for key, product in products.items() if may_see(reader.principal, product)}


async def visible_by_ids(reader: Reader, product_ids: Sequence[str]) -> dict[str, Product]:
    """Return those of the products that exist for the one who asks."""
    return _visible(reader, await repository.by_ids(reader, product_ids))


async def visible_by_slugs(reader: Reader, slugs: Sequence[str]) -> dict[str, Product]:
    """Return by slug those of the products that exist for the one who asks."""
    return _visible(reader, await repository.by_slugs(reader, slugs))


async def visible_plans(reader: Reader, plan_ids: Sequence[str]) -> dict[str, tuple[Product, Plan]]:
    """Return those of the plans whose product exists for the one who asks."""
    found = _visible(reader, await repository.by_plans(reader, plan_ids))
    plans = ((product, product.plan(plan_id)) for plan_id, product in found.items())
    return {plan.id: (product, plan) for product, plan in plans if plan is not None}


async def visible_versions(reader: Reader, version_ids: Sequence[str]) -> dict[str, tuple[Product, Api, Version]]:
    """Return those of the versions that exist for the one who asks, each with its product and API."""
    visible = {}
    for version_id, product in (await repository.by_versions(reader, version_ids)).items():
        found = product.version(version_id)
        if found is not None and may_see_version(reader.principal, product, found[1]):
            visible[version_id] = (product, *found)
    return visible
