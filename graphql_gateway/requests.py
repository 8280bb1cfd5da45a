"""Every request has an id: the one that its client gave it in ``X-Request-Id``, otherwise its trace id.

It goes along to the services, stands in what is recorded of the request, and comes back in the answer.
"""

from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis.telemetry import REQUEST_HEADER, current_request, read_request_id, span, within_request


class RequestIds:
    """Pure ASGI: gives each request its id, and tells it with the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request under its id."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def send_with_id(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_HEADER] = request_id
            await send(message)

        given = read_request_id(headers.get(REQUEST_HEADER))
        with span("gateway", headers.get("traceparent")), within_request(given):
            request_id = current_request()
            await self._app(scope, receive, send_with_id)
