"""Reading JSON Web Tokens strictly: no other spelling of the same bytes, no member twice."""

import base64
import binascii
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, OKPKey, RSAKey

Key = RSAKey | ECKey | OKPKey


class NotReadable(Exception):  # noqa: N818 - a fact about what was sent
    """This is not a token that can be used."""


@dataclass(frozen=True, slots=True)
class Written:
    """A token taken apart; nothing of it is verified yet."""

    text: str
    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def algorithm(self) -> str:
        """Return the algorithm that the header names, or an empty text."""
        algorithm = self.header.get("alg")
        return algorithm if isinstance(algorithm, str) else ""


def take_apart(text: str, longest: int) -> Written:
    """Return what a signed token in its compact form (RFC 7515) says. Raises ``NotReadable``."""
    if len(text) > longest or not text.isascii():
        raise NotReadable
    parts = text.encode().split(b".")
    if len(parts) != 3 or not all(parts):
        raise NotReadable
    header, claims, _ = (_decode(part) for part in parts)
    return Written(text, _read_object(header), _read_object(claims))


def is_signed_by(written: Written, key: Key, algorithms: Collection[str]) -> bool:
    """Say whether the key has signed the token, with the algorithm that the header names and that is one of these."""
    if written.algorithm not in algorithms:
        return False
    try:
        jws.deserialize_compact(written.text.encode(), key, registry=_OneAlgorithm(written.algorithm))
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return True


class _OneAlgorithm(jws.JWSRegistry):
    """Verifies with one algorithm, ``EdDSA`` included: the name that is widely used for Ed25519."""

    def __init__(self, name: str) -> None:
        super().__init__(algorithms=[name])
        self._name = name

    def get_alg(self, name: str) -> Any:
        if name != self._name:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


def _decode(part: bytes) -> bytes:
    try:
        decoded = base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise NotReadable from error
    if base64.urlsafe_b64encode(decoded).rstrip(b"=") != part:
        raise NotReadable
    return decoded


def _read_object(encoded: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(encoded)
        # orjson is strict about everything but a member that stands twice: of two it takes the last.
        json.loads(encoded, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        raise NotReadable from error
    if not isinstance(document, dict):
        raise NotReadable
    return document


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotReadable
    return found
