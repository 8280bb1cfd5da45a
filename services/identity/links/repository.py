"""How mailed links are kept."""

from collections.abc import Iterable

from chassis.mongo import Document, Index, Reader, Transaction
from services.identity.links.domain import Link, Purpose

INDEXES = (
    Index("links", (("token_hash", 1),), unique=True),
    Index("links", (("user_id", 1), ("purpose", 1))),
    Index("links", (("expires_at", 1),), expire_after_seconds=0),
)


def _to_link(row: Document) -> Link:
    return Link(
        id=row["_id"],
        purpose=Purpose(row["purpose"]),
        user_id=row["user_id"],
        token_hash=row["token_hash"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        email=row["email"],
        email_key=row["email_key"],
    )


async def find_link(reader: Reader, token_hash: str) -> Link | None:
    """Return the link that a token opens."""
    row = await reader.collection("links").find_one({"token_hash": token_hash})
    return _to_link(row) if row else None


async def add_link(tx: Transaction, link: Link) -> None:
    """Keep a new link."""
    await tx.collection("links").insert_one(
        {
            "_id": link.id,
            "purpose": str(link.purpose),
            "user_id": link.user_id,
            "token_hash": link.token_hash,
            "created_at": link.created_at,
            "expires_at": link.expires_at,
            "email": link.email,
            "email_key": link.email_key,
        }
    )


async def remove_link(tx: Transaction, link: Link) -> None:
    """Forget a link."""
    await tx.collection("links").delete_one({"_id": link.id})


async def remove_links(tx: Transaction, user_id: str, purposes: Iterable[Purpose]) -> None:
    """Forget a user's links for these purposes."""
    await tx.collection("links").delete_many({"user_id": user_id, "purpose": {"$in": [str(each) for each in purposes]}})
