"""What is kept for tokens: used assertions, revoked tokens, and what was heard of products and subscriptions."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from chassis.mongo import Document, DuplicateKey, Index, Reader, Transaction
from services.identity.events import TokenRevoked
from services.identity.tokens.domain import Offer

ACTIVE = "ACTIVE"
OPEN_TEST = "OPEN_TEST"
_CLOCKS_APART = timedelta(minutes=1)

INDEXES = (
    Index("used_assertions", (("expires_at", 1),), expire_after_seconds=0),
    Index("revoked_tokens", (("expires_at", 1),), expire_after_seconds=0),
    Index("heard_subscriptions", (("application_id", 1), ("status", 1))),
    Index("heard_products", (("slug", 1),)),
    Index("heard_versions", (("product_id", 1),)),
)


async def note_assertion(reader: Reader, key: str, expires_at: datetime) -> bool:
    """Keep that an assertion was used, until nobody could use it anyway; say whether it is the first time."""
    try:
        await reader.collection("used_assertions").insert_one({"_id": key, "expires_at": expires_at + _CLOCKS_APART})
    except DuplicateKey:
        return False
    return True


async def note_revocation(tx: Transaction, fact: TokenRevoked) -> bool:
    """Keep that a token is revoked, until it would have expired anyway; say whether it is news."""
    revoked = tx.collection("revoked_tokens")
    if await revoked.find_one({"_id": fact.token_id}) is not None:
        return False
    whose = {"application_id": fact.application_id, "organization_id": fact.organization_id}
    await revoked.insert_one({"_id": fact.token_id, "expires_at": fact.expires_at + _CLOCKS_APART, **whose})
    return True


def to_revocation(row: Document) -> TokenRevoked:
    """Return the fact that a row keeps."""
    return TokenRevoked(
        token_id=row["_id"],
        application_id=row["application_id"],
        organization_id=row["organization_id"],
        expires_at=row["expires_at"] - _CLOCKS_APART,
    )


async def is_revoked(reader: Reader, token_id: str) -> bool:
    """Say whether a token is revoked."""
    return await reader.collection("revoked_tokens").find_one({"_id": token_id}) is not None


async def find_subscribed(reader: Reader, application_id: str) -> frozenset[str]:
    """Return the ids of the products that an application is subscribed to, as far as that has been heard."""
    rows = await reader.collection("heard_subscriptions").find({"application_id": application_id, "status": ACTIVE})
    return frozenset(row["product_id"] for row in rows)


async def find_offers(reader: Reader, slugs: Iterable[str]) -> dict[str, Offer]:
    """Return by slug the products that have been heard of, with their published operations."""
    products = await reader.collection("heard_products").find({"slug": {"$in": list(set(slugs))}})
    return await _with_operations(reader, products)


async def find_slugs(reader: Reader, provider_id: str, product_ids: Iterable[str]) -> set[str]:
    """Return the slugs of those of the products that are a provider's."""
    query = {"_id": {"$in": list(product_ids)}, "organization_id": provider_id}
    return {row["slug"] for row in await reader.collection("heard_products").find(query)}


async def _with_operations(reader: Reader, products: list[Document]) -> dict[str, Offer]:
    if not products:
        return {}
    ids = [row["_id"] for row in products]
    versions = await reader.collection("heard_versions").find({"product_id": {"$in": ids}})
    operations: dict[str, set[str]] = {each: set() for each in ids}
    for version in versions:
        operations[version["product_id"]].update(version["operation_ids"])
    return {
        row["slug"]: Offer(row["_id"], row["organization_id"], row["sensitivity"] == OPEN_TEST, operations[row["_id"]])
        for row in products
    }
