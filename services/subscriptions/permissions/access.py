"""Who may touch which permission: the only door from a principal and an id to the thing.

A permission exists for the members of the organization whose application it is about, and for the members of the provider's.
Nobody else can tell one from an id that was never given out.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from chassis.errors import FieldProblem, Forbidden, NotFound, NotHeardOf
from chassis.mongo import Reader, Transaction
from chassis.paging import Page
from chassis.principal import Principal
from services.subscriptions.known import repository as known
from services.subscriptions.known.domain import Applicant, Application, Product, Standing
from services.subscriptions.permissions import repository
from services.subscriptions.permissions.domain import Permission, Status

Pages = dict[str, tuple[list[Permission], int]]
SHOWN_BESIDE = 20


class OnlyTheProviderPermits(Forbidden):
    """Only the provider of the product decides about permissions to call it."""


class OnlyTheApplicantAsks(Forbidden):
    """Only the organization whose application is to be permitted changes or withdraws what it asks for."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Who asks, and who decides, in words."""

    applicant: Applicant
    organization: Standing
    provider: Standing


def _not_heard_of(field: str, what: str, mend: str) -> NotHeardOf:
    return NotHeardOf(f"There is no such {what}.", fields=[FieldProblem(field, mend)])


def _no_application() -> NotHeardOf:
    return _not_heard_of("application_id", "application", "give the id of an application that exists")


def _no_product() -> NotHeardOf:
    return _not_heard_of("product_id", "published product", "give the id of a published product that exists")


async def application_to_permit(tx: Transaction, application_id: str) -> Application:
    """Return an application for which the principal may ask. Raises ``SignInFirst``, ``NotHeardOf`` or ``RoleNotAllowed``."""
    tx.principal.require_signed_in()
    application = await known.find_application(tx, application_id)
    if application is None or not tx.principal.is_member(application.organization_id):
        # A stranger waits as long as for an id that does not exist: not even the time tells the two apart.
        raise _no_application()
    if await known.has_ended(tx, application.organization_id):
        raise _no_application()
    tx.principal.require("REQUEST_PERMISSION", application.organization_id)
    return application


async def product_to_ask_for(tx: Transaction, product_id: str) -> Product:
    """Return a published product. Raises ``NotHeardOf``."""
    product = await known.find_published_product(tx, product_id)
    if product is None:
        raise _no_product()
    return product


async def own_product(tx: Transaction, product_id: str) -> Product:
    """Return a published product of the principal's own. Raises ``SignInFirst``, ``NotHeardOf`` or ``RoleNotAllowed``."""
    tx.principal.require_signed_in()
    product = await known.find_published_product(tx, product_id)
    if product is None or not tx.principal.is_member(product.provider_id):
        raise _no_product()
    tx.principal.require("DECIDE_PERMISSIONS", product.provider_id)
    return product


async def application_by_client_id(tx: Transaction, client_id: str) -> Application:
    """Return the application with a Client ID that its owner has told the principal.

    Raises ``NotHeardOf``, which does not tell apart a Client ID that nobody has from one whose application is nobody's any more.
    """
    application = await known.find_application_by_client_id(tx, client_id)
    if application is None or await known.has_ended(tx, application.organization_id):
        raise _not_heard_of("client_id", "Client ID", "give the Client ID of an application that exists")
    return application


async def operations_of(tx: Transaction, product_id: str) -> frozenset[str]:
    """Return the ids of the operations that can be permitted."""
    return await known.find_operations(tx, product_id)


async def application_stands(tx: Transaction, permission: Permission) -> bool:
    """Say whether there is still an application that the permission is about."""
    return await known.find_application(tx, permission.application_id) is not None


async def permission_to_decide(tx: Transaction, permission_id: str) -> Permission:
    """Return a permission about which the principal may decide.

    Raises ``SignInFirst``, ``NotFound``, ``OnlyTheProviderPermits`` or ``RoleNotAllowed``.
    """
    permission = await _visible_one(tx, permission_id)
    if not tx.principal.is_member(permission.provider_id):
        raise OnlyTheProviderPermits
    tx.principal.require("DECIDE_PERMISSIONS", permission.provider_id)
    return permission


async def permission_to_change(tx: Transaction, permission_id: str) -> Permission:
    """Return a permission that the principal may ask for with other words, or no more.

    Raises ``SignInFirst``, ``NotFound``, ``OnlyTheApplicantAsks`` or ``RoleNotAllowed``.
    """
    permission = await _visible_one(tx, permission_id)
    if not tx.principal.is_member(permission.organization_id):
        raise OnlyTheApplicantAsks
    tx.principal.require("REQUEST_PERMISSION", permission.organization_id)
    return permission


async def in_force(reader: Reader, application_id: str, product_id: str) -> Permission | None:
    """Return the permission by which the application may call the product now, whoever asks."""
    permission = await repository.find_live(reader, application_id, product_id)
    return permission if permission is not None and permission.is_in_force(reader.now) else None


async def granted_ahead(reader: Reader, application_id: str, product_id: str) -> Permission | None:
    """Return the permission by which the application may call the product later, whoever asks."""
    permission = await repository.find_live(reader, application_id, product_id)
    return permission if permission is not None and permission.begins_at is not None and permission.is_ahead(reader.now) else None


async def latest_of(reader: Reader, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Permission]:
    """Return for each application and product the permission that stands, or else the newest one, whoever asks."""
    return await repository.find_latest(reader, pairs)


async def hold(tx: Transaction, application_id: str, product_id: str) -> None:
    """Hold the permission that stands, for what rests on it in this transaction."""
    permission = await repository.find_live(tx, application_id, product_id)
    if permission is not None:
        await repository.hold(tx, permission.id)


async def visible_permissions(reader: Reader, permission_ids: Sequence[str]) -> dict[str, Permission]:
    """Return those of the permissions that exist for the principal, by id."""
    found = await repository.find(reader, permission_ids)
    return {key: each for key, each in found.items() if _may_see(reader.principal, each)}


async def permissions_of_applications(reader: Reader, application_ids: Sequence[str], status: Status | None, page: Page) -> Pages:
    """Return for each application of the principal's organizations a page of its permissions, the newest first."""
    principal = reader.principal
    own = [each for each in principal.organizations if principal.may("VIEW_SUBSCRIPTIONS", each)]
    query = {"organization_id": {"$in": own}, **({} if status is None else {"status": status.value})}
    listing = repository.Listing("application_id", query, newest_first=True)
    return await _pages(reader, listing, application_ids, page, is_visible=lambda _: bool(own))


async def requests_to_providers(reader: Reader, provider_ids: Sequence[str], status: Status | None, page: Page) -> Pages:
    """Return for each provider for which the principal decides a page of what was asked of it, the longest waiting first."""
    query = {} if status is None else {"status": status.value}
    listing = repository.Listing("provider_id", query, newest_first=False)
    return await _pages(
        reader, listing, provider_ids, page, is_visible=lambda key: reader.principal.may("DECIDE_PERMISSIONS", key)
    )


async def beside(reader: Reader, permission_ids: Sequence[str]) -> dict[str, list[Permission]]:
    """Return by id what else the same organization has asked the same provider for, to those who decide there: the newest."""
    found = await visible_permissions(reader, permission_ids)
    seen = {key: each for key, each in found.items() if reader.principal.may("DECIDE_PERMISSIONS", each.provider_id)}
    pairs = sorted({(each.provider_id, each.organization_id) for each in seen.values()})
    lists = await asyncio.gather(*(repository.find_beside(reader, *pair, most=SHOWN_BESIDE + 1) for pair in pairs))
    listed = dict(zip(pairs, lists, strict=True))
    return {
        key: [other for other in listed[each.provider_id, each.organization_id] if other.id != key][:SHOWN_BESIDE]
        for key, each in seen.items()
    }


async def sides_of(reader: Reader, permissions: Iterable[Permission]) -> dict[str, Sides]:
    """Return by id who asks and who decides, for those to whom the permissions exist: five reads, however many there are.

    It is all that the provider, who does not belong to the applicant's organization, learns of it.
    """
    asked = list(permissions)
    organizations = {each.organization_id for each in asked} | {each.provider_id for each in asked}
    applicants, standings = await asyncio.gather(
        known.find_applicants(reader, asked), known.find_standings(reader, organizations)
    )
    return {each.id: Sides(applicants[each.id], standings[each.organization_id], standings[each.provider_id]) for each in asked}


async def _pages(
    reader: Reader, listing: repository.Listing, keys: Sequence[str], page: Page, *, is_visible: Callable[[str], bool]
) -> Pages:
    asked = {key for key in keys if is_visible(key)}
    found = await listing.read(reader, sorted(asked), page) if asked else {}
    return {key: found.get(key, ([], 0)) for key in asked}


async def _visible_one(tx: Transaction, permission_id: str) -> Permission:
    tx.principal.require_signed_in()
    found = await visible_permissions(tx, [permission_id])
    if permission_id not in found:
        raise NotFound("There is no such permission.")
    return found[permission_id]


def _may_see(principal: Principal, permission: Permission) -> bool:
    return principal.may("VIEW_SUBSCRIPTIONS", permission.organization_id) or principal.is_member(permission.provider_id)
