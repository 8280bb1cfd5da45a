"""The key files: what identity signs, hashes and seals with, and the public keys that others verify with.

``passport.private.json``, ``tokens.private.json`` and ``audit.private.json`` (which signs for the audit trail) are JSON Web Key
Sets that only whoever signs reads (mode 0600); each key says from when it signs (``signs_from``, seconds since 1970), so that all
processes change over together. Their ``*.public.json`` are JSON Web Key Sets for everybody; a key that signs no more has an
``exp`` after which nobody needs it. A private file with one bare key, as it was once written, is still read.
``client-secrets.key`` is the pepper under which client secrets are kept, ``mail.key`` seals the mails that wait to be sent,
``factors.key`` second factors, ``notices.key`` what is announced to notifications alone. ``key_rotation`` replaces signing keys.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwe, jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey, import_key

from chassis.telemetry import log

SIGNING_ALGORITHMS = {"passport": "Ed25519", "tokens": "EdDSA", "audit": "Ed25519"}
NOTICES_KEY = "notices.key"
SYMMETRIC = ("client-secrets", "mail", "factors", "notices")
JWKS_MAX_AGE_SECONDS = 300  # how long foreign verifiers may keep the published keys
_BY_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}
_SIGNS_FROM = "signs_from"
_log = log("identity.keys")

Jwk = dict[str, Any]


class KeyFileNotUsable(Exception):  # noqa: N818 - a fact about the place, told to the one who starts the service
    """A key file is missing or cannot be read; the message names it and the mend."""


def make_missing_keys(folder: Path) -> list[str]:
    """Make every key file that does not exist yet and return the names of those made; private ones get the mode 0600."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for purpose in SIGNING_ALGORITHMS:
        private, public = folder / f"{purpose}.private.json", folder / f"{purpose}.public.json"
        if not private.exists() and write_new(private, orjson.dumps({"keys": [new_key(purpose, 0)]}), 0o600):
            made.append(private.name)
        kept = [public_part(each) for each in read_private(private)]
        if write_new(public, orjson.dumps({"keys": kept}), 0o644):
            made.append(public.name)
    for purpose in SYMMETRIC:
        path = folder / f"{purpose}.key"
        if write_new(path, base64.urlsafe_b64encode(os.urandom(32)), 0o600):
            made.append(path.name)
    return made


def write_new(path: Path, content: bytes, mode: int) -> bool:
    """Write a file whole or not at all, unless it exists; say whether it was written. Safe among several processes."""
    if path.exists():
        return False
    draft = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
    return True


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyFileNotUsable(
            f"The key file {path} cannot be read ({error.strerror}): run `portico keys` to make it."
        ) from error


def new_key(purpose: str, signs_from: int) -> Jwk:
    """Return a new private key for a purpose, which signs from a moment on (seconds since 1970)."""
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": SIGNING_ALGORITHMS[purpose]}, auto_kid=True)
    return {**key.as_dict(private=True), _SIGNS_FROM: signs_from}


def public_part(jwk: Jwk) -> Jwk:
    """Return what everybody may see of a key."""
    bare = {name: value for name, value in jwk.items() if name != _SIGNS_FROM}
    return dict(import_key(bare).as_dict(private=False))


def read_private(path: Path) -> list[Jwk]:
    """Return the private keys of a file, the one that signs first at the front. Raises ``KeyFileNotUsable``."""
    try:
        document = orjson.loads(_read(path))
        keys = document.get("keys", [document])
        timed = [{"kid": _kid_of(each), **each, _SIGNS_FROM: int(each.get(_SIGNS_FROM, 0))} for each in keys]
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise KeyFileNotUsable(f"The key file {path} holds no keys: put back the one that was made.") from error
    if not timed:
        raise KeyFileNotUsable(f"The key file {path} holds no keys: put back the one that was made.")
    return sorted(timed, key=lambda each: int(each[_SIGNS_FROM]))


def _kid_of(jwk: Jwk) -> str:
    """Return what a key is called: its thumbprint (RFC 7638) where whoever made it has given it no name."""
    return str(jwk.get("kid") or import_key({name: value for name, value in jwk.items() if name != _SIGNS_FROM}).thumbprint())


def read_published(path: Path) -> list[Jwk]:
    """Return the keys of a public file, those that nobody needs any more, too. Raises ``KeyFileNotUsable``."""
    try:
        keys = list(orjson.loads(_read(path))["keys"])
        named = all(isinstance(each["kid"], str) for each in keys)
    except (ValueError, TypeError, KeyError) as error:
        raise KeyFileNotUsable(f"The key file {path} holds no keys: remove it and run `portico keys` to make it.") from error
    if not named:
        raise KeyFileNotUsable(f"The key file {path} holds keys without names: remove it and run `portico keys` to make it.")
    return keys


def read_public(path: Path, now: float | None = None) -> Jwk:
    """Return the published key set: without the keys that nobody needs any more. Raises ``KeyFileNotUsable``."""
    moment = time.time() if now is None else now
    return {"keys": [each for each in read_published(path) if each.get("exp") is None or each["exp"] > moment]}


class _NamedAlgorithms(jws.JWSRegistry):
    """Signs with the algorithm named; joserfc warns of ``EdDSA``, the name that deployed verifiers know Ed25519 by."""

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


class _SigningKey(NamedTuple):
    """A key, the algorithm it signs with, and from when."""

    key: OKPKey | ECKey | RSAKey | OctKey
    algorithm: str
    signs_from: int


class Signer:
    """Signs JSON Web Tokens with the key whose time it is; a file that has changed is read again."""

    def __init__(self, path: Path, algorithm: str | None = None, *, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._named = algorithm
        self._now = now
        self._seen = self._state()
        self._keys = self._load()

    def _state(self) -> tuple[int, int] | None:
        try:
            state = self._path.stat()
        except OSError:
            return None
        return state.st_mtime_ns, state.st_ino

    def _load(self) -> list[_SigningKey]:
        loaded = []
        for document in read_private(self._path):
            signs_from = document.pop(_SIGNS_FROM)
            algorithm = self._named or document.get("alg") or _BY_CURVE.get(document.get("crv", ""), "RS256")
            try:
                key = import_key({**document, "alg": algorithm})
            except (JoseError, ValueError, KeyError, TypeError) as error:
                raise KeyFileNotUsable(f"The key file {self._path} holds no keys: put back the one that was made.") from error
            loaded.append(_SigningKey(key, algorithm, signs_from))
        return loaded

    def _current(self) -> _SigningKey:
        state = self._state()
        if state is not None and state != self._seen:
            self._seen = state
            try:
                self._keys = self._load()
            except KeyFileNotUsable as error:
                _log.warning("the signing keys cannot be read; the known ones stay", file=self._path.name, reason=str(error))
        moment = self._now()
        begun = [each for each in self._keys if each.signs_from <= moment]
        return begun[-1] if begun else self._keys[0]

    @property
    def algorithm(self) -> str:
        """Return the algorithm that is signed with now."""
        return self._current().algorithm

    def sign(self, type_: str, claims: Mapping[str, Any]) -> str:
        """Return the claims as a signed token of the type (the header's ``typ``)."""
        key, algorithm, _ = self._current()
        header = {"alg": algorithm, "typ": type_, "kid": key.kid}
        registry = _NamedAlgorithms(algorithms=[algorithm])
        return jwt.encode(header, dict(claims), key, registry=registry)


class Pepper:
    """Turns client secrets into what is kept of them: HMAC-SHA256 under a key that is not in the database."""

    def __init__(self, path: Path, purpose: str = "") -> None:
        key = base64.urlsafe_b64decode(_read(path))
        # A file that serves several purposes gives each of them a key of its own.
        self._key = hmac.digest(key, purpose.encode(), "sha256") if purpose else key

    def hash(self, secret: str) -> str:
        """Return what is kept of a secret."""
        return hmac.new(self._key, secret.encode(), hashlib.sha256).hexdigest()

    def matches(self, secret: str, kept: str) -> bool:
        """Say whether this is the secret, in constant time."""
        return hmac.compare_digest(self.hash(secret), kept)


class Seal:
    """Encrypts what waits in the database but must not be readable there (A256GCM)."""

    def __init__(self, path: Path) -> None:
        self._key = OctKey.import_key(base64.urlsafe_b64decode(_read(path)))

    def close(self, text: str) -> str:
        """Return the sealed text."""
        return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, text.encode(), self._key)

    def open(self, sealed: str) -> str:
        """Return the text that was sealed."""
        plaintext = jwe.decrypt_compact(sealed, self._key).plaintext
        assert plaintext is not None
        return plaintext.decode()


class SharedSeal:
    """Encrypts what an announcement tells to notifications alone (AES-256-GCM), bound to the id of what it is about."""

    def __init__(self, path: Path) -> None:
        self._cipher = AESGCM(base64.urlsafe_b64decode(_read(path)))

    def close(self, text: str, about: str) -> str:
        """Return the sealed text; whoever opens it names the same id."""
        nonce = os.urandom(12)
        return base64.urlsafe_b64encode(nonce + self._cipher.encrypt(nonce, text.encode(), about.encode())).decode()
