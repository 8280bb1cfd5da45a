"""The door to what the operator finds: across the border of every organization, so for the staff, as far as they need it.

Administrators and support are asked about anything. A business representative concludes agreements with organizations about
applications and needs no certificate. Nobody else finds anything.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from chassis.mongo import Reader
from services.identity.accounts.domain import PlatformRole
from services.identity.applications import repository as applications
from services.identity.certificates import repository as certificates
from services.identity.data_exchanges import repository as data_exchanges
from services.identity.desk.domain import Found, Thing, answer
from services.identity.organizations import repository as organizations
from services.identity.organizations.domain import Organization
from services.identity.words import Sought

Finder = Callable[[Reader, Sought, int], Awaitable[Sequence[Thing]]]

_FOR_AGREEMENTS: tuple[Finder, ...] = (organizations.find_sought, applications.find_sought, data_exchanges.find_sought)
_EVERYTHING: tuple[Finder, ...] = (*_FOR_AGREEMENTS, certificates.find_sought)
_SHOWN = (
    (PlatformRole.OPERATOR_ADMINISTRATOR, _EVERYTHING),
    (PlatformRole.SUPPORT, _EVERYTHING),
    (PlatformRole.BUSINESS_REPRESENTATIVE, _FOR_AGREEMENTS),
)


def _finders_of(reader: Reader) -> tuple[Finder, ...]:
    return next((shown for role, shown in _SHOWN if reader.principal.has_platform_role(role)), ())


def may_find(reader: Reader) -> bool:
    """Say whether the one who asks may find anything."""
    return bool(_finders_of(reader))


async def find(reader: Reader, text: str, first: int) -> list[Found]:
    """Return what answers the text, the best first, and one more where there is more; nothing for who may not find anything."""
    sought = Sought.read(text)
    pages = await asyncio.gather(*(finder(reader, sought, first + 1) for finder in _finders_of(reader)))
    found = [answer(thing, sought) for page in pages for thing in page]
    return sorted(found, key=lambda each: each.place)[: first + 1]


async def organizations_of(reader: Reader, found: Sequence[Found]) -> dict[str, Organization]:
    """Return the live organizations that found things belong to, by id (for those who have found them)."""
    return await organizations.find_organizations(reader, [each.organization_id for each in found])
