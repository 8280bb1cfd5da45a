"""The door to mailed links: whoever has the token."""

from chassis.mongo import Reader
from services.identity.links import repository
from services.identity.links.domain import Link, LinkNotValid, Purpose
from services.identity.mint import fingerprint


async def require_link(reader: Reader, token: str, purpose: Purpose) -> tuple[Link, str]:
    """Return the link that a token opens, and whose it is. Raises ``LinkNotValid``."""
    link = await repository.find_link(reader, fingerprint(token))
    if link is None:
        raise LinkNotValid
    return link, link.require(purpose, reader.now)
