"""Reports of campaigns: fetched as they are, beside the graph, with the same session.

Recertification keeps them and knows who may have which.
"""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.calls import Call
from graphql_gateway.auth import Doorkeeper
from graphql_gateway.context import Context, Desk
from graphql_gateway.files import answered, ask, passed_on, passed_out, require_session

_SECONDS = 60.0


def report_routes(desk: Desk, door: Doorkeeper) -> list[BaseRoute]:
    """Return ``GET /reports/{id}``. Every refusal is a problem document (RFC 9457)."""

    async def download(request: Request) -> Response:
        credentials = door.credentials(request.headers)
        if credentials.is_cookie:
            door.check_origin(request.headers)
        context = Context(desk, credentials.token)
        await require_session(context)
        path = f"/reports/{quote(request.path_params['report_id'], safe='')}"
        answer = await ask(context, Call("recertification", path, b"", {}, "GET", _SECONDS))
        return passed_out(answer) if answer.status == 200 else passed_on(answer, "recertification")

    async def answer(request: Request) -> Response:
        return await answered("gateway /reports", request, download)

    return [Route("/reports/{report_id}", answer, methods=["GET"])]
