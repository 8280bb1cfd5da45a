"""Our own access tokens, read back (RFC 9068): exactly as ``token_claims`` writes them, or not at all."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, import_key

from services.identity.tokens.domain import TOKEN_TYPE, TokenTerms
from services.identity.tokens.written import NotReadable, is_signed_by, take_apart

ALGORITHMS = ("EdDSA", "Ed25519", "ES256")
_LONGEST = 4096
_LONGEST_ID = 256
_LONGEST_VALID_SECONDS = 600
_LEEWAY_SECONDS = 5
_HEADER_NAMES = {"alg", "typ", "kid"}
_TEXTS = ("jti", "client_id", "application_id", "organization_id")
_CREDENTIALS = ("secret_id", "key_id", "certificate_id", "trial_id")

_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")

Claims = dict[str, Any]


class TokenReader:
    """Reads access tokens that this server has issued, with the keys that are published now."""

    def __init__(self, read_public_keys: Callable[[], dict[str, Any]], terms: TokenTerms) -> None:
        self._read_public_keys = read_public_keys
        self._terms = terms

    def read(self, token: str, now: datetime) -> Claims | None:
        """Return the claims of a token of ours that has not expired, or None for anything else."""
        try:
            written = take_apart(token, _LONGEST)
        except NotReadable:
            return None
        header = written.header
        if header.keys() != _HEADER_NAMES or header["typ"] != TOKEN_TYPE or not isinstance(header["kid"], str):
            return None
        key = self._find(header["kid"])
        if key is None or not is_signed_by(written, key, ALGORITHMS):
            return None
        return written.claims if self._is_ours(written.claims, now.timestamp()) else None

    def _find(self, kid: str) -> OKPKey | ECKey | None:
        for jwk in self._read_public_keys()["keys"]:
            if jwk.get("kid") == kid:
                try:
                    key = import_key(jwk)
                except (JoseError, ValueError):
                    return None
                return key if isinstance(key, (OKPKey, ECKey)) else None
        return None

    def _is_ours(self, claims: Claims, now: float) -> bool:
        issued_at, expires_at, begins_at = claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)
        if type(issued_at) is not int or type(expires_at) is not int or type(begins_at) is not int:
            return False
        lives = issued_at >= 0 and 0 < expires_at - issued_at <= _LONGEST_VALID_SECONDS
        has_begun = max(issued_at, begins_at) <= now + _LEEWAY_SECONDS
        is_named = claims.get("iss") == self._terms.issuer and claims.get("aud") == self._terms.audience
        obtained_by = [claims[name] for name in _CREDENTIALS if name in claims]
        texts = [*(claims.get(name) for name in _TEXTS), *obtained_by]
        is_whole = bool(obtained_by) and all(isinstance(each, str) and 0 < len(each) <= _LONGEST_ID for each in texts)
        is_whole = is_whole and isinstance(claims.get("scope", ""), str) and ("cnf" not in claims or _is_binding(claims["cnf"]))
        is_of_its_client = claims.get("sub") == claims.get("client_id")
        return lives and has_begun and now < expires_at and is_named and is_whole and is_of_its_client


def _is_binding(confirmation: object) -> bool:
    """Say whether a token is bound to a certificate as we write it: RFC 8705 section 3.1."""
    if not isinstance(confirmation, dict) or confirmation.keys() != {"x5t#S256"}:
        return False
    return isinstance(confirmation["x5t#S256"], str) and bool(_THUMBPRINT.fullmatch(confirmation["x5t#S256"]))
