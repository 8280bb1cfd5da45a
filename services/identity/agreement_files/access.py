"""The door to the files of agreements and of approvals."""

from collections.abc import Mapping, Sequence

from chassis.mongo import Reader
from services.identity.accounts.domain import PlatformRole
from services.identity.agreement_files import repository
from services.identity.organizations import access as organizations

FILE, CONCLUDE = "FILE_CONNECTION_REQUEST", "CONCLUDE_AGREEMENTS"
STAFF = (PlatformRole.OPERATOR_ADMINISTRATOR, PlatformRole.BUSINESS_REPRESENTATIVE, PlatformRole.SECURITY_OFFICER)


async def with_files(reader: Reader, ids: Sequence[str]) -> set[str]:
    """Return those of the agreements whose files the one who asks may see: as either party, or as staff that decides."""
    return await _seen(reader, ids, {"organization_id": FILE, "provider_id": CONCLUDE})


async def with_evidence(reader: Reader, ids: Sequence[str]) -> set[str]:
    """Return those of an approval's steps whose evidence the one who asks may see: on the side of those who decide."""
    return await _seen(reader, ids, {"provider_id": CONCLUDE})


async def _seen(reader: Reader, ids: Sequence[str], actions: Mapping[str, str]) -> set[str]:
    """Return the things of which the one who asks is staff, or holds the action in the organization of that side."""
    if reader.principal.id is None:
        return set()
    parties = await repository.find_parties(reader, ids)
    if reader.principal.has_platform_role(*STAFF):
        return set(parties)
    concerned = {getattr(pair, side) for pair in parties.values() for side in actions}
    standings = await organizations.own_standings(reader, concerned)
    may = {(key, action) for key, each in standings.items() for action in actions.values() if each.may(action)}
    return {key for key, pair in parties.items() if any((getattr(pair, side), each) in may for side, each in actions.items())}
