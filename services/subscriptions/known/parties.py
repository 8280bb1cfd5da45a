"""Who stands on either side of an agreement, as far as it is known here: the parties, their people, what they agree about."""

from collections.abc import Iterable

from chassis.mongo import Document, Index, Reader, Transaction
from services.subscriptions.known.domain import Applicant, Product, prerequisites_of

MEMBERS = "members"
PLATFORM_ROLES = "platform_roles"
INDEXES = (
    Index(MEMBERS, (("organization_id", 1), ("user_id", 1))),
    Index(PLATFORM_ROLES, (("user_id", 1),)),
)


async def find_products(reader: Reader, product_ids: Iterable[str]) -> dict[str, Product]:
    """Return the local copies of products by id, whether they have a published version or not."""
    return {key: _to_product(copy) for key, copy in (await _copies(reader, "products", product_ids)).items()}


def _to_product(copy: Document) -> Product:
    sensitivity = copy["sensitivity"]
    return Product(
        copy["_id"],
        copy["organization_id"],
        is_confidential=sensitivity == "CONFIDENTIAL",
        prerequisites=prerequisites_of(sensitivity, copy.get("prerequisites")),
        is_open_test=sensitivity == "OPEN_TEST",
    )


async def find_own_applications(reader: Reader, organization_id: str, application_ids: Iterable[str]) -> set[str]:
    """Return those of the applications that live and belong to the organization."""
    copies = await _copies(reader, "applications", application_ids)
    return {key for key, each in copies.items() if each["organization_id"] == organization_id and not each["is_deleted"]}


async def find_application_names(reader: Reader, application_ids: Iterable[str]) -> dict[str, Applicant]:
    """Return what applications are called, by id; the organization's name is not looked up."""
    copies = await _copies(reader, "application_names", application_ids)
    return {key: Applicant(copy["name"], copy["client_id"], None) for key, copy in copies.items()}


async def find_organization_names(reader: Reader, organization_ids: Iterable[str]) -> dict[str, str]:
    """Return what organizations are called, by id."""
    return {key: copy["name"] for key, copy in (await _copies(reader, "organization_names", organization_ids)).items()}


async def holds_platform_role(reader: Reader, user_id: str, *roles: str) -> bool:
    """Say whether a user was heard to hold one of these platform roles."""
    query = {"_id": {"$in": [f"{user_id}:{role}" for role in roles]}, "is_held": True}
    return await reader.collection(PLATFORM_ROLES).find_one(query, projection={"_id": 1}) is not None


async def has_lost_platform_role(reader: Reader, user_id: str, role: str) -> bool:
    """Say whether the last that was heard of a user and a platform role is that it was withdrawn."""
    query = {"_id": f"{user_id}:{role}", "is_held": False}
    return await reader.collection(PLATFORM_ROLES).find_one(query, projection={"_id": 1}) is not None


async def hold_platform_role(tx: Transaction, user_id: str, role: str) -> None:
    """Touch the copy, so that its end and what rests on it in this transaction cannot both pass unaware of each other."""
    await tx.collection(PLATFORM_ROLES).update_one({"_id": f"{user_id}:{role}"}, {"$inc": {"held": 1}})


async def is_member(reader: Reader, user_id: str, organization_id: str) -> bool:
    """Say whether a user was heard to belong to an organization."""
    query = {"_id": f"{organization_id}:{user_id}", "is_member": True}
    return await reader.collection(MEMBERS).find_one(query, projection={"_id": 1}) is not None


async def _copies(reader: Reader, collection: str, keys: Iterable[str]) -> dict[str, Document]:
    wanted = sorted(set(keys))
    return {each["_id"]: each for each in await reader.collection(collection).find({"_id": {"$in": wanted}})} if wanted else {}
