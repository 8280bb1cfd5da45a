"""Who may end a version, who may know whom that concerns, and who may acknowledge it for an organization."""

from collections.abc import Sequence

from chassis.errors import NotFound
from chassis.mongo import Reader
from services.catalog.callers import repository as callers
from services.catalog.products import access as products
from services.catalog.products.domain import Product
from services.catalog.products.repository import by_versions
from services.catalog.retiring import repository
from services.catalog.retiring.domain import Acknowledgement, MigrationTargetNotUsable, Place

ACKNOWLEDGE = "SUBSCRIBE"

ending_among = repository.ending_among
acknowledgements = repository.of_versions
called_by = callers.called_by


async def version_to_manage(reader: Reader, version_id: str) -> Place:
    """Return a version to change. Raises ``SignInFirst``, ``NotFound`` (also for strangers) or ``RoleNotAllowed``."""
    product, _ = await products.version_to_manage(reader, version_id)
    return _place(product, version_id)


def _place(product: Product, version_id: str) -> Place:
    found = product.version(version_id)
    assert found is not None
    return Place(product, *found)


async def migration_target(reader: Reader, version_id: str, place: Place) -> Place:
    """Return the version that callers are to go to: a published one, of any product. Raises ``MigrationTargetNotUsable``."""
    product = (await by_versions(reader, [version_id])).get(version_id)
    if product is None or version_id == place.version.id:
        raise MigrationTargetNotUsable
    target = _place(product, version_id)
    if not target.version.is_callable or target.version.ending is not None:
        raise MigrationTargetNotUsable
    return target


async def version_to_acknowledge(reader: Reader, version_id: str, organization_id: str) -> Place:
    """Return a version whose end is to be acknowledged for an organization.

    Raises ``SignInFirst``, ``NotFound`` or ``RoleNotAllowed``.
    """
    reader.principal.require(ACKNOWLEDGE, organization_id)
    found = (await products.visible_versions(reader, [version_id])).get(version_id)
    if found is None:
        raise NotFound
    return Place(*found)


def sees_callers(reader: Reader, product: Product) -> bool:
    """Say whether the one who asks may know who calls a product: its provider's members and the operator's administrators."""
    return products.sees_drafts(reader.principal, product) or reader.principal.has_platform_role("OPERATOR_ADMINISTRATOR")


async def products_to_weigh(reader: Reader, product_ids: Sequence[str]) -> dict[str, Product]:
    """Return those of the products whose callers the one who asks may know."""
    visible = await products.visible_by_ids(reader, product_ids)
    return {key: product for key, product in visible.items() if sees_callers(reader, product)}


async def versions_with_history(reader: Reader, version_ids: Sequence[str]) -> dict[str, Place]:
    """Return those of the versions whose history the one who asks may read."""
    visible = await products.visible_versions(reader, version_ids)
    return {key: Place(*found) for key, found in visible.items() if sees_callers(reader, found[0])}


def acknowledged(known: dict[str, Acknowledgement], organization_id: str, place: Place) -> Acknowledgement | None:
    """Return the organization's acknowledgement, if it holds for the end as it is set now."""
    found = known.get(organization_id)
    return found if found is not None and place.version.ending is not None and found.covers(place.version.ending) else None
