"""The door to client keys: through the application that each proves."""

from collections.abc import Sequence

from chassis.errors import NotFound
from chassis.mongo import Reader
from services.identity.applications import access as applications
from services.identity.applications.domain import Application
from services.identity.client_keys import repository
from services.identity.client_keys.domain import ClientKey, NoSuchClientKey


async def require(reader: Reader, key_id: str) -> tuple[ClientKey, Application]:
    """Return a live key and its application, for those who may reissue its secrets; to a stranger it does not exist.

    Raises ``SignInFirst``, ``NoSuchClientKey`` or ``RoleNotAllowed``.
    """
    reader.principal.require_signed_in()
    key = await repository.find(reader, key_id)
    if key is None:
        raise NoSuchClientKey
    try:
        return key, await applications.require(reader, "REISSUE_SECRET", key.application_id)
    except NotFound:
        raise NoSuchClientKey from None


async def of_applications(reader: Reader, application_ids: Sequence[str]) -> dict[str, list[ClientKey]]:
    """Return the live keys of those of the applications that the one who asks may see."""
    seen = await applications.visible(reader, application_ids)
    return await repository.find_of_applications(reader, seen) if seen else {}


async def keys_of_client(reader: Reader, application: Application) -> list[ClientKey]:
    """Return an application's live keys (for the authorization server)."""
    return (await repository.find_of_applications(reader, [application.id]))[application.id]


async def is_live(reader: Reader, key_id: str) -> bool:
    """Say whether a key proves its application (for the authorization server)."""
    return await repository.find(reader, key_id) is not None


async def proven_by_key(reader: Reader, application_ids: Sequence[str]) -> set[str]:
    """Return those of the applications that a key proves (for deciding whether a secret is still needed; never shown)."""
    found = await repository.find_of_applications(reader, application_ids) if application_ids else {}
    return {key for key, keys in found.items() if keys}
