"""How members are listed; each is kept as a membership beside the organization."""

from collections.abc import Iterable, Sequence

from chassis.mongo import Document, Reader
from chassis.paging import Page
from services.identity.organizations.domain import Membership
from services.identity.organizations.repository import to_membership


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
