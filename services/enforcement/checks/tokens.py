"""Access tokens (RFC 9068): verified once, remembered by their digest until they expire.

Only the algorithms named here are accepted, only keys of our own key file, and nothing that a token's header offers instead.
Since one server issues them all, a token is held to exactly the form in which that server writes them: every claim of the right
kind, no member twice, no other spelling of the same bytes.
"""

import base64
import binascii
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, KeySet, OKPKey

from chassis.telemetry import log
from services.enforcement.checks.case import Credentials, Rejected
from services.enforcement.checks.refusals import TokenExpired, TokenInvalid, TokenMissing

ALGORITHMS = ("EdDSA", "Ed25519", "ES256")
_TYPE = "at+jwt"
_HEADER_NAMES = {"alg", "typ", "kid"}
_CREDENTIALS = ("secret_id", "key_id", "certificate_id", "trial_id")
_LONGEST_TOKEN = 4096
_LARGEST_CACHE = 20_000
_LONGEST_ID = 256
_LONGEST_VALID_SECONDS = 600
_LEEWAY_SECONDS = 5
_SHA256_BYTES = 32
_MISSING = Rejected(TokenMissing)
_NOT_BEARER = Rejected(TokenMissing, "The Authorization header does not carry a bearer token.")
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
        self._ends: dict[str, float] = {}

    def refresh(self) -> bool:
        """Read the file again where it has changed; say whether it had."""
        try:
            state = self._path.stat()
            seen = (state.st_mtime_ns, state.st_ino)
            if seen == self._seen:
                return False
            published = orjson.loads(self._path.read_bytes())["keys"]
            keys = KeySet.import_key_set({"keys": published}).keys
            ends = {each["kid"]: float(each["exp"]) for each in published if "exp" in each and "kid" in each}
        except (OSError, ValueError, KeyError, TypeError, JoseError) as error:
            _log.warning("the token keys cannot be read; the known ones stay", path=str(self._path), reason=str(error))
            return False
        self._keys = {key.kid: key for key in keys if isinstance(key, (OKPKey, ECKey)) and key.kid}
        self._ends = ends
        self._seen = seen
        return True

    def find(self, kid: str) -> OKPKey | ECKey | None:
        """Return the key with this id, unless everything that it signed has expired."""
        if self._ends.get(kid, float("inf")) <= time.time():
            return None
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
            return Rejected(TokenExpired, client_id=known.client_id)
        return known

    def _remember(self, digest: bytes, credentials: Credentials, now: float) -> None:
        if len(self._known) >= _LARGEST_CACHE:
            self._known = {key: each for key, each in self._known.items() if each.expires_at > now}
            while len(self._known) >= _LARGEST_CACHE:
                del self._known[next(iter(self._known))]
        self._known[digest] = credentials

    def _verify(self, authorization: bytes, now: float) -> Credentials | Rejected:  # noqa: PLR0911 - each refusal says why
        scheme, _, token = authorization.partition(b" ")
        token = token.strip(b" ")
        if scheme.lower() != b"bearer" or not token:
            return _NOT_BEARER
        if len(token) > _LONGEST_TOKEN:
            return Rejected(TokenInvalid, f"The token is longer than {_LONGEST_TOKEN} bytes.")
        try:
            header, claims, signature = (_decode(part) for part in token.split(b"."))
        except ValueError:
            return Rejected(TokenInvalid, "This is not a JSON Web Token.")
        key = self._key_for(header)
        if isinstance(key, Rejected):
            return key
        if not signature or not _holds(token, key):
            return Rejected(TokenInvalid, "The token's signature does not hold.")
        try:
            return self._judge(_read_object(claims), now)
        except ValueError:
            return Rejected(TokenInvalid, "The token's claims cannot be read.")

    def _key_for(self, encoded: bytes) -> OKPKey | ECKey | Rejected:
        try:
            header = _read_object(encoded)
        except ValueError:
            return Rejected(TokenInvalid, "This is not a JSON Web Token.")
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            return Rejected(TokenInvalid, "The token is not signed with an accepted algorithm.")
        if header.get("typ") != _TYPE:
            return Rejected(TokenInvalid, "The token is not an access token (type at+jwt).")
        if header.keys() != _HEADER_NAMES or not isinstance(kid, str):
            return Rejected(TokenInvalid, "The token's header is not that of an access token of ours.")
        key = self._keys.find(kid)
        if key is None:
            self.refresh()
            key = self._keys.find(kid)
        return key or Rejected(TokenInvalid, "The token is signed with an unknown key.")

    def _judge(self, claims: dict[str, Any], now: float) -> Credentials | Rejected:  # noqa: PLR0911 - the same
        if claims.get("iss") != self._issuer:
            return Rejected(TokenInvalid, "The token was issued by someone else.")
        if claims.get("aud") != self._audience:
            return Rejected(TokenInvalid, "The token was issued for something else.")
        issued_at, expires_at, begins_at = claims.get("iat"), claims.get("exp"), claims.get("nbf", 0)
        if type(issued_at) is not int or type(expires_at) is not int or type(begins_at) is not int:
            return Rejected(TokenInvalid, "The token does not say in whole seconds when it was issued and when it expires.")
        if issued_at < 0 or not 0 < expires_at - issued_at <= _LONGEST_VALID_SECONDS:
            return Rejected(TokenInvalid, "The token is valid for longer than any of ours, or for no time at all.")
        if now >= expires_at:
            client_id = claims.get("client_id")
            return Rejected(TokenExpired, client_id=client_id if isinstance(client_id, str) else None)
        if max(issued_at, begins_at) > now + _LEEWAY_SECONDS:
            return Rejected(TokenInvalid, "The token is not valid yet.")
        return _credentials(claims, float(expires_at))


def _holds(token: bytes, key: OKPKey | ECKey) -> bool:
    try:
        jws.deserialize_compact(token, key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError):
        return False
    return True


def _credentials(claims: dict[str, Any], expires_at: float) -> Credentials | Rejected:
    client_id, token_id, secret_id = claims.get("client_id"), claims.get("jti"), claims.get("secret_id")
    obtained_by = [claims[name] for name in _CREDENTIALS if name in claims]
    if not all(_is_id(each) for each in (client_id, token_id, *obtained_by)) or not obtained_by:
        return Rejected(TokenInvalid, "The token does not say which application it was issued to, and for which credential.")
    if claims.get("sub") != client_id:
        return Rejected(TokenInvalid, "The token's subject is not the application that it was issued to.")
    scope = claims.get("scope")
    try:
        thumbprint = _thumbprint(claims["cnf"]) if "cnf" in claims else None
    except ValueError:
        return Rejected(TokenInvalid, "The token is bound to something else than a certificate.")
    if "scope" in claims and not isinstance(scope, str):
        return Rejected(TokenInvalid, "The token's scope cannot be read.")
    granted = None if scope is None else frozenset(scope.split(" "))
    return Credentials(str(client_id), secret_id, expires_at, (*obtained_by, str(token_id)), granted, thumbprint)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_ID


def _thumbprint(confirmation: object) -> str:
    """Return the SHA-256 (hex) of the certificate that a token is bound to: RFC 8705 section 3.1."""
    if not isinstance(confirmation, dict) or confirmation.keys() != {"x5t#S256"}:
        raise ValueError("no certificate")
    encoded = confirmation["x5t#S256"]
    if not isinstance(encoded, str):
        raise ValueError("no thumbprint")  # noqa: TRY004 - what cannot be used is one kind of error here
    digest = _decode(encoded.encode())
    if len(digest) != _SHA256_BYTES:
        raise ValueError("no SHA-256")
    return digest.hex()


def _decode(part: bytes) -> bytes:
    """Return what base64url stands for; only the one spelling without padding that an encoder writes is read."""
    try:
        decoded = base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != part:
        raise ValueError("not the canonical spelling")
    return decoded


def _read_object(encoded: bytes) -> dict[str, Any]:
    """Return a JSON object in which no member stands twice. Raises ``ValueError``."""
    document = orjson.loads(encoded)
    if not isinstance(document, dict):
        raise ValueError("not an object")  # noqa: TRY004 - what cannot be used is one kind of error here
    # orjson is strict about everything but this, and takes the last of two.
    try:
        json.loads(encoded, object_pairs_hook=_without_doubles)
    except RecursionError as error:
        raise ValueError("too deep") from error
    return document


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found
