"""Access tokens (RFC 9068): verified once, remembered by their digest until they expire.

Only the algorithms named here are accepted, only keys of our own key file, and nothing that a token's header offers instead.
"""

import base64
import binascii
import hashlib
from pathlib import Path
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, KeySet, OKPKey

from chassis.telemetry import log
from services.enforcement.checks.domain import Credentials, Rejected, TokenExpired, TokenInvalid, TokenMissing

ALGORITHMS = ("EdDSA", "Ed25519", "ES256")
_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_HEADER_NAMES = frozenset({"alg", "typ", "kid"})
_LONGEST_TOKEN = 4096
_LARGEST_CACHE = 20_000
_LEEWAY_SECONDS = 5
_MISSING = Rejected(TokenMissing)
_NOT_BEARER = Rejected(TokenMissing, "The Authorization header does not carry a bearer token.")
_EXPIRED = Rejected(TokenExpired)
_log = log("enforcement.tokens")


class _OurAlgorithms(jws.JWSRegistry):
    """Verifies with the algorithms named above alone, ``EdDSA`` included: the name that is widely used for Ed25519."""

    def get_alg(self, name: str) -> Any:
        if name not in ALGORITHMS:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


_REGISTRY = _OurAlgorithms(algorithms=list(ALGORITHMS))


class Keys:
    """The public keys that tokens are signed with, from a JWKS file that may change while the program runs."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._keys: dict[str, OKPKey | ECKey] = {}

    def refresh(self) -> bool:
        """Read the file again where it has changed; say whether it had."""
        try:
            state = self._path.stat()
            seen = (state.st_mtime_ns, state.st_ino)
            if seen == self._seen:
                return False
            keys = KeySet.import_key_set(orjson.loads(self._path.read_bytes())).keys
        except (OSError, ValueError, JoseError) as error:
            _log.warning("the token keys cannot be read; the known ones stay", path=str(self._path), reason=str(error))
            return False
        self._keys = {key.kid: key for key in keys if isinstance(key, (OKPKey, ECKey)) and key.kid}
        self._seen = seen
        return True

    def find(self, kid: str) -> OKPKey | ECKey | None:
        """Return the key with this id."""
        return self._keys.get(kid)

    def __len__(self) -> int:
        return len(self._keys)


class Tokens:
    """Reads ``Authorization`` headers; a token that was verified is not verified again."""

    def __init__(self, keys: Keys, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._known: dict[bytes, Credentials] = {}

    def refresh(self) -> None:
        """Look whether the keys have changed, and if so trust only what they still confirm."""
        if self._keys.refresh():
            self._known.clear()

    def read(self, authorization: bytes | None, now: float) -> Credentials | Rejected:
        """Return what the header's token says, or why it cannot be used. ``now`` is in seconds since 1970."""
        if not authorization:
            return _MISSING
        digest = hashlib.blake2b(authorization, digest_size=16).digest()
        known = self._known.get(digest)
        if known is None:
            read = self._verify(authorization, now)
            if isinstance(read, Rejected):
                return read
            self._remember(digest, read, now)
            return read
        if now >= known.expires_at:
            del self._known[digest]
            return _EXPIRED
        return known

    def _remember(self, digest: bytes, credentials: Credentials, now: float) -> None:
        if len(self._known) >= _LARGEST_CACHE:
            self._known = {key: each for key, each in self._known.items() if each.expires_at > now}
            while len(self._known) >= _LARGEST_CACHE:
                del self._known[next(iter(self._known))]
        self._known[digest] = credentials

    def _verify(self, authorization: bytes, now: float) -> Credentials | Rejected:
        scheme, _, token = authorization.partition(b" ")
        token = token.strip()
        if scheme.lower() != b"bearer" or not token:
            return _NOT_BEARER
        if len(token) > _LONGEST_TOKEN:
            return Rejected(TokenInvalid, f"The token is longer than {_LONGEST_TOKEN} bytes.")
        key = self._key_for(token)
        if isinstance(key, Rejected):
            return key
        try:
            claims = orjson.loads(jws.deserialize_compact(token, key, registry=_REGISTRY).payload)
        except (JoseError, ValueError, TypeError):
            return Rejected(TokenInvalid, "The token's signature does not hold.")
        return self._judge(claims, now)

    def _key_for(self, token: bytes) -> OKPKey | ECKey | Rejected:
        try:
            header = orjson.loads(_decode(token.partition(b".")[0]))
        except ValueError:
            return Rejected(TokenInvalid, "This is not a JSON Web Token.")
        if not isinstance(header, dict) or header.get("alg") not in ALGORITHMS:
            return Rejected(TokenInvalid, "The token is not signed with an accepted algorithm.")
        if str(header.get("typ", "")).lower() not in _TYPES:
            return Rejected(TokenInvalid, "The token is not an access token (type at+jwt).")
        if not header.keys() <= _HEADER_NAMES:
            return Rejected(TokenInvalid, "The token's header carries what an access token of ours does not.")
        key = self._keys.find(str(header.get("kid", "")))
        if key is None and self._keys.refresh():
            key = self._keys.find(str(header.get("kid", "")))
        return key or Rejected(TokenInvalid, "The token is signed with an unknown key.")

    def _judge(self, claims: Any, now: float) -> Credentials | Rejected:
        if not isinstance(claims, dict) or claims.get("iss") != self._issuer:
            return Rejected(TokenInvalid, "The token was issued by someone else.")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            return Rejected(TokenInvalid, "The token was issued for something else.")
        expires_at = _number(claims.get("exp"))
        if expires_at is None:
            return Rejected(TokenInvalid, "The token does not say when it expires.")
        if now >= expires_at:
            return _EXPIRED
        if (_number(claims.get("nbf", 0)) or 0) > now + _LEEWAY_SECONDS:
            return Rejected(TokenInvalid, "The token is not valid yet.")
        return _credentials(claims, expires_at)


def _credentials(claims: dict[str, Any], expires_at: float) -> Credentials | Rejected:
    client_id, secret_id = claims.get("client_id"), claims.get("secret_id")
    if not isinstance(client_id, str) or not isinstance(secret_id, str):
        return Rejected(TokenInvalid, "The token does not say which application it was issued to.")
    return Credentials(client_id, secret_id, expires_at)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _decode(part: bytes) -> bytes:
    try:
        return base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
