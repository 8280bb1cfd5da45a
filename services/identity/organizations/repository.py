"""How organizations, memberships and invitations are kept."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction
from chassis.paging import Page
from services.identity.organizations.domain import PENDING, Invitation, Membership, Organization
from services.identity.organizations.roles import Role

INDEXES = (
    Index("organizations", (("owner_id", 1),)),
    Index("memberships", (("organization_id", 1), ("user_id", 1)), unique=True),
    Index("memberships", (("user_id", 1), ("_id", 1))),
    Index("memberships", (("organization_id", 1), ("_id", 1))),
    Index("invitations", (("token_hash", 1),), unique=True),
    Index("invitations", (("organization_id", 1), ("_id", -1))),
    Index("invitations", (("organization_id", 1), ("email_key", 1)), unique=True, partial={"state": PENDING}),
)
_MOST_INVITATIONS = 100


def _to_document(entity: Any) -> Document:
    document = asdict(entity)
    document["_id"] = document.pop("id")
    return {key: str(value) if isinstance(value, Role) else value for key, value in document.items()}


def _to_organization(row: Document) -> Organization:
    return Organization(row["_id"], row["name"], row["is_test"], row["owner_id"], row["created_at"])


def _to_membership(row: Document) -> Membership:
    return Membership(row["_id"], row["organization_id"], row["user_id"], Role(row["role"]), row["since"])


def _to_invitation(row: Document) -> Invitation:
    fields = {key: value for key, value in row.items() if key != "_id"}
    return Invitation(id=row["_id"], **{**fields, "role": Role(row["role"])})


async def find_organization(reader: Reader, organization_id: str) -> Organization | None:
    """Return an organization."""
    row = await reader.collection("organizations").find_one({"_id": organization_id})
    return _to_organization(row) if row else None


async def find_organizations(reader: Reader, organization_ids: Iterable[str]) -> dict[str, Organization]:
    """Return organizations by id."""
    rows = await reader.collection("organizations").find({"_id": {"$in": list(set(organization_ids))}})
    return {row["_id"]: _to_organization(row) for row in rows}


async def add_organization(tx: Transaction, organization: Organization) -> None:
    """Keep a new organization."""
    await tx.collection("organizations").insert_one(_to_document(organization))


async def save_name(tx: Transaction, organization: Organization) -> None:
    """Keep an organization's name."""
    await tx.collection("organizations").update_one({"_id": organization.id}, {"$set": {"name": organization.name}})


async def find_membership(reader: Reader, organization_id: str, user_id: str) -> Membership | None:
    """Return a user's membership in an organization."""
    row = await reader.collection("memberships").find_one({"organization_id": organization_id, "user_id": user_id})
    return _to_membership(row) if row else None


async def find_memberships_of(reader: Reader, user_id: str, within: Iterable[str] | None = None) -> list[Membership]:
    """Return a user's memberships, the oldest first; ``within`` names the organizations that matter."""
    query: Document = {"user_id": user_id}
    if within is not None:
        query["organization_id"] = {"$in": list(set(within))}
    return [_to_membership(row) for row in await reader.collection("memberships").find(query, sort=[("_id", 1)])]


async def find_members(reader: Reader, organization_id: str, page: Page) -> list[Membership]:
    """Return a page of an organization's memberships, and one more where there is one."""
    query: Document = {"organization_id": organization_id}
    if page.after is not None:
        query["_id"] = {"$gt": page.after[0]}
    rows = await reader.collection("memberships").find(query, sort=[("_id", 1)], limit=page.first + 1)
    return [_to_membership(row) for row in rows]


async def count_members(reader: Reader, organization_id: str) -> int:
    """Return how many members an organization has."""
    return await reader.collection("memberships").count_documents({"organization_id": organization_id})


async def find_shared(reader: Reader, organization_ids: Iterable[str], user_ids: Sequence[str]) -> set[str]:
    """Return those of the users who belong to one of the organizations."""
    query = {"organization_id": {"$in": list(organization_ids)}, "user_id": {"$in": list(user_ids)}}
    rows = await reader.collection("memberships").find(query, projection={"user_id": 1})
    return {row["user_id"] for row in rows}


async def add_membership(tx: Transaction, membership: Membership) -> None:
    """Keep a new membership. Raises ``DuplicateKey`` where the user is a member already."""
    await tx.collection("memberships").insert_one(_to_document(membership))


async def save_role(tx: Transaction, membership: Membership) -> None:
    """Keep a member's role."""
    await tx.collection("memberships").update_one({"_id": membership.id}, {"$set": {"role": str(membership.role)}})


async def remove_membership(tx: Transaction, membership: Membership) -> None:
    """Forget a membership."""
    await tx.collection("memberships").delete_one({"_id": membership.id})


async def find_invitation(reader: Reader, token_hash: str) -> Invitation | None:
    """Return the invitation that a token accepts."""
    row = await reader.collection("invitations").find_one({"token_hash": token_hash})
    return _to_invitation(row) if row else None


async def find_invitations(reader: Reader, organization_id: str) -> list[Invitation]:
    """Return an organization's newest invitations, the newest first."""
    rows = await reader.collection("invitations").find(
        {"organization_id": organization_id}, sort=[("_id", -1)], limit=_MOST_INVITATIONS
    )
    return [_to_invitation(row) for row in rows]


async def replace_invitation(tx: Transaction, invitation: Invitation) -> None:
    """Keep a new invitation in place of one that still waits for the same address."""
    invitations = tx.collection("invitations")
    waiting = {"organization_id": invitation.organization_id, "email_key": invitation.email_key, "state": PENDING}
    await invitations.delete_many(waiting)
    await invitations.insert_one(_to_document(invitation))


async def save_state(tx: Transaction, invitation: Invitation) -> None:
    """Keep what has become of an invitation."""
    await tx.collection("invitations").update_one({"_id": invitation.id}, {"$set": {"state": invitation.state}})
