"""Which campaigns somebody has started, page by page, for those who act for them."""

from collections.abc import Sequence

from chassis.mongo import Reader
from chassis.paging import Page
from services.recertification.campaigns import access, repository
from services.recertification.campaigns.domain import Campaign, Side, Status

Listed = tuple[list[Campaign], int]


async def started_by(reader: Reader, organization_ids: Sequence[str], status: Status | None, page: Page) -> dict[str, Listed]:
    """Return for each organization for which the principal acts the campaigns that it started, as a provider or as itself."""
    seen = [each for each in dict.fromkeys(organization_ids) if access.sees_campaigns_of(reader.principal, each)]
    sides = (Side.PROVIDER, Side.ORGANIZATION)
    return {key: await repository.find_page(reader, sides, key, status, page=page) for key in seen}


async def started_by_operator(reader: Reader, status: Status | None, page: Page) -> Listed | None:
    """Return the campaigns that the operator started, to its administrators and auditors; to others there are none."""
    if not access.sees_campaigns_of_operator(reader.principal):
        return None
    return await repository.find_page(reader, (Side.OPERATOR,), None, status, page=page)
