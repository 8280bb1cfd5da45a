"""How organizations and the belonging to them are kept: of a deleted organization stays a trace that nobody reaches."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction
from services.identity.organizations.domain import Membership, Organization
from services.identity.organizations.roles import Role
from services.identity.word_index import find_rows, index_of, indexed
from services.identity.words import Sought

INDEXES = (
    index_of("organizations"),
    Index("organizations", (("owner_id", 1),)),
    Index("organizations", (("due_at", 1),), partial={"is_ending": True}),
    Index("provider_standings", (("sequence", 1),)),
    Index("memberships", (("organization_id", 1), ("user_id", 1)), unique=True),
    Index("memberships", (("user_id", 1), ("_id", 1))),
    Index("memberships", (("organization_id", 1), ("_id", 1))),
)
_LIVE: Document = {"deleted_at": None}


@dataclass(frozen=True, slots=True)
class Deleted:
    """The trace of a deleted organization."""

    organization_id: str
    deleted_at: datetime
    deleted_by: str | None


def _to_document(entity: Any) -> Document:
    document = asdict(entity)
    document["_id"] = document.pop("id")
    return {key: str(value) if isinstance(value, Role) else value for key, value in document.items()}


def to_organization(row: Document) -> Organization:
    """Return the organization that a row keeps."""
    return Organization(
        row["_id"], row["name"], row["is_test"], row["owner_id"], row["created_at"], is_provider=row.get("is_provider", False)
    )


def to_membership(row: Document) -> Membership:
    """Return the membership that a row keeps."""
    return Membership(row["_id"], row["organization_id"], row["user_id"], Role(row["role"]), row["since"])


async def find_organization(reader: Reader, organization_id: str) -> Organization | None:
    """Return a live organization."""
    row = await reader.collection("organizations").find_one({"_id": organization_id, **_LIVE})
    return to_organization(row) if row else None


async def find_organizations(reader: Reader, organization_ids: Iterable[str]) -> dict[str, Organization]:
    """Return live organizations by id."""
    rows = await reader.collection("organizations").find({"_id": {"$in": list(set(organization_ids))}, **_LIVE})
    return {row["_id"]: to_organization(row) for row in rows}


def names_in(row: Document) -> list[str | None]:
    """Return what an organization is found by."""
    return [row["name"]]


async def find_sought(reader: Reader, sought: Sought, limit: int) -> list[Organization]:
    """Return live organizations that answer what is looked for, the surest first."""
    return [to_organization(row) for row in await find_rows(reader, "organizations", sought, limit, within=_LIVE)]


async def add_organization(tx: Transaction, organization: Organization) -> None:
    """Keep a new organization."""
    document = _to_document(organization)
    await tx.collection("organizations").insert_one({**document, **indexed(names_in(document))})


async def save_name(tx: Transaction, organization: Organization) -> None:
    """Keep an organization's name."""
    named = {"name": organization.name}
    await tx.collection("organizations").update_one({"_id": organization.id}, {"$set": {**named, **indexed(names_in(named))}})


async def save_owner(tx: Transaction, organization: Organization) -> None:
    """Keep who owns an organization."""
    change = {"$set": {"owner_id": organization.owner_id}, "$inc": {"held": 1}}
    await tx.collection("organizations").update_one({"_id": organization.id}, change)


async def hold(tx: Transaction, organization: Organization) -> None:
    """Touch the organization, so that of two changes that concern its Owner one is run again with the other in view."""
    await tx.collection("organizations").update_one({"_id": organization.id}, {"$inc": {"held": 1}})


async def note_provider(tx: Transaction, organization_id: str, *, is_provider: bool) -> None:
    """Note whether the organization is a data provider."""
    change = {"$set": {"is_provider": is_provider}, "$inc": {"held": 1}}
    await tx.collection("organizations").update_one({"_id": organization_id}, change)


async def bury(tx: Transaction, organization: Organization) -> None:
    """Keep only the trace of a deleted organization, and that what it had is still to be ended."""
    change = {"deleted_at": tx.now, "deleted_by": tx.principal.id, "is_ending": True, "due_at": tx.now}
    await tx.collection("organizations").update_one({"_id": organization.id}, {"$set": change, "$inc": {"held": 1}})


async def claim_ending(reader: Reader, hold_for: timedelta) -> Deleted | None:
    """Take a deleted organization whose things are to be ended.

    It becomes due again after ``hold_for``, should the one who took it die.
    """
    due = {"is_ending": True, "due_at": {"$lte": reader.now}}
    row = await reader.collection("organizations").find_one_and_update(due, {"$set": {"due_at": reader.now + hold_for}})
    return Deleted(row["_id"], row["deleted_at"], row["deleted_by"]) if row else None


async def postpone_ending(reader: Reader, organization_id: str, until: datetime) -> None:
    """Note when to look again for things of a deleted organization."""
    await reader.collection("organizations").update_one({"_id": organization_id}, {"$set": {"due_at": until}})


async def finish_ending(reader: Reader, organization_id: str) -> None:
    """Note that nothing is left of a deleted organization."""
    change = {"$set": {"is_ending": False, "ended_at": reader.now}, "$unset": {"due_at": ""}}
    await reader.collection("organizations").update_one({"_id": organization_id}, change)


async def find_membership(reader: Reader, organization_id: str, user_id: str) -> Membership | None:
    """Return a user's membership in an organization."""
    row = await reader.collection("memberships").find_one({"organization_id": organization_id, "user_id": user_id})
    return to_membership(row) if row else None


async def find_memberships_of(reader: Reader, user_id: str, within: Iterable[str] | None = None) -> list[Membership]:
    """Return a user's memberships, the oldest first; ``within`` names the organizations that matter."""
    query: Document = {"user_id": user_id}
    if within is not None:
        query["organization_id"] = {"$in": list(set(within))}
    return [to_membership(row) for row in await reader.collection("memberships").find(query, sort=[("_id", 1)])]


async def add_membership(tx: Transaction, membership: Membership) -> None:
    """Keep a new membership. Raises ``DuplicateKey`` where the user is a member already."""
    await tx.collection("memberships").insert_one(_to_document(membership))


async def save_role(tx: Transaction, membership: Membership) -> None:
    """Keep a member's role."""
    await tx.collection("memberships").update_one({"_id": membership.id}, {"$set": {"role": str(membership.role)}})


async def remove_memberships(tx: Transaction, membership_ids: Iterable[str]) -> None:
    """Forget memberships."""
    await tx.collection("memberships").delete_many({"_id": {"$in": list(membership_ids)}})
