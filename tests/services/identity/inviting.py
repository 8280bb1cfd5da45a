"""Invitations as they arrive by mail."""

import asyncio

from tests.services.identity.world import Person, World, token_in


async def invite(world: World, by: Person, organization_id: str, email: str, *, role: str = "OBSERVER") -> str:
    """Invite an address and return the invitation's id."""
    said = await world.do("invite_member", by, organization_id=organization_id, email=email, role=role)
    return str(said.result["id"])


async def invited(world: World, email: str, *, count: int = 1, page: str = "accept-invitation") -> str:
    """Return the token of the newest of so many invitations (or other links) that were mailed to an address."""
    for _ in range(500):
        mails = [mail for mail in world.inbox.to(email) if f"/{page}#token=" in mail.get_content()]
        if len(mails) >= count:
            return token_in(mails[-1])
        await asyncio.sleep(0.02)
    raise AssertionError(f"no {count} links to {page} for {email}")


async def told(world: World, email: str, subject: str) -> str:
    """Return the text of a mail whose subject has these words."""
    for _ in range(500):
        for mail in reversed(world.inbox.to(email)):
            if subject in mail["Subject"]:
                return str(mail.get_content())
        await asyncio.sleep(0.02)
    raise AssertionError(f"no mail to {email} about {subject}: {[mail['Subject'] for mail in world.inbox.to(email)]}")
