"""The door to users."""

from chassis.mongo import Reader
from chassis.principal import SignInFirst
from services.identity.accounts import repository
from services.identity.accounts.domain import User


async def viewer_of(reader: Reader) -> User | None:
    """Return the user who asks, or None where nobody is signed in."""
    if reader.principal.id is None:
        return None
    return await repository.find_user(reader, reader.principal.id)


async def require_viewer(reader: Reader) -> User:
    """Return the user who asks. Raises ``SignInFirst``, also where the user has been erased meanwhile."""
    reader.principal.require_signed_in()
    viewer = await viewer_of(reader)
    if viewer is None:
        raise SignInFirst
    return viewer
