"""The door to passwords: whoever knows the present one, or whoever holds a mailed link."""

from chassis.mongo import Reader
from services.identity.accounts import repository as accounts
from services.identity.accounts.domain import User
from services.identity.links.access import require_link
from services.identity.links.domain import LinkNotValid, Purpose


async def user_of_link(reader: Reader, token: str, purpose: Purpose) -> User:
    """Return the user whose password a mailed link sets. Raises ``LinkNotValid``."""
    _, user_id = await require_link(reader, token, purpose)
    user = await accounts.find_user(reader, user_id)
    if user is None:
        raise LinkNotValid
    return user
