"""What can be done with sessions."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.ids import new_id
from chassis.mongo import Reader, Transaction
from services.identity.events import UserSeen
from services.identity.mint import fingerprint, new_token
from services.identity.sessions import access, repository
from services.identity.sessions.domain import SESSION_PREFIX, Lifetimes, Seen, Session, begin_session


@dataclass(frozen=True, slots=True)
class Opened:
    """A session just begun, with the token that is told once."""

    session: Session
    token: str


async def open_session(
    tx: Transaction, user_id: str, lifetimes: Lifetimes, seen: Seen, *, methods: Sequence[str] = ("PASSWORD",)
) -> Opened:
    """Begin a session for a user who has proved who they are by these methods (for those who have checked that)."""
    token = new_token(SESSION_PREFIX)
    session = begin_session(
        new_id("ses"), user_id, fingerprint(token), now=tx.now, lifetimes=lifetimes, seen=seen, methods=methods
    )
    await repository.add_session(tx, session)
    await note_seen(tx, user_id)
    return Opened(session, token)


async def end_sessions(tx: Transaction, user_id: str, *, but: str | None = None) -> int:
    """End a user's sessions, except the one whose id is ``but``, and return how many ended (no authority is checked here)."""
    ending = [each for each in await repository.find_sessions(tx, user_id) if each.id != but]
    await repository.remove_sessions(tx, [each.id for each in ending])
    for each in ending:
        await tx.emit(each.end(), subject=user_id)
    return len(ending)


async def sign_out(tx: Transaction) -> None:
    """End the session of the one who asks; a second time there is nothing left to do. Raises ``SignInFirst``."""
    session = await access.own_session(tx)
    if session is not None:
        await _end(tx, session)


async def end_session(tx: Transaction, session_id: str) -> None:
    """End one of the sessions of the one who asks. Raises ``SignInFirst`` or ``NoSuchSession``."""
    await _end(tx, await access.require_own(tx, session_id))


async def end_other_sessions(tx: Transaction) -> int:
    """End all sessions of the one who asks but the one that asks; return how many ended. Raises ``SignInFirst``."""
    user_id = tx.principal.require_signed_in()
    return await end_sessions(tx, user_id, but=tx.principal.session_id)


async def prove_again(tx: Transaction, session: Session, methods: Sequence[str]) -> Session:
    """Keep that the owner of a session has proved anew who they are, by these methods (for those who have checked that)."""
    proved = session.proved(methods, tx.now)
    await repository.save_proof(tx, proved)
    return proved


async def use_session(reader: Reader, token: str, lifetimes: Lifetimes) -> Session:
    """Return the session that a token opens and prolong its life. Raises ``SessionNotLive``."""
    session = await access.require_session(reader, token)
    if session.is_worth_noting(reader.now, lifetimes):
        session = session.used(reader.now, lifetimes)
        await repository.note_use(reader, session)
    return session


async def is_seen_today(reader: Reader, session: Session) -> bool:
    """Say whether it is known that the owner of a session is there today."""
    today = reader.now.date()
    return session.created_at.date() == today or await repository.is_seen_on(reader, session.user_id, today)


async def note_seen(tx: Transaction, user_id: str) -> None:
    """Announce that a user is there today, unless that was announced already."""
    today = tx.now.date()
    if await repository.keep_seen_on(tx, user_id, today):
        await tx.emit(UserSeen(user_id=user_id, day=today), subject=f"{user_id}:days")


async def _end(tx: Transaction, session: Session) -> None:
    await repository.remove_sessions(tx, [session.id])
    await tx.emit(session.end(), subject=session.user_id)
