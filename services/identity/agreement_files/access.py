"""The door to the files of agreements and of approvals."""

from collections.abc import Callable, Mapping, Sequence

from chassis.mongo import Reader
from services.identity.accounts.domain import PlatformRole
from services.identity.agreement_files import repository
from services.identity.agreement_files.domain import OF_ALL_PRODUCTS
from services.identity.agreement_files.repository import Parties, Substitution
from services.identity.organizations import access as organizations

FILE, CONCLUDE = "FILE_CONNECTION_REQUEST", "CONCLUDE_AGREEMENTS"
STAFF = (PlatformRole.OPERATOR_ADMINISTRATOR, PlatformRole.BUSINESS_REPRESENTATIVE, PlatformRole.SECURITY_OFFICER)


async def with_files(reader: Reader, ids: Sequence[str]) -> set[str]:
    """Return those of the agreements whose files the one who asks may see: as either party, or as staff that decides."""
    return await _seen(reader, ids, {"organization_id": FILE, "provider_id": CONCLUDE}, _is_covered)


async def with_evidence(reader: Reader, ids: Sequence[str]) -> set[str]:
    """Return those of an approval's steps whose evidence the one who asks may see: on the side of those who decide."""
    return await _seen(reader, ids, {"provider_id": CONCLUDE}, _is_of_request)


def _is_covered(agreement: Parties, by: Substitution) -> bool:
    return agreement.kind in OF_ALL_PRODUCTS or agreement.product_id == by.product_id


def _is_of_request(step: Parties, by: Substitution) -> bool:
    return step.request_id == by.request_id


async def _seen(
    reader: Reader, ids: Sequence[str], actions: Mapping[str, str], concerns: Callable[[Parties, Substitution], bool]
) -> set[str]:
    """Return the things of which the one who asks is staff, or holds the action in the organization of that side.

    Who is named to decide for the provider, and belongs to it, sees what ``concerns`` the request, too.
    """
    if reader.principal.id is None:
        return set()
    parties = await repository.find_parties(reader, ids)
    if reader.principal.has_platform_role(*STAFF):
        return set(parties)
    concerned = {getattr(pair, side) for pair in parties.values() for side in actions}
    standings = await organizations.own_standings(reader, concerned)
    may = {(key, action) for key, each in standings.items() for action in actions.values() if each.may(action)}
    seen = {key for key, pair in parties.items() if any((getattr(pair, side), each) in may for side, each in actions.items())}
    left = {key: pair for key, pair in parties.items() if key not in seen}
    return seen | await _seen_as_substitute(reader, reader.principal.id, left, concerns)


async def _seen_as_substitute(
    reader: Reader, user_id: str, things: Mapping[str, Parties], concerns: Callable[[Parties, Substitution], bool]
) -> set[str]:
    named = await repository.find_substitutions(reader, user_id) if things else []
    standings = await organizations.own_standings(reader, {each.provider_id for each in named}) if named else {}
    own = [each for each in named if each.provider_id in standings]
    return {
        key
        for key, pair in things.items()
        for each in own
        if (pair.organization_id, pair.provider_id) == (each.organization_id, each.provider_id) and concerns(pair, each)
    }
