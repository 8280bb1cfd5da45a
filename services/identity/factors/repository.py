"""How factors, recovery codes and challenges are kept."""

from collections.abc import Sequence
from datetime import datetime

from chassis.mongo import Document, Index, InsertOne, Reader, Transaction
from services.identity.factors.domain import MOST_ANSWERS, Challenge, Factor

INDEXES = (
    Index("factors", (("user_id", 1), ("_id", 1))),
    Index("factors", (("credential_id", 1),), unique=True, partial={"credential_id": {"$type": "string"}}),
    Index("recovery_codes", (("user_id", 1), ("code_hash", 1))),
    Index("challenges", (("token_hash", 1),), unique=True),
    Index("challenges", (("user_id", 1),)),
    Index("challenges", (("expires_at", 1),), expire_after_seconds=0),
)


def _to_factor(row: Document) -> Factor:
    return Factor(
        id=row["_id"],
        user_id=row["user_id"],
        kind=row["kind"],
        name=row["name"],
        is_on=row["is_on"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        secret=row["secret"],
        last_step=row["last_step"],
        credential_id=row["credential_id"],
        public_key=row["public_key"],
        sign_count=row["sign_count"],
    )


def _to_challenge(row: Document) -> Challenge:
    return Challenge(
        id=row["_id"],
        token_hash=row["token_hash"],
        purpose=row["purpose"],
        user_id=row["user_id"],
        methods=tuple(row["methods"]),
        expires_at=row["expires_at"],
        answers=row["answers"],
    )


async def has_factor(reader: Reader, user_id: str) -> bool:
    """Say whether a user has a factor that is on."""
    found = await reader.collection("factors").find_one({"user_id": user_id, "is_on": True}, projection={"_id": 1})
    return found is not None


async def find_factors(reader: Reader, user_id: str) -> list[Factor]:
    """Return a user's factors that are on, the oldest first."""
    rows = await reader.collection("factors").find({"user_id": user_id, "is_on": True}, sort=[("_id", 1)])
    return [_to_factor(row) for row in rows]


async def find_factor(reader: Reader, user_id: str, factor_id: str) -> Factor | None:
    """Return one of a user's factors, on or not."""
    row = await reader.collection("factors").find_one({"_id": factor_id, "user_id": user_id})
    return _to_factor(row) if row else None


async def find_passkey(reader: Reader, credential_id: str) -> Factor | None:
    """Return the passkey of this credential, whoever owns it."""
    row = await reader.collection("factors").find_one({"credential_id": credential_id})
    return _to_factor(row) if row else None


async def add_factor(tx: Transaction, factor: Factor) -> None:
    """Keep a new factor. Raises ``DuplicateKey`` where the passkey is registered already."""
    await tx.collection("factors").insert_one(
        {
            "_id": factor.id,
            "user_id": factor.user_id,
            "kind": factor.kind,
            "name": factor.name,
            "is_on": factor.is_on,
            "created_at": factor.created_at,
            "last_used_at": factor.last_used_at,
            "secret": factor.secret,
            "last_step": factor.last_step,
            "credential_id": factor.credential_id,
            "public_key": factor.public_key,
            "sign_count": factor.sign_count,
        }
    )


async def save_turned_on(tx: Transaction, factor: Factor) -> bool:
    """Keep that a factor is on; say whether it was off until now."""
    change = {"is_on": True, "last_step": factor.last_step, "last_used_at": factor.last_used_at}
    return await tx.collection("factors").update_one({"_id": factor.id, "is_on": False}, {"$set": change})


async def use_step(tx: Transaction, factor_id: str, step: int) -> bool:
    """Keep that the code of a time step was used; say whether it was used for the first time, and none after it."""
    query = {"_id": factor_id, "last_step": {"$lt": step}}
    return await tx.collection("factors").update_one(query, {"$set": {"last_step": step, "last_used_at": tx.now}})


async def use_passkey(tx: Transaction, factor: Factor, sign_count: int) -> bool:
    """Keep the counter of a passkey's use; say whether nobody else has used it since it was read."""
    query = {"_id": factor.id, "sign_count": factor.sign_count}
    return await tx.collection("factors").update_one(query, {"$set": {"sign_count": sign_count, "last_used_at": tx.now}})


async def remove_factor(tx: Transaction, factor_id: str) -> None:
    """Forget a factor."""
    await tx.collection("factors").delete_one({"_id": factor_id})


async def remove_drafts(tx: Transaction, user_id: str) -> None:
    """Forget the factors that were never confirmed."""
    await tx.collection("factors").delete_many({"user_id": user_id, "is_on": False})


async def count_recovery_codes(reader: Reader, user_id: str) -> int:
    """Return how many recovery codes are left."""
    return await reader.collection("recovery_codes").count_documents({"user_id": user_id})


async def replace_recovery_codes(tx: Transaction, user_id: str, codes: Sequence[tuple[str, str]]) -> None:
    """Keep these recovery codes (ids and hashes) instead of the former ones."""
    collection = tx.collection("recovery_codes")
    await collection.delete_many({"user_id": user_id})
    await collection.bulk_write(
        [InsertOne({"_id": id_, "user_id": user_id, "code_hash": code_hash, "created_at": tx.now}) for id_, code_hash in codes]
    )


async def use_recovery_code(tx: Transaction, user_id: str, code_hash: str) -> bool:
    """Use a recovery code up; say whether there was such a one."""
    return await tx.collection("recovery_codes").delete_one({"user_id": user_id, "code_hash": code_hash})


async def add_challenge(tx: Transaction, challenge: Challenge) -> None:
    """Keep a new challenge."""
    await tx.collection("challenges").insert_one(
        {
            "_id": challenge.id,
            "token_hash": challenge.token_hash,
            "purpose": challenge.purpose,
            "user_id": challenge.user_id,
            "methods": list(challenge.methods),
            "expires_at": challenge.expires_at,
            "answers": challenge.answers,
        }
    )


async def find_challenge(reader: Reader, token_hash: str, purpose: str, now: datetime) -> Challenge | None:
    """Return the challenge if it is live."""
    row = await reader.collection("challenges").find_one(_live(token_hash, purpose, now))
    return _to_challenge(row) if row else None


async def count_answer(reader: Reader, token_hash: str, purpose: str, now: datetime) -> Challenge | None:
    """Count an answer, before it is looked at, and return the challenge if it is live and had fewer than the most answers."""
    row = await reader.collection("challenges").find_one_and_update(_live(token_hash, purpose, now), {"$inc": {"answers": 1}})
    return _to_challenge(row) if row else None


async def use_challenge(tx: Transaction, challenge_id: str) -> bool:
    """Use a challenge up; say whether it was still there."""
    return await tx.collection("challenges").delete_one({"_id": challenge_id})


async def remove_challenges(tx: Transaction, user_id: str) -> None:
    """Forget a user's challenges."""
    await tx.collection("challenges").delete_many({"user_id": user_id})


def _live(token_hash: str, purpose: str, now: datetime) -> Document:
    return {"token_hash": token_hash, "purpose": purpose, "expires_at": {"$gt": now}, "answers": {"$lt": MOST_ANSWERS}}
