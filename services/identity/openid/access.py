"""The door to outside identities: their owner's alone."""

from chassis.mongo import Reader
from services.identity.openid import repository
from services.identity.openid.domain import NotLinked, OutsideIdentity


async def own_identities(reader: Reader) -> list[OutsideIdentity]:
    """Return the outside identities of the one who asks, the oldest first. Raises ``SignInFirst``."""
    return await repository.find_identities(reader, reader.principal.require_signed_in())


async def require_own(reader: Reader, provider: str) -> OutsideIdentity:
    """Return the identity of the one who asks with a provider. Raises ``SignInFirst`` or ``NotLinked``."""
    found = next((each for each in await own_identities(reader) if each.provider == provider), None)
    if found is None:
        raise NotLinked
    return found
