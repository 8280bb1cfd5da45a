"""How users and registrations are kept."""

from collections.abc import Iterable

from chassis.mongo import Document, Index, Reader, Transaction
from services.identity.accounts.domain import PlatformRole, Registration, User
from services.identity.inputs import DEFAULT_LANGUAGE

INDEXES = (
    Index("registrations", (("token_hash", 1),), unique=True),
    Index("registrations", (("email_key", 1), ("_id", 1))),
    Index("registrations", (("expires_at", 1),), expire_after_seconds=0),
    Index("users", (("email_key", 1),), unique=True),
    Index("users", (("granted_roles", 1), ("_id", 1))),
    Index("users", (("announced_as_named", 1), ("_id", 1))),
)


def to_user(row: Document) -> User:
    """Return the user whom a row keeps."""
    return User(
        id=row["_id"],
        name=row["name"],
        email=row["email"],
        email_key=row["email_key"],
        password_hash=row["password_hash"],
        created_at=row["created_at"],
        language=row.get("language", DEFAULT_LANGUAGE),
        rights_version=row.get("rights_version", 0),
        password_is_long=row.get("password_is_long", row["password_hash"] is not None),
        granted_roles=tuple(PlatformRole(each) for each in row.get("granted_roles", ())),
    )


def _to_registration(row: Document) -> Registration:
    return Registration(
        row["_id"],
        row["name"],
        row["email"],
        row["email_key"],
        row["password_hash"],
        row["token_hash"],
        row["created_at"],
        row["expires_at"],
        row.get("language", DEFAULT_LANGUAGE),
    )


async def find_user(reader: Reader, user_id: str) -> User | None:
    """Return a user."""
    row = await reader.collection("users").find_one({"_id": user_id})
    return to_user(row) if row else None


async def hold_user(tx: Transaction, user_id: str) -> User | None:
    """Return a user, whom nobody else changes, lets in or forgets before this transaction ends: it writes the document.

    What reads a user and then writes elsewhere would not meet another transaction that does the same: each would keep what the
    other has just made untrue.
    """
    row = await tx.collection("users").find_one_and_update({"_id": user_id}, {"$inc": {"held": 1}})
    return to_user(row) if row else None


async def find_users(reader: Reader, user_ids: Iterable[str]) -> dict[str, User]:
    """Return users by id."""
    rows = await reader.collection("users").find({"_id": {"$in": list(set(user_ids))}})
    return {row["_id"]: to_user(row) for row in rows}


async def find_user_by_address(reader: Reader, email_key: str) -> User | None:
    """Return the user who has the address."""
    row = await reader.collection("users").find_one({"email_key": email_key})
    return to_user(row) if row else None


async def add_user(tx: Transaction, user: User) -> None:
    """Keep a new user. Raises ``DuplicateKey`` where the address has one."""
    await tx.collection("users").insert_one(
        {
            "_id": user.id,
            "name": user.name,
            "email": user.email,
            "email_key": user.email_key,
            "password_hash": user.password_hash,
            "created_at": user.created_at,
            "language": user.language,
            "rights_version": user.rights_version,
            "password_is_long": user.password_is_long,
        }
    )


async def grow_rights_version(tx: Transaction, user_id: str) -> int | None:
    """Count a change of a user's rights and return the new version, or None where there is no such user."""
    row = await tx.collection("users").find_one_and_update({"_id": user_id}, {"$inc": {"rights_version": 1}})
    return row["rights_version"] if row else None


async def change_password_hash(tx: Transaction, user: User, password_hash: str) -> bool:
    """Keep another hash of the same password; say whether it is still the user's."""
    query = {"_id": user.id, "password_hash": user.password_hash}
    return await tx.collection("users").update_one(query, {"$set": {"password_hash": password_hash}})


async def save_password(tx: Transaction, user_id: str, password_hash: str, *, is_long: bool) -> None:
    """Keep a user's new password."""
    change = {"password_hash": password_hash, "password_is_long": is_long}
    await tx.collection("users").update_one({"_id": user_id}, {"$set": change})


async def save_profile(tx: Transaction, user: User) -> None:
    """Keep what a user is called, and in which language they are written to."""
    await tx.collection("users").update_one({"_id": user.id}, {"$set": {"name": user.name, "language": user.language}})


async def save_address(tx: Transaction, user_id: str, email: str, email_key: str) -> None:
    """Keep a user's new address. Raises ``DuplicateKey`` where somebody else has it."""
    await tx.collection("users").update_one({"_id": user_id}, {"$set": {"email": email, "email_key": email_key}})


async def add_role(tx: Transaction, user_id: str, role: PlatformRole) -> None:
    """Keep that a user holds a role on the platform."""
    await tx.collection("users").update_one({"_id": user_id}, {"$addToSet": {"granted_roles": str(role)}})


async def remove_role(tx: Transaction, user_id: str, role: PlatformRole) -> None:
    """Keep that a user does not hold a role on the platform any more."""
    await tx.collection("users").update_one({"_id": user_id}, {"$pull": {"granted_roles": str(role)}})


async def find_with_roles(reader: Reader, roles: Iterable[PlatformRole], email_keys: Iterable[str], most: int) -> list[User]:
    """Return users who were granted one of these roles or have one of these addresses, the oldest first."""
    granted: Document = {"granted_roles": {"$in": [str(each) for each in roles]}}
    query: Document = {"$or": [granted, {"email_key": {"$in": list(email_keys)}}]}
    return [to_user(row) for row in await reader.collection("users").find(query, sort=[("_id", 1)], limit=most)]


async def note_announced(tx: Transaction, user_id: str, sealed_address: str, *, is_named_operator: bool) -> None:
    """Note how it was announced that a user is reached, and whether as somebody whom the setting names."""
    change = {"announced_address": sealed_address, "announced_as_named": is_named_operator}
    await tx.collection("users").update_one({"_id": user_id}, {"$set": change})


async def find_to_announce(reader: Reader, operator_keys: Iterable[str], most: int) -> list[str]:
    """Return users whose reach was never announced, or as what the setting does not say any more."""
    named = list(operator_keys)
    query: Document = {
        "$or": [
            {"announced_as_named": None},
            {"announced_as_named": True, "email_key": {"$nin": named}},
            {"announced_as_named": False, "email_key": {"$in": named}},
        ]
    }
    rows = await reader.collection("users").find(query, sort=[("_id", 1)], limit=most, projection={"_id": 1})
    return [row["_id"] for row in rows]


async def remove_user(tx: Transaction, user_id: str) -> None:
    """Forget a user."""
    await tx.collection("users").delete_one({"_id": user_id})


async def find_registration(reader: Reader, token_hash: str) -> Registration | None:
    """Return the registration that a token confirms."""
    row = await reader.collection("registrations").find_one({"token_hash": token_hash})
    return _to_registration(row) if row else None


async def find_newest_registration(reader: Reader, email_key: str) -> Registration | None:
    """Return the newest registration of an address."""
    rows = await reader.collection("registrations").find({"email_key": email_key}, sort=[("_id", -1)], limit=1)
    return _to_registration(rows[0]) if rows else None


async def add_registration(tx: Transaction, registration: Registration) -> None:
    """Keep a new registration."""
    await tx.collection("registrations").insert_one(
        {
            "_id": registration.id,
            "name": registration.name,
            "email": registration.email,
            "email_key": registration.email_key,
            "password_hash": registration.password_hash,
            "token_hash": registration.token_hash,
            "created_at": registration.created_at,
            "expires_at": registration.expires_at,
            "language": registration.language,
        }
    )


async def remove_registrations(tx: Transaction, email_key: str) -> None:
    """Forget all registrations of an address."""
    await tx.collection("registrations").delete_many({"email_key": email_key})
