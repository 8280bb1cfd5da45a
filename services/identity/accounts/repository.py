"""How users and sessions are kept."""

from collections.abc import Iterable, Sequence

from chassis.mongo import Document, Index, Reader, Transaction
from services.identity.accounts.domain import Registration, Session, User

INDEXES = (
    Index("registrations", (("token_hash", 1),), unique=True),
    Index("registrations", (("email_key", 1), ("_id", 1))),
    Index("registrations", (("expires_at", 1),), expire_after_seconds=0),
    Index("users", (("email_key", 1),), unique=True),
    Index("sessions", (("token_hash", 1),), unique=True),
    Index("sessions", (("user_id", 1),)),
    Index("sessions", (("expires_at", 1),), expire_after_seconds=0),
)


def _to_user(row: Document) -> User:
    return User(row["_id"], row["name"], row["email"], row["email_key"], row["password_hash"], row["created_at"])


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
    )


def _to_session(row: Document) -> Session:
    return Session(row["_id"], row["user_id"], row["token_hash"], row["created_at"], row["seen_at"], row["expires_at"])


async def find_user(reader: Reader, user_id: str) -> User | None:
    """Return a user."""
    row = await reader.collection("users").find_one({"_id": user_id})
    return _to_user(row) if row else None


async def find_users(reader: Reader, user_ids: Iterable[str]) -> dict[str, User]:
    """Return users by id."""
    rows = await reader.collection("users").find({"_id": {"$in": list(set(user_ids))}})
    return {row["_id"]: _to_user(row) for row in rows}


async def find_user_by_address(reader: Reader, email_key: str) -> User | None:
    """Return the user who has the address."""
    row = await reader.collection("users").find_one({"email_key": email_key})
    return _to_user(row) if row else None


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
        }
    )


async def change_password_hash(tx: Transaction, user_id: str, password_hash: str) -> None:
    """Keep another hash of the same password."""
    await tx.collection("users").update_one({"_id": user_id}, {"$set": {"password_hash": password_hash}})


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
        }
    )


async def remove_registrations(tx: Transaction, email_key: str) -> None:
    """Forget all registrations of an address."""
    await tx.collection("registrations").delete_many({"email_key": email_key})


async def find_session(reader: Reader, query: Document) -> Session | None:
    """Return the session that matches."""
    row = await reader.collection("sessions").find_one(query)
    return _to_session(row) if row else None


async def add_session(tx: Transaction, session: Session) -> None:
    """Keep a new session."""
    await tx.collection("sessions").insert_one(
        {
            "_id": session.id,
            "user_id": session.user_id,
            "token_hash": session.token_hash,
            "created_at": session.created_at,
            "seen_at": session.seen_at,
            "expires_at": session.expires_at,
        }
    )


async def note_use(reader: Reader, session: Session) -> None:
    """Keep when a session was used last. It may have ended meanwhile: then there is nothing to keep."""
    change = {"seen_at": session.seen_at, "expires_at": session.expires_at}
    await reader.collection("sessions").update_one({"_id": session.id}, {"$set": change})


async def remove_sessions(tx: Transaction, session_ids: Sequence[str]) -> None:
    """Forget sessions."""
    await tx.collection("sessions").delete_many({"_id": {"$in": list(session_ids)}})
