"""How members are listed; each is kept as a membership beside the organization."""

from collections.abc import Iterable, Sequence

from chassis.mongo import Document, Reader
from chassis.paging import Page
from services.identity.organizations.domain import Membership, Organization
from services.identity.organizations.repository import to_membership
from services.identity.organizations.roles import Role


async def find_page(reader: Reader, organization_id: str, page: Page) -> list[Membership]:
    """Return a page of an organization's memberships, and one more where there is one."""
    query: Document = {"organization_id": organization_id}
    if page.after is not None:
        query["_id"] = {"$gt": page.after[0]}
    rows = await reader.collection("memberships").find(query, sort=[("_id", 1)], limit=page.first + 1)
    return [to_membership(row) for row in rows]


async def find_some(reader: Reader, organization_id: str, most: int) -> list[Membership]:
    """Return some of an organization's memberships."""
    rows = await reader.collection("memberships").find({"organization_id": organization_id}, sort=[("_id", 1)], limit=most)
    return [to_membership(row) for row in rows]


async def count(reader: Reader, organization_id: str) -> int:
    """Return how many members an organization has."""
    return await reader.collection("memberships").count_documents({"organization_id": organization_id})


async def find_shared(reader: Reader, organization_ids: Iterable[str], user_ids: Sequence[str]) -> set[str]:
    """Return those of the users who belong to one of the organizations."""
    query = {"organization_id": {"$in": list(organization_ids)}, "user_id": {"$in": list(user_ids)}}
    rows = await reader.collection("memberships").find(query, projection={"user_id": 1})
    return {row["user_id"] for row in rows}


async def find_in_charge(reader: Reader, organization: Organization) -> list[Membership]:
    """Return the memberships of the Owner and the Administrators, the oldest first."""
    in_charge = [{"user_id": organization.owner_id}, {"role": str(Role.ADMINISTRATOR), "suspended_at": None}]
    query: Document = {"organization_id": organization.id, "$or": in_charge}
    return [to_membership(row) for row in await reader.collection("memberships").find(query, sort=[("_id", 1)])]


async def find_in_roles(reader: Reader, organization: Organization, roles: Iterable[Role], most: int) -> list[Membership]:
    """Return memberships in one of these roles, the oldest first."""
    wanted = set(roles)
    query: Document = {"organization_id": organization.id, "role": {"$in": [str(each) for each in wanted]}}
    in_force = {"role": query["role"], "suspended_at": None}
    # Whatever the Owner's membership keeps, the Owner is the one whom the organization names.
    if Role.OWNER in wanted:
        query = {"organization_id": organization.id, "$or": [{"user_id": organization.owner_id}, in_force]}
    else:
        query |= {"user_id": {"$ne": organization.owner_id}, "suspended_at": None}
    rows = await reader.collection("memberships").find(query, sort=[("_id", 1)], limit=most)
    return [to_membership(row) for row in rows]
