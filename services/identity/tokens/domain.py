"""What is true of token requests and access tokens: RFC 6749 section 4.4 and RFC 9068."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

from services.identity.applications.domain import Application, ClientSecret

GRANT_TYPE = "client_credentials"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - a type, not a token
AUTH_METHODS = ("client_secret_basic", "client_secret_post")


class OAuthRefusal(Exception):  # noqa: N818 - a refusal as OAuth 2.0 words it
    """A token request is refused, in the words of RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


def invalid_request(description: str) -> OAuthRefusal:
    """Return the refusal of a request that is not well formed."""
    return OAuthRefusal("invalid_request", description)


def invalid_client() -> OAuthRefusal:
    """Return the refusal of a client that is not known by this secret; it never says which of the two is wrong."""
    return OAuthRefusal("invalid_client", "The client is not known, or the secret is not its own.", 401)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client shows of itself."""

    client_id: str
    client_secret: str


def single_values(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return parameters by name; one sent without a value counts as not sent. Raises ``OAuthRefusal``."""
    given: dict[str, str] = {}
    seen: set[str] = set()
    for name, value in pairs:
        if name in seen:
            raise invalid_request("A parameter is sent more than once.")
        seen.add(name)
        if value:
            given[name] = value
    return given


def read_credentials(authorization: str | None, given: dict[str, str]) -> Credentials:
    """Return the client's credentials, shown in one way and not in two. Raises ``OAuthRefusal``."""
    if authorization is None:
        if "client_id" not in given or "client_secret" not in given:
            raise invalid_client()
        return Credentials(given["client_id"], given["client_secret"])
    if "client_secret" in given:
        raise invalid_request("The client authenticates in two ways; use one.")
    credentials = _read_basic(authorization)
    if given.get("client_id", credentials.client_id) != credentials.client_id:
        raise invalid_request("The client_id differs from the one in the Authorization header.")
    return credentials


def _read_basic(authorization: str) -> Credentials:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise invalid_client()
    try:
        client_id, colon, client_secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise invalid_client() from error
    if not colon:
        raise invalid_client()
    # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
    return Credentials(unquote_plus(client_id), unquote_plus(client_secret))


def require_grant(given: dict[str, str]) -> None:
    """Refuse everything but the client credentials grant without scopes. Raises ``OAuthRefusal``."""
    if "grant_type" not in given:
        raise invalid_request("The parameter grant_type is missing.")
    if given["grant_type"] != GRANT_TYPE:
        raise OAuthRefusal("unsupported_grant_type", f"Only the grant type {GRANT_TYPE} is supported.")
    if "scope" in given:
        raise OAuthRefusal("invalid_scope", "There are no scopes: what may be called follows from subscriptions.")


@dataclass(frozen=True, slots=True)
class Grant:
    """A client that has shown its secret."""

    application: Application
    secret: ClientSecret


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """What differs per place: who issues, for whom, for how long."""

    issuer: str
    audience: str
    ttl: timedelta


def token_claims(grant: Grant, terms: TokenTerms, token_id: str, now: datetime) -> dict[str, Any]:
    """Return the claims of an access token."""
    issued_at = int(now.timestamp())
    application = grant.application
    return {
        "iss": terms.issuer,
        "sub": application.client_id,
        "client_id": application.client_id,
        "aud": terms.audience,
        "iat": issued_at,
        "exp": issued_at + int(terms.ttl.total_seconds()),
        "jti": token_id,
        "application_id": application.id,
        "organization_id": application.organization_id,
        "secret_id": grant.secret.id,
    }


def metadata(issuer: str) -> dict[str, Any]:
    """Return what the authorization server says of itself: RFC 8414."""
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth/token",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "grant_types_supported": [GRANT_TYPE],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
    }
