"""The key files: what identity signs, hashes and seals with, and the public keys that others verify with.

``passport.private.json`` and ``tokens.private.json`` are JSON Web Keys that only identity reads (mode 0600); their
``*.public.json`` are JSON Web Key Sets for everybody. ``client-secrets.key`` is the pepper under which client secrets are kept,
``mail.key`` seals the mails that wait to be sent.
"""

import base64
import contextlib
import hashlib
import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from joserfc import jwe, jws, jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey, import_key

SIGNING_ALGORITHMS = {"passport": "Ed25519", "tokens": "EdDSA"}
SYMMETRIC = ("client-secrets", "mail")
_BY_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}


class KeyFileNotUsable(Exception):  # noqa: N818 - a fact about the place, told to the one who starts the service
    """A key file is missing or cannot be read; the message names it and the mend."""


def make_missing_keys(folder: Path) -> list[str]:
    """Make every key file that does not exist yet and return the names of those made; private ones get the mode 0600."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for purpose, algorithm in SIGNING_ALGORITHMS.items():
        private, public = folder / f"{purpose}.private.json", folder / f"{purpose}.public.json"
        key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": algorithm}, auto_kid=True)
        if _write_new(private, orjson.dumps(key.as_dict(private=True)), 0o600):
            made.append(private.name)
        kept = OKPKey.import_key(orjson.loads(private.read_bytes()))
        if _write_new(public, orjson.dumps({"keys": [kept.as_dict(private=False)]}), 0o644):
            made.append(public.name)
    for purpose in SYMMETRIC:
        path = folder / f"{purpose}.key"
        if _write_new(path, base64.urlsafe_b64encode(os.urandom(32)), 0o600):
            made.append(path.name)
    return made


def _write_new(path: Path, content: bytes, mode: int) -> bool:
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


class _NamedAlgorithms(jws.JWSRegistry):
    """Signs with the algorithm named; joserfc warns of ``EdDSA``, the name that deployed verifiers know Ed25519 by."""

    def get_alg(self, name: str) -> Any:
        return self.algorithms[name]


class Signer:
    """Signs JSON Web Tokens with one private key file."""

    def __init__(self, path: Path, algorithm: str | None = None) -> None:
        document = orjson.loads(_read(path))
        self.algorithm = algorithm or document.get("alg") or _BY_CURVE.get(document.get("crv"), "RS256")
        self._key: OKPKey | ECKey | RSAKey | OctKey = import_key({**document, "alg": self.algorithm})

    def sign(self, type_: str, claims: Mapping[str, Any]) -> str:
        """Return the claims as a signed token of the type (the header's ``typ``)."""
        header = {"alg": self.algorithm, "typ": type_, "kid": self._key.kid}
        registry = _NamedAlgorithms(algorithms=[self.algorithm])
        return jwt.encode(header, dict(claims), self._key, registry=registry)


class Pepper:
    """Turns client secrets into what is kept of them: HMAC-SHA256 under a key that is not in the database."""

    def __init__(self, path: Path) -> None:
        self._key = base64.urlsafe_b64decode(_read(path))

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
