"""The local copies of what others announced, as they are read. Reactions write them with ``copy_if_newer``."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Protocol

from chassis.mongo import Document, Index, Reader, Transaction
from services.subscriptions.known.domain import Applicant, Application, Plan, Product, Standing, Terms, prerequisites_of

INDEXES = (
    Index("applications", (("organization_id", 1),)),
    Index("application_names", (("client_id", 1),)),
    Index("test_organizations", (("sequence", 1),)),
    Index("data_exchanges", (("sequence", 1),)),
    Index("onboarding_requests", (("organization_id", 1), ("_id", -1))),
    Index("ended_organizations", (("sequence", 1),)),
    Index("products", (("organization_id", 1),)),
    Index("published_versions", (("product_id", 1),)),
    Index("plans", (("product_id", 1),)),
)


class AskedFor(Protocol):
    """Something that an organization asks for, for one of its applications."""

    @property
    def id(self) -> str:
        """Return its own id."""
        ...

    @property
    def application_id(self) -> str:
        """Return the application's id."""
        ...

    @property
    def organization_id(self) -> str:
        """Return the id of the organization whose application it is."""
        ...


async def find_application(tx: Transaction, application_id: str) -> Application | None:
    """Return the local copy of an application, or None where it is not heard of or is gone."""
    copy = await tx.collection("applications").find_one({"_id": application_id, "is_deleted": False})
    return None if copy is None else Application(copy["_id"], copy["organization_id"])


async def find_application_by_client_id(tx: Transaction, client_id: str) -> Application | None:
    """Return the local copy of the application with this Client ID, or None where it is not heard of or is gone."""
    named = await tx.collection("application_names").find_one({"client_id": client_id}, projection={"_id": 1})
    return None if named is None else await find_application(tx, named["_id"])


async def find_applications(reader: Reader, application_ids: Iterable[str]) -> dict[str, Application]:
    """Return those of the applications that are heard of and not gone, by id."""
    copies = await _copies(reader, "applications", set(application_ids))
    return {key: Application(key, copy["organization_id"]) for key, copy in copies.items() if not copy["is_deleted"]}


async def find_organizations_with_applications(reader: Reader, organization_ids: Iterable[str]) -> set[str]:
    """Return which of the organizations have an application."""
    query = {"organization_id": {"$in": sorted(set(organization_ids))}, "is_deleted": False}
    found = await reader.collection("applications").find(query, projection={"organization_id": 1})
    return {each["organization_id"] for each in found}


async def find_standings(reader: Reader, organization_ids: Iterable[str]) -> dict[str, Standing]:
    """Return who each of the organizations is, by id: three reads for all of them."""
    keys = set(organization_ids)
    names, tests, exchanges = await asyncio.gather(
        _copies(reader, "organization_names", keys),
        _copies(reader, "test_organizations", keys),
        _copies(reader, "data_exchanges", keys),
    )
    return {
        key: Standing(
            name=names.get(key, {}).get("name"),
            is_test=tests.get(key, {}).get("is_test"),
            data_exchange_number=exchanges.get(key, {}).get("number"),
        )
        for key in keys
    }


async def is_onboarded(reader: Reader, organization_id: str) -> bool:
    """Say whether the organization was heard to have its data-exchange number; that is for good."""
    return await reader.collection("data_exchanges").find_one({"_id": organization_id}) is not None


async def find_onboarding(reader: Reader, organization_ids: Iterable[str]) -> dict[str, Document]:
    """Return how each organization's newest onboarding request stands, where one was heard of."""
    query = {"organization_id": {"$in": sorted(set(organization_ids))}}
    newest_last = await reader.collection("onboarding_requests").find(query, sort=[("_id", 1)])
    return {each["organization_id"]: each for each in newest_last}


async def find_applicants(reader: Reader, things: Iterable[AskedFor]) -> dict[str, Applicant]:
    """Return who asks for each of the things, by its id: one read for all applications, one for all organizations."""
    asked = list(things)
    applications, organizations = await asyncio.gather(
        _copies(reader, "application_names", {each.application_id for each in asked}),
        _copies(reader, "organization_names", {each.organization_id for each in asked}),
    )
    found = {}
    for each in asked:
        application = applications.get(each.application_id, {})
        organization = organizations.get(each.organization_id, {})
        found[each.id] = Applicant(application.get("name"), application.get("client_id"), organization.get("name"))
    return found


async def _copies(reader: Reader, collection: str, keys: set[str]) -> dict[str, Document]:
    if not keys:
        return {}
    return {each["_id"]: each for each in await reader.collection(collection).find({"_id": {"$in": sorted(keys)}})}


async def has_ended(tx: Transaction, organization_id: str) -> bool:
    """Say whether the organization was heard to have been deleted."""
    return await tx.collection("ended_organizations").find_one({"_id": organization_id}) is not None


async def hold_application(tx: Transaction, application_id: str) -> None:
    """Touch the copy, so that the application's deletion and this transaction cannot both pass unaware of each other."""
    await tx.collection("applications").update_one({"_id": application_id}, {"$inc": {"held": 1}})


async def find_published_product(tx: Transaction, product_id: str) -> Product | None:
    """Return the local copy of a product, or None where it is not heard of or has no published version."""
    versions = await tx.collection("published_versions").find({"product_id": product_id}, projection={"is_retired": 1})
    copy = await tx.collection("products").find_one({"_id": product_id}) if versions else None
    if copy is None:
        return None
    return replace(_to_product(copy), is_callable=not all(each.get("is_retired") for each in versions))


async def find_published_products(reader: Reader, product_ids: Iterable[str]) -> dict[str, Product]:
    """Return those of the products that are heard of and have a published version, by id."""
    query = {"product_id": {"$in": sorted(set(product_ids))}}
    versions = await reader.collection("published_versions").find(query, projection={"product_id": 1})
    copies = await _copies(reader, "products", {each["product_id"] for each in versions})
    return {key: _to_product(copy) for key, copy in copies.items()}


async def find_operations(reader: Reader, product_id: str) -> frozenset[str]:
    """Return the ids of the operations that the product's published versions have."""
    versions = await reader.collection("published_versions").find({"product_id": product_id}, projection={"operations": 1})
    return frozenset(operation for each in versions for operation in each.get("operations", ()))


def _to_product(copy: Document) -> Product:
    return Product(
        copy["_id"],
        copy["organization_id"],
        is_confidential=copy["sensitivity"] == "CONFIDENTIAL",
        prerequisites=prerequisites_of(copy["sensitivity"], copy.get("prerequisites")),
        is_open_test=copy["sensitivity"] == "OPEN_TEST",
    )


async def find_product(tx: Transaction, product_id: str) -> Product | None:
    """Return the local copy of a product, published or not, or None where it is not heard of."""
    copy = await tx.collection("products").find_one({"_id": product_id})
    return None if copy is None else _to_product(copy)


async def find_plan(tx: Transaction, plan_id: str) -> Plan | None:
    """Return the local copy of a plan, or None where it is not heard of."""
    copy = await tx.collection("plans").find_one({"_id": plan_id})
    if copy is None:
        return None
    return Plan(
        copy["_id"],
        copy["product_id"],
        approves_automatically=copy["approval"] == "AUTOMATIC",
        is_withdrawn=copy["is_withdrawn"],
        valid_from=copy.get("valid_from"),
        valid_to=copy.get("valid_to"),
        terms=_terms(copy),
    )


def _terms(copy: Document) -> Terms | None:
    if copy.get("rate_requests") is None:
        return None
    names = ("name", "rate_requests", "rate_seconds", "burst", "quota_calls", "quota_period")
    return Terms(**{name: copy[name] for name in names}, quota_time_zone=copy.get("quota_time_zone") or "UTC")
