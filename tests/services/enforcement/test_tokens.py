"""Tokens: those that count, and every kind that does not."""

import base64
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey

from services.enforcement.checks.domain import Credentials, Rejected, TokenExpired, TokenInvalid, TokenMissing
from services.enforcement.checks.tokens import Keys, Tokens
from tests.services.enforcement.stage import AUDIENCE, ISSUER, Issuer

NOW = time.time()


def _part(document: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(document)).rstrip(b"=").decode()


@pytest.fixture
def tokens(issuer: Issuer) -> Tokens:
    tokens = Tokens(Keys(issuer.folder / "tokens.public.json"), ISSUER, AUDIENCE)
    tokens.refresh()
    return tokens


def _read(tokens: Tokens, token: str, now: float = NOW) -> Credentials | Rejected:
    return tokens.read(b"Bearer " + token.encode(), now)


def test_a_token_of_identity_is_taken_and_remembered_until_it_expires(tokens: Tokens, issuer: Issuer) -> None:
    token = issuer.token("client", "sec_9", exp=int(NOW) + 60, aud=["other", AUDIENCE])
    for _ in range(2):
        assert _read(tokens, token) == Credentials("client", "sec_9", int(NOW) + 60)
    for now in (int(NOW) + 60, int(NOW) + 61):
        assert _read(tokens, token, now) == Rejected(TokenExpired)
    assert tokens.read(b"bEaReR   " + token.encode(), NOW) == Credentials("client", "sec_9", int(NOW) + 60)


HOSTILE: dict[str, Callable[[Issuer], str]] = {
    "garbage": lambda _: "a.b.c",
    "not even that": lambda _: "x" * 100,
    "binary": lambda _: "\u00ff\u00fe.\u00ff.\u00ff",
    "ten kilobytes": lambda issuer: issuer.token("client", jti="x" * 10_000),
    "alg none": lambda issuer: f"{_part({'alg': 'none', 'typ': 'at+jwt'})}.{issuer.token('client').split('.')[1]}.",
    "alg none with our key id": lambda issuer: (
        f"{_part({'alg': 'none', 'typ': 'at+jwt', 'kid': issuer.key.kid})}.{issuer.token('client').split('.')[1]}."
    ),
    "public key as a shared secret": lambda issuer: issuer.token(
        "client", header={"alg": "HS256"}, key=OctKey.import_key(orjson.dumps(issuer.key.as_dict(private=False)))
    ),
    "wrong type": lambda issuer: issuer.token("client", header={"typ": "JWT"}),
    "a passport": lambda issuer: issuer.token("client", header={"typ": "passport+jwt"}),
    "no type": lambda issuer: issuer.token("client", header={"typ": ""}),
    "someone else's key under our key id": lambda issuer: issuer.token("client", key=OKPKey.generate_key("Ed25519")),
    "unknown key": lambda issuer: issuer.token("client", header={"kid": "other"}),
    "its own key in the header": lambda issuer: issuer.token("client", header={"jwk": issuer.key.as_dict(private=False)}),
    "its key's address in the header": lambda issuer: issuer.token("client", header={"jku": "http://evil/keys"}),
    "elliptic under our key id": lambda issuer: issuer.token("client", header={"alg": "ES256"}, key=ECKey.generate_key("P-256")),
    "wrong audience": lambda issuer: issuer.token("client", aud="portico:mail"),
    "no audience": lambda issuer: issuer.token("client", aud=None),
    "wrong issuer": lambda issuer: issuer.token("client", iss="http://evil"),
    "no expiry": lambda issuer: issuer.token("client", exp=None),
    "expiry as a text": lambda issuer: issuer.token("client", exp="9999999999"),
    "expiry as a truth": lambda issuer: issuer.token("client", exp=True),
    "not valid yet": lambda issuer: issuer.token("client", nbf=int(NOW) + 3600),
    "no client": lambda issuer: issuer.token("client", client_id=None),
    "no secret": lambda issuer: issuer.token("client", secret_id=None),
    "changed claims": lambda issuer: ".".join(
        [issuer.token("client").split(".")[0], issuer.token("other").split(".")[1], issuer.token("client").split(".")[2]]
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_token_is_refused(tokens: Tokens, issuer: Issuer, kind: str) -> None:
    read = _read(tokens, HOSTILE[kind](issuer))
    assert isinstance(read, Rejected)
    assert read.refusal is TokenInvalid


def test_an_expired_token_says_so(tokens: Tokens, issuer: Issuer) -> None:
    assert _read(tokens, issuer.token("client", exp=int(NOW) - 1)) == Rejected(TokenExpired)


@pytest.mark.parametrize("header", [None, b"", b"Basic eDp5", b"Bearer", b"Bearer ", b"\xff\xfe"])
def test_no_bearer_token_is_a_missing_one(tokens: Tokens, header: bytes | None) -> None:
    read = tokens.read(header, NOW)
    assert isinstance(read, Rejected)
    assert read.refusal is TokenMissing


def test_keys_are_taken_over_when_their_file_changes(tmp_path: Any) -> None:
    first, second = Issuer(tmp_path), OKPKey.generate_key("Ed25519", {"alg": "EdDSA"}, auto_kid=True)
    tokens = Tokens(Keys(tmp_path / "tokens.public.json"), ISSUER, AUDIENCE)
    old, new = first.token("client"), first.token("client", header={"kid": second.kid}, key=second)
    assert isinstance(_read(tokens, old), Credentials)
    assert isinstance(_read(tokens, new), Rejected)
    beside = tmp_path / "next.json"
    beside.write_bytes(orjson.dumps({"keys": [second.as_dict(private=False)]}))
    beside.replace(tmp_path / "tokens.public.json")
    assert isinstance(_read(tokens, new), Credentials)
    tokens.refresh()
    (tmp_path / "tokens.public.json").write_text("no json")
    tokens.refresh()
    assert isinstance(_read(tokens, new), Credentials)


def test_elliptic_curve_keys_are_accepted(tmp_path: Any) -> None:
    key = ECKey.generate_key("P-256", {"alg": "ES256"}, auto_kid=True)
    (tmp_path / "keys").mkdir()
    issuer = Issuer(tmp_path / "keys")
    (tmp_path / "tokens.public.json").write_bytes(orjson.dumps({"keys": [key.as_dict(private=False)]}))
    tokens = Tokens(Keys(tmp_path / "tokens.public.json"), ISSUER, AUDIENCE)
    token = issuer.token("client", header={"alg": "ES256", "kid": key.kid}, key=key)
    assert isinstance(_read(tokens, token), Credentials)
