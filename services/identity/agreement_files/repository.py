"""What identity remembers of agreements and of steps of approvals: between whom they are."""

from collections.abc import Iterable
from dataclasses import dataclass

from chassis.mongo import Reader


@dataclass(frozen=True, slots=True)
class Parties:
    """The recipient and the provider."""

    organization_id: str
    provider_id: str


async def find_parties(reader: Reader, thing_ids: Iterable[str]) -> dict[str, Parties]:
    """Return by agreement or step between whom it is."""
    rows = await reader.collection("heard_agreements").find({"_id": {"$in": list(set(thing_ids))}})
    return {row["_id"]: Parties(row["organization_id"], row["provider_id"]) for row in rows}
