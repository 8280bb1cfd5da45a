"""Tokens: those that count, and every kind that does not."""

import base64
import hashlib
import time
from typing import Any

import orjson
import pytest
from joserfc.jwk import ECKey, OKPKey

from services.enforcement.checks.case import Credentials, Rejected
from services.enforcement.checks.refusals import TokenExpired, TokenMissing
from services.enforcement.checks.tokens import Keys, Tokens
from tests.services.enforcement.stage import AUDIENCE, ISSUER, Issuer


@pytest.fixture
def tokens(issuer: Issuer) -> Tokens:
    tokens = Tokens(Keys(issuer.folder / "tokens.public.json"), ISSUER, AUDIENCE)
    tokens.refresh()
    return tokens


def _read(tokens: Tokens, token: str, now: float | None = None) -> Credentials | Rejected:
    return tokens.read(b"Bearer " + token.encode(), time.time() if now is None else now)


def test_a_token_of_identity_is_taken_and_remembered_until_it_expires(tokens: Tokens, issuer: Issuer) -> None:
    until = int(time.time()) + 60
    token = issuer.token("client", "sec_9", exp=until, jti="jti_1")
    expected = Credentials("client", "sec_9", until, ("sec_9", "jti_1"))
    for _ in range(2):
        assert _read(tokens, token) == expected
    for now in (until, until + 1):
        assert _read(tokens, token, now) == Rejected(TokenExpired, client_id="client")
    assert tokens.read(b"bEaReR   " + token.encode(), time.time()) == expected


def test_a_token_says_by_what_it_was_obtained_what_it_is_narrowed_and_bound_to(tokens: Tokens, issuer: Issuer) -> None:
    digest = hashlib.sha256(b"certificate").digest()
    bound = {"x5t#S256": base64.urlsafe_b64encode(digest).decode().rstrip("=")}
    token = issuer.token("client", None, jti="jti_1", key_id="cky_1", certificate_id="crt_1", scope="zoo park:feed", cnf=bound)
    read = _read(tokens, token)
    assert isinstance(read, Credentials)
    assert (read.secret_id, read.marks) == (None, ("cky_1", "crt_1", "jti_1"))
    assert (read.scope, read.thumbprint) == (frozenset({"zoo", "park:feed"}), digest.hex())


def test_an_expired_token_says_so(tokens: Tokens, issuer: Issuer) -> None:
    expired = issuer.token("client", iat=int(time.time()) - 60, exp=int(time.time()) - 1)
    assert _read(tokens, expired) == Rejected(TokenExpired, client_id="client")


@pytest.mark.parametrize("header", [None, b"", b"Basic eDp5", b"Bearer", b"Bearer ", b"\xff\xfe"])
def test_no_bearer_token_is_a_missing_one(tokens: Tokens, header: bytes | None) -> None:
    read = tokens.read(header, time.time())
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


def test_a_key_whose_tokens_have_all_expired_verifies_nothing_any_more(tmp_path: Any) -> None:
    issuer = Issuer(tmp_path)
    tokens = Tokens(Keys(tmp_path / "tokens.public.json"), ISSUER, AUDIENCE)
    public = issuer.key.as_dict(private=False)
    for until, kind in ((time.time() + 60, Credentials), (time.time() - 1, Rejected)):
        beside = tmp_path / "next.json"
        beside.write_bytes(orjson.dumps({"keys": [{**public, "exp": int(until)}]}))
        beside.replace(tmp_path / "tokens.public.json")
        tokens.refresh()
        assert isinstance(_read(tokens, issuer.token("client")), kind)
