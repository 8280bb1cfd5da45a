"""How organizations (a local copy of what identity announced) and their standing are kept."""

from collections.abc import Sequence

from chassis.mongo import Index, Reader, Transaction

INDEXES = (
    Index("organizations", (("name", 1),)),
    Index("provider_standings", (("granted_at", 1),)),
    Index("ended_organizations", (("sequence", 1),)),
)


async def names_of(reader: Reader, organization_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of those organizations that were heard of."""
    if not organization_ids:
        return {}
    found = await reader.collection("organizations").find({"_id": {"$in": list(set(organization_ids))}}, projection={"name": 1})
    return {each["_id"]: each["name"] for each in found}


async def has_ended(reader: Reader, organization_id: str) -> bool:
    """Say whether the organization was heard to have been deleted."""
    return await reader.collection("ended_organizations").find_one({"_id": organization_id}) is not None


async def with_standing(reader: Reader, organization_ids: Sequence[str]) -> set[str]:
    """Return those of the organizations that have the standing of a provider."""
    found = await reader.collection("provider_standings").find(
        {"_id": {"$in": list(set(organization_ids))}}, projection={"_id": 1}
    )
    return {each["_id"] for each in found}


async def hold_standing(tx: Transaction, organization_id: str) -> bool:
    """Touch a provider's standing, so that of publishing and withdrawing one is run again; say whether there is one."""
    return await tx.collection("provider_standings").update_one({"_id": organization_id}, {"$inc": {"held": 1}})


async def remove_standing(tx: Transaction, organization_id: str) -> None:
    """Keep no longer that the organization is a provider."""
    await tx.collection("provider_standings").delete_one({"_id": organization_id})


async def keep_standing(tx: Transaction, organization_id: str) -> None:
    """Keep that the organization is a provider from now on."""
    await tx.collection("provider_standings").insert_one(
        {"_id": organization_id, "granted_at": tx.now, "granted_by": tx.principal.id}
    )
