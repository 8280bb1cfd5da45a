"""What can be done with mailed links."""

from collections.abc import Iterable
from datetime import timedelta

from chassis.ids import new_id
from chassis.mongo import Transaction
from services.identity.inputs import address_key
from services.identity.links import access, repository
from services.identity.links.domain import PREFIXES, Link, Purpose
from services.identity.mint import fingerprint, new_token


async def make_link(tx: Transaction, purpose: Purpose, ttl: timedelta, user_id: str | None, *, email: str | None = None) -> str:
    """Keep a link for a user (or for nobody) and return its token, which is to be mailed and not kept."""
    token = new_token(PREFIXES[purpose])
    link = Link(
        id=new_id("lnk"),
        purpose=purpose,
        user_id=user_id,
        token_hash=fingerprint(token),
        created_at=tx.now,
        expires_at=tx.now + ttl,
        email=email,
        email_key=address_key(email) if email else None,
    )
    await repository.add_link(tx, link)
    return token


async def use_link(tx: Transaction, token: str, purpose: Purpose) -> tuple[Link, str]:
    """Use a link up and return it and whose it is; in a race one wins, by the database's write conflict.

    Raises ``LinkNotValid``.
    """
    link, user_id = await access.require_link(tx, token, purpose)
    await repository.remove_link(tx, link)
    return link, user_id


async def drop_links(tx: Transaction, user_id: str, purposes: Iterable[Purpose] = tuple(Purpose)) -> None:
    """Make links of a user open nothing any more."""
    await repository.remove_links(tx, user_id, purposes)
