"""Where a browser comes back to from an outside OpenID provider, and where it gives the second factor that may be needed then.

Both are part of signing in, so they are there in production as in development. What a browser is sent on with stands behind
``#``, which it tells nobody.
"""

import html
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from graphql_gateway.auth import Doorkeeper, signed_in
from graphql_gateway.clients.identity import PassportNotIssued, SessionEnded
from graphql_gateway.context import Context, Desk
from graphql_gateway.endpoint import address_of, user_agent_in
from graphql_gateway.engine.declare import Do
from graphql_gateway.engine.failures import Failure
from graphql_gateway.pages.page import Page

CALLBACK = "/sign-in/openid/callback"
SECOND_FACTOR = "/sign-in/second-factor"
_FINISH = Do("identity", "finish_open_id_sign_in", keeps=("cookie",), adds=("network_address", "user_agent"), then=signed_in)
_LONGEST = {"state": 200, "code": 4000, "issuer": 500}
_REFUSED = "The provider did not sign you in. Begin anew, or sign in another way."
_ELSEWHERE = "This sign-in was not begun in this browser, or too long ago. Begin anew."


class _Callback:
    def __init__(self, desk: Desk, door: Doorkeeper) -> None:
        self._desk = desk
        self._door = door
        self._page = Page("outside.html")

    async def respond(self, request: Request) -> Response:
        """Finish what was begun with the provider, and send the browser on."""
        try:
            told = {name: request.query_params.get(name) for name in ("state", "code", "iss", "error")}
        except UnicodeDecodeError:
            return self._problem(_ELSEWHERE, 400)
        state = told["state"] or ""
        # A page of somebody else's can send a browser here, but not with a state that this browser has begun.
        if not self._door.cookies.is_bound(request.headers.get("cookie", ""), state):
            return self._problem(_ELSEWHERE, 400)
        if told["error"] is not None or not told["code"]:
            return self._problem(_REFUSED, 400)
        given = {"state": state, "code": told["code"], "issuer": told["iss"]}
        if any(len(value or "") > _LONGEST[name] for name, value in given.items()):
            return self._problem(_REFUSED, 400)
        context = await self._context(request)
        result = await context.do(_FINISH, {**given, "cookie": True}, "finishOpenIdSignIn")
        if isinstance(result, Failure):
            return self._problem(result.message, 503 if result.retry_after_seconds is not None else 400, context)
        return self._go_on(result, context)

    async def _context(self, request: Request) -> Context:
        """Return on whose behalf it is finished: whoever links is signed in; whoever signs in may be nobody yet."""
        credentials = self._door.cookies.session_in(request.headers.get("cookie", ""))
        context = Context(
            self._desk,
            credentials.token,
            self._door.cookies,
            network_address=address_of(request.scope),
            user_agent=user_agent_in(request.headers),
        )
        try:
            await context.headers()
        except SessionEnded:
            context.token = None
        except PassportNotIssued:
            pass  # what follows says so
        return context

    def _go_on(self, result: dict[str, Any], context: Context) -> Response:
        target = str(result.get("return_to") or "/")
        if result.get("kind") == "SecondFactorNeeded":
            more = {"challenge": result["challenge"], "methods": ",".join(result["methods"]), "returnTo": target}
            if result.get("passkey_options"):
                more["passkeyOptions"] = result["passkey_options"]
            target = f"{SECOND_FACTOR}#{urlencode(more)}"
        return self._with_cookies(RedirectResponse(target, 303), context)

    def _problem(self, message: str, status: int, context: Context | None = None) -> Response:
        response = self._page.response({"message": html.escape(message)})
        response.status_code = status
        return self._with_cookies(response, context)

    def _with_cookies(self, response: Response, context: Context | None) -> Response:
        for cookie in [*(context.set_cookies if context else []), self._door.cookies.unbound()]:
            response.headers.append("set-cookie", cookie)
        # Neither the code nor the state in this address is told to whatever page comes next.
        response.headers["cache-control"] = "no-store"
        response.headers["referrer-policy"] = "no-referrer"
        return response


def outside_routes(desk: Desk, door: Doorkeeper) -> list[BaseRoute]:
    """Return the routes of both pages."""
    second_factor = Page("second-factor.html")

    async def ask_second_factor(_request: Request) -> Response:
        return second_factor.response()

    return [
        Route(CALLBACK, _Callback(desk, door).respond, methods=["GET"]),
        Route(SECOND_FACTOR, ask_second_factor, methods=["GET"]),
    ]
