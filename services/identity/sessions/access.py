"""The door to sessions: a token opens one, and everybody sees their own."""

from chassis.mongo import Reader
from services.identity.mint import fingerprint
from services.identity.sessions import repository
from services.identity.sessions.domain import NoSuchSession, Session, SessionNotLive, SignInAgain


async def require_session(reader: Reader, token: str) -> Session:
    """Return the live session that a token opens. Raises ``SessionNotLive``."""
    session = await repository.find_session(reader, {"token_hash": fingerprint(token)})
    if session is None or not session.is_live(reader.now):
        raise SessionNotLive
    return session


async def own_session(reader: Reader) -> Session | None:
    """Return the session that the one who asks is signed in with. Raises ``SignInFirst``."""
    user_id = reader.principal.require_signed_in()
    if reader.principal.session_id is None:
        return None
    return await repository.find_session(reader, {"_id": reader.principal.session_id, "user_id": user_id})


async def own_sessions(reader: Reader) -> list[Session]:
    """Return the live sessions of the one who asks, the newest first. Raises ``SignInFirst``."""
    user_id = reader.principal.require_signed_in()
    return [each for each in await repository.find_sessions(reader, user_id) if each.is_live(reader.now)]


async def require_own(reader: Reader, session_id: str) -> Session:
    """Return a session of the one who asks; others' do not exist. Raises ``SignInFirst`` or ``NoSuchSession``."""
    user_id = reader.principal.require_signed_in()
    session = await repository.find_session(reader, {"_id": session_id, "user_id": user_id})
    if session is None or not session.is_live(reader.now):
        raise NoSuchSession
    return session


async def require_own_session(reader: Reader) -> Session:
    """Return the live session that the one who asks is signed in with. Raises ``SignInFirst`` or ``SessionNotLive``."""
    session = await own_session(reader)
    if session is None or not session.is_live(reader.now):
        raise SessionNotLive
    return session


async def require_fresh(reader: Reader) -> Session:
    """Return the session of the one who asks, who proved who they are within the last quarter of an hour.

    Raises ``SignInFirst``, ``SessionNotLive`` or ``SignInAgain``.
    """
    session = await require_own_session(reader)
    if not session.is_fresh(reader.now):
        raise SignInAgain
    return session
