"""Who may have a report: who acts for the campaign's starter, since it tells of every organization."""

from collections.abc import Sequence

from chassis.mongo import Reader
from services.recertification.campaigns import access as campaigns
from services.recertification.report import repository
from services.recertification.report.domain import NoSuchReport, Report, State


async def reports_of(reader: Reader, campaign_ids: Sequence[str]) -> dict[str, list[Report]]:
    """Return the reports of those of the campaigns of which the principal sees everything, by campaign."""
    around = await campaigns.visible_campaigns(reader, campaign_ids)
    whole = [key for key, each in around.items() if campaigns.sees_all(reader.principal, each)]
    found = await repository.find_of_campaigns(reader, whole)
    return {key: found.get(key, []) for key in whole}


async def report_to_read(reader: Reader, report_id: str) -> Report:
    """Return a report that is there and that the principal may have. Raises ``SignInFirst`` or ``NoSuchReport``."""
    reader.principal.require_signed_in()
    report = await repository.find(reader, report_id)
    if report is None or report.state is not State.MADE:
        raise NoSuchReport
    if report.campaign_id not in await reports_of(reader, [report.campaign_id]):
        raise NoSuchReport
    return report
