"""What is true of token requests and access tokens: RFC 6749 section 4.4, RFC 9068, RFC 8414."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from services.identity.applications.domain import Application
from services.identity.client_keys.domain import ALGORITHMS
from services.identity.events import TokenRevoked

GRANT_TYPE = "client_credentials"
TOKEN_TYPE = "at+jwt"  # noqa: S105 - a type, not a token
SECRET_METHODS = ("client_secret_basic", "client_secret_post")
KEY_METHOD = "private_key_jwt"
CERTIFICATE_METHODS = ("tls_client_auth", "self_signed_tls_client_auth")
LONGEST_SCOPE = 1500
# RFC 6749 section 3.3, and what operations' ids hold besides.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*")
_LEFT_AS_IT_IS = "!#$&'()*+,/:;<=>?@[]^`{|}"


class OAuthRefusal(Exception):  # noqa: N818 - a refusal as OAuth 2.0 words it
    """A request is refused, in the words of RFC 6749 section 5.2."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


def invalid_request(description: str) -> OAuthRefusal:
    """Return the refusal of a request that is not well formed."""
    return OAuthRefusal("invalid_request", description)


def invalid_client() -> OAuthRefusal:
    """Return the refusal of a client that has not proved itself; it never says what of it is wrong."""
    return OAuthRefusal("invalid_client", "The client is not known, or what it shows is not its own.", 401)


def not_granted(word: str) -> OAuthRefusal:
    """Return the refusal of a scope that no subscription covers."""
    return OAuthRefusal("invalid_scope", f"The application is not subscribed to what this scope names: {word}")


def require_grant(given: Mapping[str, str]) -> None:
    """Refuse everything but the client credentials grant. Raises ``OAuthRefusal``."""
    if "grant_type" not in given:
        raise invalid_request("The parameter grant_type is missing.")
    if given["grant_type"] != GRANT_TYPE:
        raise OAuthRefusal("unsupported_grant_type", f"Only the grant type {GRANT_TYPE} is supported.")


def require_target(given: Mapping[str, str], audience: str) -> None:
    """Refuse a token for anything but the data plane (RFC 8707). Raises ``OAuthRefusal``."""
    for name in ("resource", "audience"):
        if given.get(name, audience) != audience:
            raise OAuthRefusal("invalid_target", f"Tokens are issued for {audience} alone: leave the parameter {name} out.")


def read_scope(given: Mapping[str, str]) -> tuple[str, ...] | None:
    """Return the words of the scope that is asked for, each once; None where none is. Raises ``OAuthRefusal``."""
    scope = given.get("scope")
    if scope is None:
        return None
    if len(scope) > LONGEST_SCOPE:
        raise OAuthRefusal(
            "invalid_scope", f"A scope has at most {LONGEST_SCOPE} characters: name products instead of operations."
        )
    if not _SCOPE.fullmatch(scope):
        raise OAuthRefusal("invalid_scope", "A scope is words with one space between them.")
    return tuple(dict.fromkeys(scope.split(" ")))


def scope_form(operation_id: str) -> str:
    """Return an operation's id as it stands in a scope: what RFC 6749 section 3.3 has no room for is percent-encoded."""
    return quote(operation_id, safe=_LEFT_AS_IT_IS)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a product's name in a scope stands for: whose product it is, and its published operations."""

    product_id: str
    provider_id: str
    is_open: bool
    operation_ids: Collection[str]


def covers(word: str, offers: Mapping[str, Offer], subscribed: Collection[str]) -> bool:
    """Say whether a word of a scope names a product that may be called (subscribed, or open to all), or an operation of one."""
    slug, colon, operation = word.partition(":")
    offer = offers.get(slug)
    if offer is None or not (offer.is_open or offer.product_id in subscribed):
        return False
    return not colon or any(scope_form(each) == operation for each in offer.operation_ids)


@dataclass(frozen=True, slots=True)
class Proof:
    """A client that has proved itself: which application, by which credential, and until when that credential lives.

    One of ``secret_id``, ``key_id`` and ``certificate_id`` is what it authenticated with. Where a certificate that is registered
    for it was shown as well, ``certificate_id`` and ``thumbprint`` (RFC 8705, ``x5t#S256``) bind its tokens to that one. Where a
    member tries an operation as the application, it is ``trial_id`` instead.
    """

    application: Application
    secret_id: str | None = None
    key_id: str | None = None
    certificate_id: str | None = None
    trial_id: str | None = None
    thumbprint: str | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """What differs per place: who issues, for whom, for how long; and the address for mutual TLS, where there is one."""

    issuer: str
    audience: str
    ttl: timedelta
    mtls_url: str = ""

    @property
    def own_names(self) -> frozenset[str]:
        """Return what a client's assertion may be addressed to (RFC 7523 section 3)."""
        bases = [self.issuer, *([self.mtls_url] if self.mtls_url else [])]
        return frozenset([self.issuer, *(f"{base}/oauth/{name}" for base in bases for name in ("token", "introspect", "revoke"))])


def token_claims(proof: Proof, terms: TokenTerms, scope: Sequence[str] | None, token_id: str, *, now: datetime) -> dict[str, Any]:
    """Return the claims of an access token, which lives no longer than what proved the client. Raises ``OAuthRefusal``."""
    issued_at = int(now.timestamp())
    expires_at = issued_at + int(terms.ttl.total_seconds())
    if proof.ends_at is not None:
        expires_at = min(expires_at, int(proof.ends_at.timestamp()))
    if expires_at <= issued_at:
        raise invalid_client()
    claims: dict[str, Any] = {
        "iss": terms.issuer,
        "sub": proof.application.client_id,
        "client_id": proof.application.client_id,
        "aud": terms.audience,
        "iat": issued_at,
        "exp": expires_at,
        "jti": token_id,
        "application_id": proof.application.id,
        "organization_id": proof.application.organization_id,
    }
    for name in ("secret_id", "key_id", "certificate_id", "trial_id"):
        if getattr(proof, name) is not None:
            claims[name] = getattr(proof, name)
    if proof.thumbprint is not None:
        claims["cnf"] = {"x5t#S256": proof.thumbprint}
    if scope is not None:
        claims["scope"] = " ".join(scope)
    return claims


def revoked(claims: Mapping[str, Any], expires_at: datetime) -> TokenRevoked:
    """Return the fact that a token is to be refused."""
    return TokenRevoked(
        token_id=claims["jti"],
        application_id=claims["application_id"],
        organization_id=claims["organization_id"],
        expires_at=expires_at,
    )


_SHOWN = ("iss", "sub", "client_id", "aud", "iat", "exp", "jti", "cnf", "application_id", "organization_id")


def introspected(claims: Mapping[str, Any], scope: Sequence[str] | None) -> dict[str, Any]:
    """Return what introspection says of a live token (RFC 7662 section 2.2), its scope as far as it concerns the one who asks."""
    shown = {name: claims[name] for name in _SHOWN if name in claims}
    if scope is not None:
        shown["scope"] = " ".join(scope)
    return {"active": True, "token_type": "Bearer", **shown}


INACTIVE = {"active": False}


def metadata(terms: TokenTerms) -> dict[str, Any]:
    """Return what the authorization server says of itself: RFC 8414, RFC 8705 section 5."""
    issuer, mtls_url = terms.issuer, terms.mtls_url
    endpoints = {f"{noun}_endpoint": f"/oauth/{path}" for noun, path in _ENDPOINTS.items()}
    methods = [*SECRET_METHODS, KEY_METHOD, *(CERTIFICATE_METHODS if mtls_url else ())]
    described: dict[str, Any] = {
        "issuer": issuer,
        **{name: issuer + path for name, path in endpoints.items()},
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "grant_types_supported": [GRANT_TYPE],
        "response_types_supported": [],
        "tls_client_certificate_bound_access_tokens": bool(mtls_url),
    }
    for noun in _ENDPOINTS:
        described[f"{noun}_endpoint_auth_methods_supported"] = methods
        described[f"{noun}_endpoint_auth_signing_alg_values_supported"] = list(ALGORITHMS)
    if mtls_url:
        described["mtls_endpoint_aliases"] = {name: mtls_url + path for name, path in endpoints.items()}
    return described


_ENDPOINTS = {"token": "token", "introspection": "introspect", "revocation": "revoke"}
