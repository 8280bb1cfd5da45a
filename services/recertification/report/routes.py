"""How to ask for reports: what is known of them in the graph, their bytes beside it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.files import PDF
from chassis.handing import hand_out
from chassis.principal import HEADER
from chassis.web import Asked, Edge, Json, Routes
from services.recertification.report import access, actions
from services.recertification.report.domain import NoSuchReport, Report


def _row(report: Report) -> dict[str, Any]:
    return {
        "id": report.id,
        "campaign_id": report.campaign_id,
        "language": report.language.value,
        "status": report.state.value,
        "why": report.why,
        "sha256": report.sha256,
        "size": report.size,
        "made_at": report.made_at,
    }


async def _reports_by_campaign(asked: Asked) -> Json:
    found = await access.reports_of(asked.reader(), asked.ids)
    return [[_row(each) for each in found[key]] if key in found else None for key in asked.ids]


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes of reports."""

    async def download(request: Request) -> Response:
        principal = edge.verifier.verify(request.headers.get(HEADER))
        reader = edge.store.reader(principal)
        report = await access.report_to_read(reader, request.path_params["report_id"])
        content = await actions.read_contents(reader, report)
        if content is None:
            raise NoSuchReport
        return hand_out(content, name=report.file_name, content_type=PDF)

    r = Routes(edge)
    r.load("reports_by_campaign", _reports_by_campaign)
    return [*r.collected, Route("/reports/{report_id}", download, methods=["GET"])]
