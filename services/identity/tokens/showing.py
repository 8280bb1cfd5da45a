"""By what a client proves itself: exactly one method per request (RFC 6749 section 2.3, RFC 7521, RFC 8705)."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from services.identity.tokens.domain import invalid_client, invalid_request

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LONGEST_CLIENT_ID = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """What a request shows of its client. At most one of ``secret`` and ``assertion`` is given; else the certificate counts.

    ``client_id`` is None where only the assertion names the client. ``certificate`` is what it showed in the TLS handshake (PEM).
    """

    client_id: str | None
    secret: str | None = None
    assertion: str | None = None
    certificate: str | None = None


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


def read_shown(authorization: str | None, given: Mapping[str, str], certificate: str | None) -> Shown:
    """Return what a request shows of its client. ``certificate`` is URL-encoded PEM. Raises ``OAuthRefusal``."""
    pem = None if certificate is None else unquote(certificate)
    client_id = given.get("client_id")
    if client_id is not None and len(client_id) > _LONGEST_CLIENT_ID:
        raise invalid_client()
    has_assertion = "client_assertion" in given or "client_assertion_type" in given
    if (authorization is not None) + ("client_secret" in given) + has_assertion > 1:
        raise invalid_request("The client authenticates in two ways; use one.")
    if authorization is not None:
        return _read_basic(authorization, client_id, pem)
    if has_assertion:
        if given.get("client_assertion_type") != ASSERTION_TYPE or "client_assertion" not in given:
            raise invalid_request(f"Send a client_assertion with the client_assertion_type {ASSERTION_TYPE}.")
        return Shown(client_id, assertion=given["client_assertion"], certificate=pem)
    secret = given.get("client_secret")
    if client_id is None or (secret is None and pem is None):
        raise invalid_client()
    return Shown(client_id, secret=secret, certificate=pem)


def _read_basic(authorization: str, named: str | None, pem: str | None) -> Shown:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise invalid_client()
    try:
        client_id, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise invalid_client() from error
    if not colon or not client_id or not secret:
        raise invalid_client()
    # RFC 6749 section 2.3.1: both are form-encoded before they are joined.
    shown = Shown(unquote_plus(client_id), secret=unquote_plus(secret), certificate=pem)
    if len(shown.client_id or "") > _LONGEST_CLIENT_ID:
        raise invalid_client()
    if named is not None and named != shown.client_id:
        raise invalid_request("The client_id differs from the one in the Authorization header.")
    return shown
