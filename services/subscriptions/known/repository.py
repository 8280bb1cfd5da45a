"""The local copies of what others announced, as they are read. Reactions write them with ``copy_if_newer``."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from chassis.mongo import Document, Index, Reader, Transaction
from services.subscriptions.known.domain import Applicant, Application, Plan, Product, prerequisites_of

INDEXES = (
    Index("applications", (("organization_id", 1),)),
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
    if await tx.collection("published_versions").find_one({"product_id": product_id}, projection={"_id": 1}) is None:
        return None
    copy = await tx.collection("products").find_one({"_id": product_id})
    return None if copy is None else _to_product(copy)


def _to_product(copy: Document) -> Product:
    return Product(
        copy["_id"],
        copy["organization_id"],
        is_confidential=copy["sensitivity"] == "CONFIDENTIAL",
        prerequisites=prerequisites_of(copy["sensitivity"], copy.get("prerequisites")),
        is_open_test=copy["sensitivity"] == "OPEN_TEST",
    )


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
    )
