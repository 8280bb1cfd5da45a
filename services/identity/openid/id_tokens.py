"""Whether an ID token proves what it says (OpenID Connect Core 1.0, section 3.1.3.7)."""

import hmac
import warnings
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.identity.openid.domain import ProviderAnswerNotAccepted

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Only signatures: a token that is not signed, or signed with a secret that others know, proves nothing."""
_KEY_TYPES = ("RSA", "EC", "OKP")
_LEEWAY_SECONDS = 60
_LONGEST_SUBJECT = 255


class KeyNotKnown(ProviderAnswerNotAccepted):
    """What the provider answered is signed with a key that it does not publish."""


class _NamedAlgorithms(jws.JWSRegistry):
    """Takes the algorithm named; joserfc warns of ``EdDSA``, the name that many providers know Ed25519 by."""

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise ProviderAnswerNotAccepted("The provider's ID token is not signed with an algorithm that is accepted.")
        return self.algorithms[name]


def read_keys(document: object) -> KeySet:
    """Return a provider's published keys, those that can verify a signature. Raises ``ProviderAnswerNotAccepted``."""
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise ProviderAnswerNotAccepted("The provider publishes no keys.")
    usable = []
    for each in listed:
        if isinstance(each, dict) and each.get("kty") in _KEY_TYPES and each.get("use", "sig") == "sig":
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of a weak key of others; whether they sign with it is another question
                    KeySet.import_key_set({"keys": [each]})
            except (JoseError, ValueError, TypeError, KeyError):
                continue  # a key of a kind that is not known here
            usable.append(each)
    if not usable:
        raise ProviderAnswerNotAccepted("The provider publishes no keys that are usable here.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return KeySet.import_key_set({"keys": usable})


def verify_id_token(text: object, keys: KeySet, *, issuer: str, client_id: str, nonce: str, now: int) -> dict[str, Any]:
    """Return the claims of an ID token that this issuer made for this client and this very sign-in.

    Raises ``KeyNotKnown`` or ``ProviderAnswerNotAccepted``.
    """
    if not isinstance(text, str):
        raise ProviderAnswerNotAccepted("The provider gave no ID token.")
    claims = _signed_claims(text, keys)
    try:
        jwt.JWTClaimsRegistry(
            now=lambda: now,
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True},
        ).validate(claims)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ProviderAnswerNotAccepted from error
    _check_more(claims, client_id, nonce)
    return claims


def _signed_claims(text: str, keys: KeySet) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as above
            token = jwt.decode(text, keys, registry=_NamedAlgorithms(algorithms=list(ALGORITHMS)))
    except ProviderAnswerNotAccepted:
        raise
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise KeyNotKnown from error
    if not isinstance(token.claims, dict):
        raise ProviderAnswerNotAccepted
    return token.claims


def _check_more(claims: dict[str, Any], client_id: str, nonce: str) -> None:
    """Check what a registry of claims does not: the nonce in constant time, and for whom a token with several audiences is."""
    audience, party, subject = claims["aud"], claims.get("azp"), claims["sub"]
    is_for_us = party == client_id if party is not None else not isinstance(audience, list) or audience == [client_id]
    is_this_one = isinstance(claims["nonce"], str) and hmac.compare_digest(claims["nonce"].encode(), nonce.encode())
    is_somebody = isinstance(subject, str) and 0 < len(subject) <= _LONGEST_SUBJECT
    if not (is_for_us and is_this_one and is_somebody):
        raise ProviderAnswerNotAccepted
