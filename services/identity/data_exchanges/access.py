"""The door to data exchanges: the organization's members, and the operator's staff."""

from collections.abc import Iterable, Sequence

from chassis.mongo import Reader
from services.identity.data_exchanges import repository
from services.identity.data_exchanges.domain import DataExchange
from services.identity.organizations import access as organizations

_STAFF = ("OPERATOR_ADMINISTRATOR", "SUPPORT")


async def of_organizations(reader: Reader, organization_ids: Iterable[str]) -> dict[str, DataExchange]:
    """Return by organization the data exchanges that the one who asks may see."""
    return await _seen(reader, await repository.find_by_organization(reader, organization_ids))


async def visible(reader: Reader, ids: Sequence[str]) -> dict[str, DataExchange]:
    """Return by id the data exchanges that the one who asks may see."""
    return await _seen(reader, await repository.find_all(reader, ids))


async def _seen(reader: Reader, found: dict[str, DataExchange]) -> dict[str, DataExchange]:
    if not found or reader.principal.has_platform_role(*_STAFF):
        return found
    standings = await organizations.own_standings(reader, [each.organization_id for each in found.values()])
    may_see = {key for key, standing in standings.items() if standing.may("VIEW_ORGANIZATION")}
    return {key: each for key, each in found.items() if each.organization_id in may_see}
