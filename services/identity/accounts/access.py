"""The door to users and sessions."""

from chassis.mongo import Reader
from services.identity.accounts import repository
from services.identity.accounts.domain import Session, SessionNotLive, User
from services.identity.mint import fingerprint


async def viewer_of(reader: Reader) -> User | None:
    """Return the user who asks, or None where nobody is signed in."""
    if reader.principal.id is None:
        return None
    return await repository.find_user(reader, reader.principal.id)


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
