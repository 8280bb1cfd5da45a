"""Asking a provider: discovery, the authorization address, the exchange of the code (OpenID Connect Core and Discovery 1.0).

Every answer is bounded in time and size, no redirect is followed, and nothing is asked while a transaction is open.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
from authlib.oauth2.auth import ClientAuth  # type: ignore[import-untyped]
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from authlib.oidc.discovery import get_well_known_url  # type: ignore[import-untyped]
from joserfc.jwk import KeySet

from chassis.mongo import is_in_transaction
from chassis.telemetry import log
from services.identity.openid.domain import ProviderAnswerNotAccepted, ProviderDown, Vouched
from services.identity.openid.id_tokens import KeyNotKnown, read_keys, verify_id_token
from services.identity.openid.providers import Provider

CALLBACK = "/sign-in/openid/callback"
"""The gateway's page that browsers come back to."""
CALL_SECONDS = 5.0
LARGEST_ANSWER = 256 * 1024
KEPT_SECONDS = 600.0
KEYS_ASKED_AGAIN_SECONDS = 30.0
_AUTHENTICATIONS = ("client_secret_basic", "client_secret_post")
_log = log("identity.openid")


@dataclass(frozen=True, slots=True)
class Told:
    """What a browser brings back from a provider; ``issuer`` is the parameter ``iss`` (RFC 9207)."""

    code: str
    issuer: str | None = None


@dataclass(frozen=True, slots=True)
class Secrets:
    """What binds an exchange to its beginning: the nonce of the ID token, and the verifier of PKCE (RFC 7636)."""

    nonce: str
    verifier: str


@dataclass(slots=True)
class _Known:
    """What is kept of a provider for a while."""

    metadata: dict[str, Any]
    keys: KeySet
    asked_at: float
    keys_asked_at: float


class ProviderClient:
    """Speaks with providers as their client; ``callback`` is the address that browsers come back to."""

    def __init__(self, callback: str, *, now: Callable[[], float] = time.time, call_seconds: float = CALL_SECONDS) -> None:
        self._callback = callback
        self._now = now
        self._call_seconds = call_seconds
        self._known: dict[str, _Known] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._http = httpx.AsyncClient(timeout=call_seconds, follow_redirects=False)

    async def start(self) -> None:
        """Nothing is asked before somebody wants to sign in."""

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def authorization_address(self, provider: Provider, state: str, secrets: Secrets) -> str:
        """Return where a browser is sent to. Raises ``ProviderDown`` or ``ProviderAnswerNotAccepted``."""
        known = await self._about(provider)
        address: str = prepare_grant_uri(
            known.metadata["authorization_endpoint"],
            client_id=provider.client_id,
            response_type="code",
            redirect_uri=self._callback,
            scope=" ".join(provider.scopes),
            state=state,
            nonce=secrets.nonce,
            code_challenge=create_s256_code_challenge(secrets.verifier),
            code_challenge_method="S256",
        )
        return address

    async def exchange(self, provider: Provider, told: Told, secrets: Secrets) -> Vouched:
        """Return whom a code stands for. Raises ``ProviderDown`` or ``ProviderAnswerNotAccepted``."""
        known = await self._about(provider)
        _check_issuer(known.metadata, told.issuer)
        tokens = await self._tokens(provider, known.metadata, told.code, secrets.verifier)
        claims = await self._verified(provider, tokens.get("id_token"), secrets.nonce)
        if "email" not in claims and known.metadata.get("userinfo_endpoint") and isinstance(tokens.get("access_token"), str):
            more = await self._user_info(known.metadata["userinfo_endpoint"], tokens["access_token"])
            if more.get("sub") != claims["sub"]:
                raise ProviderAnswerNotAccepted
            claims = {**more, **claims}
        return _vouched(provider.issuer, claims)

    async def _verified(self, provider: Provider, id_token: object, nonce: str) -> dict[str, Any]:
        expected = {"issuer": provider.issuer, "client_id": provider.client_id, "nonce": nonce}
        known = await self._about(provider)
        try:
            return verify_id_token(id_token, known.keys, **expected, now=int(self._now()))
        except KeyNotKnown:
            # The provider may have another key since: ask once, and not at everybody's bidding.
            if self._now() - known.keys_asked_at < KEYS_ASKED_AGAIN_SECONDS:
                raise
            known.keys_asked_at = self._now()
            known.keys = read_keys(await self._get(known.metadata["jwks_uri"]))
            return verify_id_token(id_token, known.keys, **expected, now=int(self._now()))

    async def _about(self, provider: Provider) -> _Known:
        """Return what the provider says of itself, asked for at most every ten minutes, and once for all who wait."""
        async with self._locks.setdefault(provider.name, asyncio.Lock()):
            known = self._known.get(provider.name)
            if known is None or self._now() - known.asked_at > KEPT_SECONDS:
                metadata = _read_metadata(await self._get(get_well_known_url(provider.issuer, external=True)), provider)
                keys = read_keys(await self._get(metadata["jwks_uri"]))
                known = self._known[provider.name] = _Known(metadata, keys, self._now(), self._now())
            return known

    async def _tokens(self, provider: Provider, metadata: Mapping[str, Any], code: str, verifier: str) -> dict[str, Any]:
        body = prepare_token_request("authorization_code", redirect_uri=self._callback, code=code, code_verifier=verifier)
        secret = provider.client_secret.get_secret_value()
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        authentication = ClientAuth(provider.client_id, secret, _authentication(metadata) if secret else "none")
        address, headers, body = authentication.prepare("POST", metadata["token_endpoint"], headers, body)
        return await self._ask("POST", address, {str(key): str(value) for key, value in headers.items()}, body)

    async def _user_info(self, address: str, access_token: str) -> dict[str, Any]:
        return await self._ask("GET", address, {"authorization": f"Bearer {access_token}", "accept": "application/json"})

    async def _get(self, address: str) -> dict[str, Any]:
        return await self._ask("GET", address, {"accept": "application/json"})

    async def _ask(self, method: str, address: str, headers: Mapping[str, str], body: str | None = None) -> dict[str, Any]:
        """Return the object that a provider answers. Raises ``ProviderDown`` or ``ProviderAnswerNotAccepted``."""
        assert not is_in_transaction(), "no call may be made while a transaction is open"
        try:
            stream = self._http.stream(method, address, headers=dict(headers), content=body)
            async with asyncio.timeout(self._call_seconds), stream as response:
                status, content = response.status_code, await _bounded(response)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as error:
            _log.warning("an OpenID provider does not answer", host=urlsplit(address).netloc, reason=type(error).__name__)
            raise ProviderDown from error
        if status >= 500 or status == 429:
            _log.warning("an OpenID provider fails", host=urlsplit(address).netloc, status=status)
            raise ProviderDown
        try:
            document = orjson.loads(content)
        except orjson.JSONDecodeError:
            document = None
        if status != 200 or not isinstance(document, dict):
            reason = document.get("error") if isinstance(document, dict) else None
            _log.warning("an OpenID provider refuses", host=urlsplit(address).netloc, status=status, reason=str(reason)[:100])
            raise ProviderAnswerNotAccepted
        return document


async def _bounded(response: httpx.Response) -> bytes:
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > LARGEST_ANSWER:
            raise ProviderAnswerNotAccepted("The provider's answer is too large.")
    return bytes(content)


def _read_metadata(document: dict[str, Any], provider: Provider) -> dict[str, Any]:
    """Check what a provider says of itself: it is this issuer, and its addresses are as safe as the issuer's own."""
    if document.get("issuer") != provider.issuer:
        raise ProviderAnswerNotAccepted("The provider's metadata is not of the issuer that is set here.")
    allowed = ("https",) if urlsplit(provider.issuer).scheme == "https" else ("https", "http")
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
        address = document.get(name)
        if address is None and name == "userinfo_endpoint":
            continue
        if not isinstance(address, str) or urlsplit(address).scheme not in allowed or not urlsplit(address).netloc:
            raise ProviderAnswerNotAccepted(f"The provider's metadata has no usable {name}.")
    return document


def _check_issuer(metadata: Mapping[str, Any], issuer: str | None) -> None:
    """Refuse an answer of another provider than the one that was asked (RFC 9207)."""
    is_announced = metadata.get("authorization_response_iss_parameter_supported") is True
    if issuer != metadata["issuer"] and (issuer is not None or is_announced):
        raise ProviderAnswerNotAccepted


def _authentication(metadata: Mapping[str, Any]) -> str:
    supported = metadata.get("token_endpoint_auth_methods_supported") or _AUTHENTICATIONS
    return next((each for each in _AUTHENTICATIONS if each in supported), _AUTHENTICATIONS[0])


def _vouched(issuer: str, claims: Mapping[str, Any]) -> Vouched:
    email, name = claims.get("email"), claims.get("name")
    is_verified = claims.get("email_verified") in (True, "true")
    return Vouched(
        issuer=issuer,
        subject=claims["sub"],
        email=email if is_verified and isinstance(email, str) else None,
        name=name if isinstance(name, str) else None,
    )
