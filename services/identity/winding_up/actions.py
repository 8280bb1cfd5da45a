"""What is done about a deleted organization: one step for each noun that keeps things of organizations.

A step ends some of them in a transaction of its own and says whether there may be more. It finds them by what is still there, so
it may be run again after any death, and by two processes at once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.mongo import Reader, Transaction
from chassis.paging import Page
from services.identity.applications import repository as applications
from services.identity.applications.actions import announce
from services.identity.certificates import actions as certificates
from services.identity.invitations import actions as invitations
from services.identity.members import actions as members
from services.identity.onboarding import actions as onboarding
from services.identity.organizations import repository as organizations

Step = Callable[[Transaction, str, int], Awaitable[bool]]

_HELD_FOR = timedelta(seconds=60)
_LAST_LOOK_AFTER = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Ending:
    """A deleted organization whose things are being ended; who deleted it is who ends them."""

    organization_id: str
    deleted_by: str | None
    last_look_at: datetime


async def end_applications(tx: Transaction, organization_id: str, most: int) -> bool:
    """Delete some of the organization's applications, each with its announcement; say whether there may be more."""
    found = (await applications.find_page(tx, organization_id, None, Page(most)))[:most]
    for application in found:
        await applications.bury(tx, application)
        await announce(tx, application.delete(), application)
    return len(found) == most


# Members first: their rights end everywhere as soon as it is heard. Who keeps things of organizations adds a step here.
STEPS: tuple[Step, ...] = (members.end_some, invitations.end_some, onboarding.end_some, certificates.end_some, end_applications)


async def take_ending(reader: Reader) -> Ending | None:
    """Take a deleted organization whose things are to be ended; should this process die, another one takes it in a minute."""
    taken = await organizations.claim_ending(reader, _HELD_FOR)
    if taken is None:
        return None
    return Ending(taken.organization_id, taken.deleted_by, taken.deleted_at + _LAST_LOOK_AFTER)


async def hold_ending(reader: Reader, ending: Ending) -> None:
    """Go on with an ending that takes long."""
    await organizations.postpone_ending(reader, ending.organization_id, reader.now + _HELD_FOR)


async def leave_ending(reader: Reader, ending: Ending) -> None:
    """Leave an organization of which nothing was left.

    Whoever saw it alive may still add to it within a transaction that has not committed. No transaction lives as long as until
    the last look: what was added is found then, and after that nothing can be.
    """
    if reader.now >= ending.last_look_at:
        await organizations.finish_ending(reader, ending.organization_id)
    else:
        await organizations.postpone_ending(reader, ending.organization_id, ending.last_look_at)
