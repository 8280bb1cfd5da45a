"""How sessions are kept."""

from collections.abc import Sequence
from datetime import date

from chassis.mongo import Document, Index, Reader, Transaction
from services.identity.sessions.domain import Seen, Session

INDEXES = (
    Index("sessions", (("token_hash", 1),), unique=True),
    Index("sessions", (("user_id", 1), ("_id", 1))),
    Index("sessions", (("expires_at", 1),), expire_after_seconds=0),
    Index("seen_days", (("user_id", 1),)),
)


def _to_session(row: Document) -> Session:
    return Session(
        id=row["_id"],
        user_id=row["user_id"],
        token_hash=row["token_hash"],
        created_at=row["created_at"],
        seen_at=row["seen_at"],
        expires_at=row["expires_at"],
        authenticated_at=row.get("authenticated_at") or row["created_at"],
        methods=tuple(row.get("methods", ("PASSWORD",))),
        seen=Seen(row.get("user_agent"), row.get("network_address")),
    )


async def find_session(reader: Reader, query: Document) -> Session | None:
    """Return the session that matches."""
    row = await reader.collection("sessions").find_one(query)
    return _to_session(row) if row else None


async def find_sessions(reader: Reader, user_id: str) -> list[Session]:
    """Return a user's sessions, the newest first; some of them may have lapsed."""
    rows = await reader.collection("sessions").find({"user_id": user_id}, sort=[("_id", -1)])
    return [_to_session(row) for row in rows]


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
            "authenticated_at": session.authenticated_at,
            "methods": list(session.methods),
            "user_agent": session.seen.user_agent,
            "network_address": session.seen.network_address,
        }
    )


async def note_use(reader: Reader, session: Session) -> None:
    """Keep when a session was used last. It may have ended meanwhile: then there is nothing to keep."""
    change = {"seen_at": session.seen_at, "expires_at": session.expires_at}
    await reader.collection("sessions").update_one({"_id": session.id}, {"$set": change})


async def save_proof(tx: Transaction, session: Session) -> None:
    """Keep when and how the owner of a session proved who they are."""
    change = {"authenticated_at": session.authenticated_at, "methods": list(session.methods)}
    await tx.collection("sessions").update_one({"_id": session.id}, {"$set": change})


async def is_seen_on(reader: Reader, user_id: str, day: date) -> bool:
    """Say whether it is kept that a user was there on a day, or later."""
    query = {"_id": user_id, "day": {"$gte": day.isoformat()}}
    return await reader.collection("seen_days").find_one(query, projection={"_id": 1}) is not None


async def keep_seen_on(tx: Transaction, user_id: str, day: date) -> bool:
    """Keep that a user was there on a day; say whether that was not known yet."""
    if await is_seen_on(tx, user_id, day):
        return False
    row = {"_id": user_id, "user_id": user_id, "day": day.isoformat()}
    await tx.collection("seen_days").replace_one({"_id": user_id}, row, upsert=True)
    return True


async def remove_sessions(tx: Transaction, session_ids: Sequence[str]) -> None:
    """Forget sessions."""
    await tx.collection("sessions").delete_many({"_id": {"$in": list(session_ids)}})
