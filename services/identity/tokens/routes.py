"""The authorization server's HTTP, in the forms that its standards prescribe (no passports, no problem documents)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from chassis.errors import Unavailable
from chassis.principal import system
from chassis.telemetry import log
from chassis.web import Edge
from services.identity.keys import JWKS_MAX_AGE_SECONDS
from services.identity.tokens import actions
from services.identity.tokens.actions import TokenOffice
from services.identity.tokens.assertions import claimed_client
from services.identity.tokens.domain import (
    OAuthRefusal,
    Proof,
    invalid_request,
    metadata,
    read_scope,
    require_grant,
    require_target,
)
from services.identity.tokens.showing import Shown, read_shown, single_values
from services.identity.tokens.slowing import Slowing

CERTIFICATE_HEADER = "portico-client-certificate"
_MAX_BODY_BYTES = 60 * 1024
_NOT_STORED = {"cache-control": "no-store", "pragma": "no-cache"}
_CHALLENGE = 'Basic realm="portico", charset="UTF-8"'
_log = log("identity.tokens")

Given = Mapping[str, str]
Answer = Callable[[Proof, Given], Awaitable[Any]]


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


def _require_token(given: Given) -> str:
    if "token" not in given:
        raise invalid_request("The parameter token is missing.")
    return given["token"]


class _Endpoints:
    def __init__(self, edge: Edge, office: TokenOffice) -> None:
        self._edge = edge
        self._office = office
        self._slowing = Slowing()

    def endpoint(self, answer: Answer, check: Callable[[Given], object]) -> Callable[[Request], Awaitable[Response]]:
        """Return an endpoint that authenticates its client, checks the parameters, and answers with a document (or nothing)."""

        async def respond(request: Request) -> Response:
            try:
                given = await _read_form(request)
                shown = read_shown(request.headers.get("authorization"), given, request.headers.get(CERTIFICATE_HEADER))
                proof = await self._authenticate(shown)
                check(given)
                document = await answer(proof, given)
            except OAuthRefusal as refusal:
                return _refused(refusal)
            except Unavailable as refusal:
                return _refused(OAuthRefusal("temporarily_unavailable", refusal.message, refusal.status))
            body = b"" if document is None else orjson.dumps(document)
            return Response(body, 200, _NOT_STORED, media_type=None if document is None else "application/json")

        return respond

    async def _authenticate(self, shown: Shown) -> Proof:
        try:
            return await actions.authenticate(self._edge.store.reader(), shown, self._office)
        except OAuthRefusal:
            await self._slowing.hold_back(shown.client_id or claimed_client(shown.assertion or ""))
            raise

    async def issue(self, proof: Proof, given: Given) -> Any:
        require_target(given, self._office.terms.audience)
        issued = await actions.issue_token(self._edge.store.reader(), proof, read_scope(given), self._office)
        scope = {} if issued.scope is None else {"scope": " ".join(issued.scope)}
        return {"access_token": issued.token, "token_type": "Bearer", "expires_in": issued.expires_in, **scope}

    async def introspect(self, proof: Proof, given: Given) -> Any:
        return await actions.introspect(self._edge.store.reader(), proof.application, given["token"], self._office)

    async def revoke(self, proof: Proof, given: Given) -> None:
        await self._edge.store.transact(
            system("identity.tokens"), lambda tx: actions.revoke_token(tx, proof.application, given["token"], self._office)
        )


def _refused(refusal: OAuthRefusal) -> Response:
    _log.info("a request for tokens was refused", error=refusal.error)
    headers = dict(_NOT_STORED)
    if refusal.status == 401:
        headers["www-authenticate"] = _CHALLENGE
    if refusal.status == 503:
        headers["retry-after"] = "1"
    # RFC 6749 section 5.2 leaves quotation marks, backslashes and everything beyond ASCII out of descriptions.
    description = refusal.description.replace('"', "'").replace("\\", "/").encode("ascii", "replace").decode()
    document = {"error": refusal.error, "error_description": description}
    return Response(orjson.dumps(document), refusal.status, headers, media_type="application/json")


def _public_document(read: Callable[[], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_request: Request) -> Response:
        headers = {"cache-control": f"public, max-age={JWKS_MAX_AGE_SECONDS}", "access-control-allow-origin": "*"}
        return Response(orjson.dumps(read()), 200, headers, media_type="application/json")

    return answer


def routes(edge: Edge, office: TokenOffice, read_public_keys: Callable[[], Any]) -> list[BaseRoute]:
    """Return the routes of the authorization server."""
    described = metadata(office.terms)
    endpoints = _Endpoints(edge, office)
    issue = endpoints.endpoint(endpoints.issue, require_grant)
    introspect = endpoints.endpoint(endpoints.introspect, _require_token)
    revoke = endpoints.endpoint(endpoints.revoke, _require_token)
    return [
        Route("/oauth/token", issue, methods=["POST"]),
        Route("/oauth/introspect", introspect, methods=["POST"]),
        Route("/oauth/revoke", revoke, methods=["POST"]),
        Route("/.well-known/oauth-authorization-server", _public_document(lambda: described), methods=["GET"]),
        Route("/.well-known/jwks.json", _public_document(read_public_keys), methods=["GET"]),
    ]
