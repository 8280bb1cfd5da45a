"""The door to the operator's staff. Who administers is read from what is true now, not from a passport."""

from collections.abc import Sequence

from chassis.mongo import Reader
from services.identity.accounts import repository as accounts
from services.identity.accounts.access import require_viewer
from services.identity.accounts.domain import PlatformRole, User
from services.identity.staff.domain import OperatorOnly

MOST_SHOWN = 500


async def require_administrator(reader: Reader, operator_keys: frozenset[str]) -> User:
    """Return the administrator of the operator who asks. Raises ``SignInFirst`` or ``OperatorOnly``."""
    viewer = await require_viewer(reader)
    if PlatformRole.OPERATOR_ADMINISTRATOR not in viewer.platform_roles(operator_keys):
        raise OperatorOnly
    return viewer


async def staff(reader: Reader, role: PlatformRole | None, operator_keys: frozenset[str]) -> list[User] | None:
    """Return who is of the staff (in a role), the oldest account first; for the staff alone, None for all others."""
    if not reader.principal.platform_roles:
        return None
    return await in_roles(reader, [role] if role else list(PlatformRole), operator_keys, most=MOST_SHOWN)


async def staff_among(reader: Reader, user_ids: Sequence[str], operator_keys: frozenset[str]) -> dict[str, User]:
    """Return those of the users who are of the staff, by id; for the staff alone."""
    if not reader.principal.platform_roles:
        return {}
    users = await accounts.find_users(reader, user_ids)
    return {key: user for key, user in users.items() if user.platform_roles(operator_keys)}


async def in_roles(reader: Reader, roles: Sequence[PlatformRole], operator_keys: frozenset[str], *, most: int) -> list[User]:
    """Return who holds one of these roles, the oldest account first (for the platform's own work)."""
    named = operator_keys if PlatformRole.OPERATOR_ADMINISTRATOR in roles else frozenset[str]()
    return await accounts.find_with_roles(reader, roles, named, most)
