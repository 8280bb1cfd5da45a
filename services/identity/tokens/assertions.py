"""Client assertions (RFC 7523, ``private_key_jwt``): a short-lived statement that a client signs with its own key, used once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.identity.client_keys.domain import ClientKey
from services.identity.tokens.domain import TokenTerms, invalid_client
from services.identity.tokens.written import NotReadable, Written, is_signed_by, take_apart

LONGEST_AHEAD = timedelta(minutes=5)
LEEWAY = timedelta(seconds=10)
_LONGEST = 8192
_LONGEST_ID = 256
# Types under which libraries sign assertions; any other one was signed for another purpose.
_TYPES = frozenset({None, "JWT", "client-authentication+jwt"})
# Nothing that a header offers takes the place of a registered key, and nothing in it may change how it is read.
_REFUSED = frozenset({"crit", "b64", "jwk", "jku", "x5c", "x5u", "zip", "enc"})


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an assertion claims, before its signature is verified."""

    written: Written
    client_id: str
    id: str
    expires_at: datetime


def read_assertion(text: str, named: str | None, terms: TokenTerms, now: datetime) -> Assertion:
    """Return what an assertion claims of a client. ``named`` is the parameter client_id. Raises ``OAuthRefusal``."""
    try:
        written = take_apart(text, _LONGEST)
    except NotReadable:
        raise invalid_client() from None
    header, claims = written.header, written.claims
    kind = header.get("typ")
    if not (kind is None or isinstance(kind, str)) or kind not in _TYPES or _REFUSED & header.keys():
        raise invalid_client()
    client_id, assertion_id = claims.get("sub"), claims.get("jti")
    if not _is_id(client_id) or not _is_id(assertion_id) or claims.get("iss") != client_id or client_id != (named or client_id):
        raise invalid_client()
    if not _is_addressed(claims.get("aud"), terms):
        raise invalid_client()
    return Assertion(written, str(client_id), str(assertion_id), _read_times(claims, now))


def claimed_client(text: str) -> str:
    """Return whom an assertion says that it comes from, unverified (to count wrong ones by); an empty text where nobody."""
    try:
        client_id = take_apart(text, _LONGEST).claims.get("sub")
    except NotReadable:
        return ""
    return client_id[:_LONGEST_ID] if isinstance(client_id, str) else ""


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_ID


def _is_addressed(audience: object, terms: TokenTerms) -> bool:
    """Say whether this server is the only one that an assertion is for: a second audience could use it, too."""
    if isinstance(audience, list):
        return len(audience) == 1 and isinstance(audience[0], str) and audience[0] in terms.own_names
    return isinstance(audience, str) and audience in terms.own_names


def _read_times(claims: dict[str, Any], now: datetime) -> datetime:
    ends = claims.get("exp")
    begins = [claims[name] for name in ("iat", "nbf") if name in claims]
    if not all(type(each) in (int, float) for each in (ends, *begins)):
        raise invalid_client()
    try:
        expires_at = datetime.fromtimestamp(float(ends), UTC)  # type: ignore[arg-type]  # it is a number
        latest = max((datetime.fromtimestamp(float(each), UTC) for each in begins), default=now)
    except (OverflowError, ValueError, OSError):
        raise invalid_client() from None
    if not now - LEEWAY < expires_at <= now + LONGEST_AHEAD + LEEWAY or latest > now + LEEWAY:
        raise invalid_client()
    return expires_at


def key_that_signed(assertion: Assertion, keys: Iterable[ClientKey]) -> ClientKey | None:
    """Return which of a client's keys has signed its assertion."""
    kid = assertion.written.header.get("kid")
    for each in keys:
        is_meant = kid is None or kid in (each.key.kid, each.key.thumbprint)
        if is_meant and is_signed_by(assertion.written, each.key.to_verify_with(), each.key.algorithms):
            return each
    return None
