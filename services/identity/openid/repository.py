"""How outside identities, and the ways that lead to them, are kept."""

from typing import Any

from chassis.mongo import Document, Index, Reader, Transaction
from services.identity.openid.domain import OutsideIdentity, Way

INDEXES = (
    Index("outside_identities", (("issuer", 1), ("subject", 1)), unique=True),
    Index("outside_identities", (("user_id", 1), ("provider", 1)), unique=True),
    Index("openid_ways", (("state_hash", 1),), unique=True),
    Index("openid_ways", (("expires_at", 1),), expire_after_seconds=0),
)


def _to_identity(row: Document) -> OutsideIdentity:
    return OutsideIdentity(
        id=row["_id"],
        user_id=row["user_id"],
        provider=row["provider"],
        issuer=row["issuer"],
        subject=row["subject"],
        linked_at=row["linked_at"],
        last_used_at=row["last_used_at"],
    )


async def find_identity(reader: Reader, issuer: str, subject: str) -> OutsideIdentity | None:
    """Return the identity of an issuer's subject."""
    row = await reader.collection("outside_identities").find_one({"issuer": issuer, "subject": subject})
    return _to_identity(row) if row else None


async def find_identities(reader: Reader, user_id: str) -> list[OutsideIdentity]:
    """Return a user's identities, the oldest first."""
    rows = await reader.collection("outside_identities").find({"user_id": user_id}, sort=[("_id", 1)])
    return [_to_identity(row) for row in rows]


async def add_identity(tx: Transaction, identity: OutsideIdentity) -> None:
    """Keep a new identity. Raises ``DuplicateKey`` where it has an owner, or its owner one of the same provider."""
    await tx.collection("outside_identities").insert_one(
        {
            "_id": identity.id,
            "user_id": identity.user_id,
            "provider": identity.provider,
            "issuer": identity.issuer,
            "subject": identity.subject,
            "linked_at": identity.linked_at,
            "last_used_at": identity.last_used_at,
        }
    )


async def note_use(tx: Transaction, identity_id: str) -> None:
    """Keep that somebody has signed in by an identity."""
    await tx.collection("outside_identities").update_one({"_id": identity_id}, {"$set": {"last_used_at": tx.now}})


async def remove_identity(tx: Transaction, identity_id: str) -> None:
    """Forget an identity."""
    await tx.collection("outside_identities").delete_one({"_id": identity_id})


async def add_way(tx: Transaction, way: Way) -> None:
    """Keep a way that begins."""
    row: dict[str, Any] = {
        "_id": way.id,
        "state_hash": way.state_hash,
        "provider": way.provider,
        "nonce": way.nonce,
        "verifier": way.verifier,
        "return_to": way.return_to,
        "user_id": way.user_id,
        "expires_at": way.expires_at,
        "is_used": False,
    }
    await tx.collection("openid_ways").insert_one(row)


async def use_way(reader: Reader, state_hash: str) -> Way | None:
    """Use a way up and return it, if it is live and nobody has used it."""
    query = {"state_hash": state_hash, "is_used": False, "expires_at": {"$gt": reader.now}}
    row = await reader.collection("openid_ways").find_one_and_update(query, {"$set": {"is_used": True}})
    if row is None:
        return None
    return Way(
        id=row["_id"],
        state_hash=row["state_hash"],
        provider=row["provider"],
        nonce=row["nonce"],
        verifier=row["verifier"],
        return_to=row["return_to"],
        user_id=row["user_id"],
        expires_at=row["expires_at"],
    )
