"""What is true of client keys: public JSON Web Keys (RFC 7517) that an application's signatures are verified with."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from chassis.errors import Conflict, FieldProblem, Invalid, NotFound
from services.identity.events import ClientKeyRegistered, ClientKeyRemoved

CLIENT_KEY_PREFIX = "cky"
MOST_LIVE_KEYS = 2
RSA_BITS = (2048, 8192)
SMALLEST_RSA_EXPONENT = 65537
_LONGEST_JWK = 8192
_NO_KEY = "the members do not make a key: send them as your key's own program writes them"
_LONGEST_KID = 100
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_BY_CURVE = {"P-256": ("ES256",), "P-384": ("ES384",), "P-521": ("ES512",), "Ed25519": ("EdDSA", "Ed25519")}
ALGORITHMS = ("EdDSA", "Ed25519", "ES256", "ES384", "ES512", *_RSA)
# RFC 7518 section 6: what a public key has none of.
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_PUBLIC = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}

VerifyingKey = RSAKey | ECKey | OKPKey
Jwk = dict[str, str]


class PrivateKeySent(Invalid):
    """This is a private or shared key, which nobody else may see: make a new pair and send its public key."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("jwk", "send the public key alone: without d, p, q, dp, dq, qi, oth and k")])


class KeyNotUsable(Invalid):
    """This key cannot be used to prove an application."""

    def __init__(self, mend: str) -> None:
        super().__init__(f"jwk: {mend}", fields=[FieldProblem("jwk", mend)])


class ClientKeyKnown(Conflict):
    """The application has this key already."""

    def __init__(self) -> None:
        super().__init__(fields=[FieldProblem("jwk", "send another key, or go on using this one")])


class TwoKeysLive(Conflict):
    """The application has two keys already: remove the one that is used no more first."""


class NoSuchClientKey(NotFound):
    """There is no such thing."""


NoSuchClientKey.code = NotFound.code


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key as it is kept: its members, the id its owner calls it by, its thumbprint (RFC 7638), what it may sign with."""

    jwk: Jwk
    kid: str
    thumbprint: str
    algorithms: tuple[str, ...]

    def to_verify_with(self) -> VerifyingKey:
        """Return the key as signatures are verified with it."""
        return _import(self.jwk)


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A public key that proves an application."""

    id: str
    application_id: str
    organization_id: str
    key: PublicKey
    created_at: datetime

    def registered(self, client_id: str) -> ClientKeyRegistered:
        """Return the fact that there is this key."""
        return ClientKeyRegistered(
            application_id=self.application_id,
            organization_id=self.organization_id,
            client_id=client_id,
            key_id=self.id,
            thumbprint=self.key.thumbprint,
        )

    def removed(self, client_id: str) -> ClientKeyRemoved:
        """Return the fact that this key proves nothing any more."""
        return ClientKeyRemoved(
            application_id=self.application_id, organization_id=self.organization_id, client_id=client_id, key_id=self.id
        )


def read_public_key(text: str) -> PublicKey:
    """Return the public key that a JSON Web Key holds. Raises ``PrivateKeySent`` or ``KeyNotUsable``."""
    sent = _read_json(text)
    if _PRIVATE & sent.keys() or sent.get("kty") == "oct":
        raise PrivateKeySent
    if "keys" in sent:
        raise KeyNotUsable("send one key, not a key set")
    if sent.get("use", "sig") != "sig" or "verify" not in sent.get("key_ops", ["verify"]):
        raise KeyNotUsable("send a key that is meant for signatures (use: sig)")
    jwk = _public_members(sent)
    if sent["kty"] == "RSA":
        _check_size(sent["n"])
    key = _import(jwk)
    accepted = _accepted_algorithms(key)
    named = sent.get("alg")
    if named is not None and named not in accepted:
        raise KeyNotUsable(f"name an algorithm that the key can sign with ({', '.join(accepted)}), or none")
    algorithms = accepted if named is None or key.key_type == "OKP" else (str(named),)
    thumbprint = key.thumbprint()
    return PublicKey(jwk, _read_kid(sent.get("kid"), thumbprint), thumbprint, algorithms)


def _read_json(text: str) -> dict[str, Any]:
    if "PRIVATE KEY" in text[:200]:
        raise PrivateKeySent
    if len(text) > _LONGEST_JWK:
        raise KeyNotUsable(f"send at most {_LONGEST_JWK} characters")
    try:
        sent = json.loads(text)
    except (ValueError, RecursionError):
        raise KeyNotUsable('send a JSON Web Key: an object in JSON such as {"kty": "EC", …}') from None
    if not isinstance(sent, dict):
        raise KeyNotUsable('send a JSON Web Key: an object in JSON such as {"kty": "EC", …}')
    return sent


def _public_members(sent: Mapping[str, Any]) -> Jwk:
    names = _PUBLIC.get(sent["kty"]) if isinstance(sent.get("kty"), str) else None
    if names is None:
        raise KeyNotUsable("send a key of the kind RSA, EC or OKP")
    if not all(isinstance(sent.get(name), str) for name in names):
        raise KeyNotUsable(f"a key of this kind has the members {', '.join(names)}, each a text")
    return {name: sent[name] for name in names}


def _check_size(modulus: str) -> None:
    """Refuse an RSA key whose modulus is too short or too long, before anything is made of it."""
    least, most = RSA_BITS
    digits = -(-most // 6)
    try:
        bits = int.from_bytes(urlsafe_b64decode(modulus[: digits + 1] + "==")).bit_length()
    except ValueError:
        raise KeyNotUsable(_NO_KEY) from None
    if not least <= bits <= most or len(modulus) > digits:
        raise KeyNotUsable(f"send an RSA key of {least} to {most} bits")


def _import(jwk: Jwk) -> VerifyingKey:
    try:
        key = import_key(dict[str, str | list[str]](jwk))
        key.get_op_key("verify")
    except (JoseError, ValueError, KeyError, TypeError, ArithmeticError, AttributeError):
        raise KeyNotUsable(_NO_KEY) from None
    if not isinstance(key, (RSAKey, ECKey, OKPKey)):
        raise KeyNotUsable("send a key of the kind RSA, EC or OKP")
    return key


def _accepted_algorithms(key: VerifyingKey) -> tuple[str, ...]:
    if isinstance(key, RSAKey):
        numbers = key.raw_value.public_numbers()  # type: ignore[union-attr]  # a public key has public numbers
        if numbers.e < SMALLEST_RSA_EXPONENT or numbers.e % 2 == 0:
            raise KeyNotUsable(f"send an RSA key whose exponent is {SMALLEST_RSA_EXPONENT} or a larger odd number")
        return _RSA
    accepted = _BY_CURVE.get(key.curve_name)
    if accepted is None:
        raise KeyNotUsable(f"send a key on one of the curves {', '.join(_BY_CURVE)}")
    return accepted


def _read_kid(kid: object, thumbprint: str) -> str:
    if kid is None:
        return thumbprint
    if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID or not kid.isprintable() or not kid.isascii():
        raise KeyNotUsable(f"call the key by at most {_LONGEST_KID} printable characters of ASCII (kid), or leave kid out")
    return kid
