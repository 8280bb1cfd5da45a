"""How client keys are kept. A removed one stays as a trace; an index, not a count, sees to it that two are live at most."""

from collections.abc import Iterable

from chassis.mongo import Document, Index, Reader, Transaction
from services.identity.client_keys.domain import MOST_LIVE_KEYS, ClientKey, PublicKey

INDEXES = (
    Index("client_keys", (("application_id", 1), ("slot", 1)), unique=True, partial={"is_live": True}),
    Index("client_keys", (("application_id", 1), ("thumbprint", 1)), unique=True, partial={"is_live": True}),
)


def to_client_key(row: Document) -> ClientKey:
    """Return the key that a row keeps."""
    key = PublicKey(row["jwk"], row["kid"], row["thumbprint"], tuple(row["algorithms"]))
    return ClientKey(row["_id"], row["application_id"], row["organization_id"], key, row["created_at"])


async def free_slot(tx: Transaction, application_id: str) -> int | None:
    """Return a place where an application can have one more key, or None where it has as many as it may."""
    rows = await tx.collection("client_keys").find({"application_id": application_id, "is_live": True})
    free = set(range(MOST_LIVE_KEYS)) - {row["slot"] for row in rows}
    return min(free, default=None)


async def add(tx: Transaction, key: ClientKey, slot: int) -> None:
    """Keep a new key. Raises ``DuplicateKey`` where the application has it, or another in this slot."""
    await tx.collection("client_keys").insert_one(
        {
            "_id": key.id,
            "application_id": key.application_id,
            "organization_id": key.organization_id,
            "jwk": key.key.jwk,
            "kid": key.key.kid,
            "thumbprint": key.key.thumbprint,
            "algorithms": list(key.key.algorithms),
            "created_at": key.created_at,
            "slot": slot,
            "is_live": True,
        }
    )


async def bury(tx: Transaction, key: ClientKey) -> None:
    """Keep only the trace of a removed key."""
    change = {"is_live": False, "removed_at": tx.now}
    await tx.collection("client_keys").update_one({"_id": key.id}, {"$set": change})


async def find(reader: Reader, key_id: str) -> ClientKey | None:
    """Return a live key."""
    row = await reader.collection("client_keys").find_one({"_id": key_id, "is_live": True})
    return to_client_key(row) if row else None


async def find_of_applications(reader: Reader, application_ids: Iterable[str]) -> dict[str, list[ClientKey]]:
    """Return the live keys of applications, the oldest first."""
    ids = list(set(application_ids))
    query = {"application_id": {"$in": ids}, "is_live": True}
    rows = await reader.collection("client_keys").find(query, sort=[("_id", 1)])
    found: dict[str, list[ClientKey]] = {each: [] for each in ids}
    for row in rows:
        found[row["application_id"]].append(to_client_key(row))
    return found
