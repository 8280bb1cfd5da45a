"""The authorization server's HTTP, in the forms that its standards prescribe (no passports, no problem documents)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.telemetry import log
from chassis.web import Edge
from services.identity.tokens import actions
from services.identity.tokens.actions import TokenOffice
from services.identity.tokens.domain import (
    OAuthRefusal,
    invalid_request,
    metadata,
    read_credentials,
    require_grant,
    single_values,
)

_MAX_BODY_BYTES = 16 * 1024
_NOT_STORED = {"cache-control": "no-store", "pragma": "no-cache"}
_CHALLENGE = 'Basic realm="portico", charset="UTF-8"'
_log = log("identity.tokens")


async def _read_form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise invalid_request("Send the parameters as application/x-www-form-urlencoded.")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_BODY_BYTES:
            raise OAuthRefusal("invalid_request", "The request is too large.", 413)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError as error:
        raise invalid_request("The parameters cannot be read.") from error
    return single_values(pairs)


class _TokenEndpoint:
    def __init__(self, edge: Edge, office: TokenOffice) -> None:
        self._edge = edge
        self._office = office

    async def answer(self, request: Request) -> Response:
        try:
            given = await _read_form(request)
            credentials = read_credentials(request.headers.get("authorization"), given)
            require_grant(given)
            token = await actions.issue_token(self._edge.store.reader(), credentials, self._office)
        except OAuthRefusal as refusal:
            return _refused(refusal)
        ttl_seconds = int(self._office.terms.ttl.total_seconds())
        document = {"access_token": token, "token_type": "Bearer", "expires_in": ttl_seconds}
        return Response(orjson.dumps(document), 200, _NOT_STORED, media_type="application/json")


def _refused(refusal: OAuthRefusal) -> Response:
    _log.info("a token was refused", error=refusal.error)
    headers = dict(_NOT_STORED)
    if refusal.status == 401:
        headers["www-authenticate"] = _CHALLENGE
    document = {"error": refusal.error, "error_description": refusal.description}
    return Response(orjson.dumps(document), refusal.status, headers, media_type="application/json")


def _public_document(read: Callable[[], Any]) -> Callable[[Request], Any]:
    async def answer(_request: Request) -> Response:
        headers = {"cache-control": "public, max-age=300", "access-control-allow-origin": "*"}
        return Response(orjson.dumps(read()), 200, headers, media_type="application/json")

    return answer


def routes(edge: Edge, office: TokenOffice, read_public_keys: Callable[[], Any]) -> list[BaseRoute]:
    """Return the routes of the authorization server."""
    described = metadata(office.terms.issuer)
    return [
        Route("/oauth/token", _TokenEndpoint(edge, office).answer, methods=["POST"]),
        Route("/.well-known/oauth-authorization-server", _public_document(lambda: described), methods=["GET"]),
        Route("/.well-known/jwks.json", _public_document(read_public_keys), methods=["GET"]),
    ]
