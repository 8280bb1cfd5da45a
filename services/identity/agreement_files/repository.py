"""What identity remembers of agreements and of steps of approvals: between whom they are, and who decides in somebody's place."""

from collections.abc import Iterable
from dataclasses import dataclass

from chassis.mongo import Index, Reader

SUBSTITUTES = "heard_substitutes"
INDEXES = (Index(SUBSTITUTES, (("user_id", 1),)),)


@dataclass(frozen=True, slots=True)
class Parties:
    """The recipient and the provider of an agreement or a step; what was told beside: product and kind, or the request."""

    organization_id: str
    provider_id: str
    product_id: str | None = None
    kind: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Substitution:
    """Somebody may decide a step of a connection request in the place of its party."""

    request_id: str
    organization_id: str
    provider_id: str
    product_id: str


async def find_parties(reader: Reader, thing_ids: Iterable[str]) -> dict[str, Parties]:
    """Return by agreement or step between whom it is."""
    rows = await reader.collection("heard_agreements").find({"_id": {"$in": list(set(thing_ids))}})
    beside = ("product_id", "kind", "request_id")
    return {
        row["_id"]: Parties(row["organization_id"], row["provider_id"], **{name: row.get(name) for name in beside})
        for row in rows
    }


async def find_substitutions(reader: Reader, user_id: str) -> list[Substitution]:
    """Return where somebody is named as a substitute."""
    rows = await reader.collection(SUBSTITUTES).find({"user_id": user_id, "is_named": True})
    names = ("request_id", "organization_id", "provider_id", "product_id")
    return [Substitution(**{name: row[name] for name in names}) for row in rows]
