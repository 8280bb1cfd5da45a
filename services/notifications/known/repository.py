"""How the copies of what others announced are kept, and found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chassis.inbox import copy_if_newer
from chassis.messages import Heard
from chassis.mongo import Document, Index, Reader, Transaction
from services.notifications.known.domain import DEFAULT_LANGUAGE, Person, Title

PEOPLE, MEMBERS, ROLES = "heard_people", "heard_members", "heard_roles"
ORGANIZATIONS, APPLICATIONS, PRODUCTS = "heard_organizations", "heard_applications", "heard_products"
REPRESENTATIVES, SUSPENSIONS = "heard_representatives", "heard_suspensions"
_OWNER = "OWNER"

INDEXES = (
    Index(PEOPLE, (("platform_roles", 1), ("_id", 1))),
    Index(MEMBERS, (("organization_id", 1), ("role", 1), ("since", 1))),
    Index(MEMBERS, (("user_id", 1),)),
    Index(ROLES, (("sequence", 1),)),
    Index(ORGANIZATIONS, (("sequence", 1),)),
    Index(APPLICATIONS, (("organization_id", 1),)),
    Index(PRODUCTS, (("sequence", 1),)),
    Index(REPRESENTATIVES, (("user_id", 1),)),
    Index(SUSPENSIONS, (("organization_id", 1), ("is_suspended", 1))),
    Index(SUSPENSIONS, (("user_id", 1),)),
)


async def keep(tx: Transaction, collection: str, heard: Heard, fields: Mapping[str, Any], *, subject: str) -> bool:
    """Keep a copy of a thing, unless something later is known of it; say whether it was kept."""
    return await copy_if_newer(tx, collection, replace(heard, subject=subject), fields)


async def note_since(tx: Transaction, member_key: str, sequence: int, *, is_news: bool) -> None:
    """Note when a member joined last, however late that is heard: the older members come first."""
    query: Document = {"_id": member_key} if is_news else {"_id": member_key, "since": None}
    await tx.collection(MEMBERS).update_one(query, {"$max": {"since": sequence}})


async def note_refused(tx: Transaction, user_id: str) -> bool:
    """Note that a mail server does not take mail for somebody; say whether they are known."""
    change = {"$set": {"refused_at": tx.now}}
    return await tx.collection(PEOPLE).update_one({"_id": user_id, "is_erased": {"$ne": True}}, change)


async def forget_member_copies(tx: Transaction, query: Mapping[str, str]) -> None:
    """Forget who belonged where, and whose rights stood still."""
    for collection in (MEMBERS, SUSPENSIONS):
        await tx.collection(collection).delete_many(dict(query))


async def find_people(reader: Reader, user_ids: Iterable[str]) -> dict[str, Person | None]:
    """Return those of the people who were announced: by id, None for who is erased."""
    rows = await reader.collection(PEOPLE).find({"_id": {"$in": sorted(set(user_ids))}})
    return {row["_id"]: _to_person(row) for row in rows}


async def find_refused_at(reader: Reader, user_id: str) -> datetime | None:
    """Return since when a mail server takes no mail for somebody, if that is so."""
    row = await reader.collection(PEOPLE).find_one({"_id": user_id}, projection={"refused_at": 1})
    return row.get("refused_at") if row else None


async def find_staff(reader: Reader, roles: Sequence[str], most: int) -> list[Person]:
    """Return who holds one of these roles on the platform itself, the oldest account first."""
    query = {"platform_roles": {"$in": list(roles)}}
    rows = await reader.collection(PEOPLE).find(query, sort=[("_id", 1)], limit=most)
    return [person for row in rows if (person := _to_person(row)) is not None]


def _to_person(row: Mapping[str, Any]) -> Person | None:
    if row.get("is_erased"):
        return None
    return Person(
        row["_id"],
        row["name"],
        row.get("language", DEFAULT_LANGUAGE),
        row["sealed_address"],
        platform_roles=frozenset(row.get("platform_roles", ())),
    )


async def find_organizations(reader: Reader, organization_ids: Iterable[str]) -> dict[str, str | None]:
    """Return the names of organizations that were announced, by id; None for those that are gone."""
    rows = await reader.collection(ORGANIZATIONS).find({"_id": {"$in": sorted(set(organization_ids))}})
    return {row["_id"]: None if row.get("is_deleted") else row["name"] for row in rows}


async def find_roles_that_allow(reader: Reader, action: str) -> list[str] | None:
    """Return the roles that allow an action, or None where what roles allow was not announced yet."""
    row = await reader.collection(ROLES).find_one({"_id": "roles"})
    if row is None:
        return None
    return sorted(role for role, actions in row["actions_by_role"].items() if action in actions)


async def find_members(reader: Reader, organization_id: str, roles: Sequence[str], most: int) -> list[str]:
    """Return the ids of members in some roles, who joined first first; without those whose rights stand still."""
    stand_still = {"organization_id": organization_id, "is_suspended": True}
    suspensions = {row["_id"]: row for row in await reader.collection(SUSPENSIONS).find(stand_still)}
    query = {"organization_id": organization_id, "role": {"$in": list(roles)}}
    rows = await reader.collection(MEMBERS).find(query, sort=[("since", 1), ("_id", 1)], limit=most + len(suspensions))
    return [row["user_id"] for row in rows if not _stands_still(row, suspensions.get(row["_id"]))][:most]


def _stands_still(member: Mapping[str, Any], suspension: Mapping[str, Any] | None) -> bool:
    """Say whether a member has no rights: never the Owner; and what was suspended before they joined is another membership's."""
    if suspension is None or not suspension["is_suspended"] or member.get("role") == _OWNER:
        return False
    return bool(suspension["sequence"] > (member.get("since") or 0))


async def has_members(reader: Reader, organization_id: str) -> bool:
    """Say whether anybody was announced to be a member."""
    query = {"organization_id": organization_id, "is_member": True}
    return await reader.collection(MEMBERS).find_one(query) is not None


async def is_member(reader: Reader, organization_id: str, user_id: str) -> bool:
    """Say whether somebody was announced to be a member."""
    row = await reader.collection(MEMBERS).find_one({"_id": f"{organization_id}:{user_id}"})
    return row is not None and bool(row["is_member"])


async def is_shut_out(reader: Reader, organization_id: str, user_id: str) -> bool:
    """Say whether somebody was announced to have left, or to have no rights; who was not announced yet is not."""
    key = {"_id": f"{organization_id}:{user_id}"}
    member = await reader.collection(MEMBERS).find_one(key) or {"role": ""}
    return member["role"] is None or _stands_still(member, await reader.collection(SUSPENSIONS).find_one(key))


async def find_application_name(reader: Reader, application_id: str) -> str | None:
    """Return what an application is called, or None where it is not known or gone."""
    row = await reader.collection(APPLICATIONS).find_one({"_id": application_id})
    return row["name"] if row else None


async def find_title(reader: Reader, product_id: str) -> Title:
    """Return what a product is called."""
    row = await reader.collection(PRODUCTS).find_one({"_id": product_id}) or {}
    return Title(row.get("title"), row.get("titles", {}))


async def find_representative(reader: Reader, request_id: str) -> str | None:
    """Return who is the business representative of a connection request, or None where that is not known."""
    row = await reader.collection(REPRESENTATIVES).find_one({"_id": request_id})
    return row["user_id"] if row else None
