"""Who stands behind a request: a program with a bearer token, a page with a session cookie, or a visitor.

A cookie travels with whatever a page sends, also a page of somebody else's. So a request that is authenticated by the cookie
must carry the session's CSRF token in a header, which a foreign page can neither read nor set, and must not come from
a foreign origin.
The token to compare with stands inside the HttpOnly cookie itself; a second cookie, which the page may read, repeats it.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import cookie_parser

from graphql_gateway.context import Context
from graphql_gateway.errors import CsrfTokenMissing, OriginNotAllowed

CSRF_HEADER = "portico-csrf"
_BETWEEN = "|"
_OUTSIDE_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows of its sender. ``csrf_token`` is set where a cookie carries the session."""

    token: str | None = None
    csrf_token: str | None = None

    @property
    def is_cookie(self) -> bool:
        """Say whether the browser added the credentials by itself."""
        return self.csrf_token is not None


class Cookies:
    """The two cookies of a page's session."""

    def __init__(self, *, is_secure: bool) -> None:
        # A name with this prefix can only be set by this very host over HTTPS.
        prefix = "__Host-" if is_secure else ""
        self.session_name = f"{prefix}portico_session"
        self.csrf_name = f"{prefix}portico_csrf"
        self.outside_name = f"{prefix}portico_outside"
        self._attributes = "; Path=/; SameSite=Lax" + ("; Secure" if is_secure else "")

    def kept(self, token: str, csrf_token: str, expires_at: str) -> list[str]:
        """Return the ``Set-Cookie`` values that begin a session."""
        seconds = max(0, int((datetime.fromisoformat(expires_at) - datetime.now(UTC)).total_seconds()))
        return [
            f"{self.session_name}={token}{_BETWEEN}{csrf_token}; Max-Age={seconds}; HttpOnly{self._attributes}",
            f"{self.csrf_name}={csrf_token}; Max-Age={seconds}{self._attributes}",
        ]

    def dropped(self) -> list[str]:
        """Return the ``Set-Cookie`` values that end a session."""
        return [
            f"{self.session_name}=; Max-Age=0; HttpOnly{self._attributes}",
            f"{self.csrf_name}=; Max-Age=0{self._attributes}",
        ]

    def bound(self, state: str) -> str:
        """Return the ``Set-Cookie`` value that binds the way to an outside provider, and back, to this browser."""
        return f"{self.outside_name}={state}; Max-Age={_OUTSIDE_SECONDS}; HttpOnly{self._attributes}"

    def unbound(self) -> str:
        """Return the ``Set-Cookie`` value that ends this."""
        return f"{self.outside_name}=; Max-Age=0; HttpOnly{self._attributes}"

    def is_bound(self, cookie_header: str, state: str) -> bool:
        """Say whether a ``Cookie`` header shows that this very browser has begun the way that comes back with this state."""
        kept = cookie_parser(cookie_header).get(self.outside_name, "")
        return bool(kept) and hmac.compare_digest(kept.encode(), state.encode())

    def session_in(self, cookie_header: str) -> Credentials:
        """Return the session that a ``Cookie`` header carries."""
        value = cookie_parser(cookie_header).get(self.session_name, "")
        token, mark, csrf_token = value.rpartition(_BETWEEN)
        return Credentials(token, csrf_token) if mark and token and csrf_token else Credentials()


class Doorkeeper:
    """Reads credentials, and sends away the requests that a foreign page could have made."""

    def __init__(self, cookies: Cookies, allowed_origins: tuple[str, ...] = ()) -> None:
        self.cookies = cookies
        self._allowed_origins = frozenset(allowed_origins)

    def credentials(self, headers: Mapping[str, str]) -> Credentials:
        """Return what the headers show; a bearer token counts before a cookie."""
        bearer = bearer_in(headers.get("authorization"))
        if bearer is not None:
            return Credentials(bearer)
        cookie = headers.get("cookie")
        return self.cookies.session_in(cookie) if cookie else Credentials()

    def check_origin(self, headers: Mapping[str, str]) -> None:
        """Raise ``OriginNotAllowed`` where a page of another origin asks that is not on the list."""
        origin = headers.get("origin")
        if origin is None or origin in self._allowed_origins:
            return
        host = urlsplit(origin).netloc.lower()
        if not host or host != headers.get("host", "").lower():
            raise OriginNotAllowed

    def check_page(self, credentials: Credentials, headers: Mapping[str, str], csrf_token: str | None) -> None:
        """Raise where a request with a cookie does not prove that its page may send it."""
        if not credentials.is_cookie:
            return
        self.check_origin(headers)
        expected = credentials.csrf_token or ""
        if csrf_token is None or not hmac.compare_digest(csrf_token.encode(), expected.encode()):
            raise CsrfTokenMissing


def bearer_in(header: str | None) -> str | None:
    """Return the bearer token of an ``Authorization`` header."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def signed_in(context: Context, asked: Mapping[str, Any], result: dict[str, Any]) -> None:
    """Go on as the one who signed in; where a cookie is wanted, the token travels in it and nowhere else.

    Where a second factor is still to be given, there is no session yet.
    """
    if result.get("token") is None:
        return
    context.token = result["token"]
    if asked.get("cookie") and context.cookies is not None:
        context.set_cookies += context.cookies.kept(result["token"], result["csrf_token"], result["expires_at"])
        result["token"] = None


def begun_outside(context: Context, _asked: Mapping[str, Any], result: dict[str, Any]) -> None:
    """Bind the way to an outside provider to this browser, so that nobody can send somebody else back along it."""
    if context.cookies is not None:
        context.set_cookies.append(context.cookies.bound(result["state"]))


def signed_out(context: Context, _asked: Mapping[str, Any], _result: dict[str, Any]) -> None:
    """Go on as a visitor."""
    context.token = None
    if context.cookies is not None:
        context.set_cookies += context.cookies.dropped()
