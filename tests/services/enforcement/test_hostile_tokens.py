"""Every hostile token is refused at the check: 401, with the right code, and nothing of it is believed."""

import time

import pytest

from services.enforcement.checks.case import Credentials, Rejected
from services.enforcement.checks.refusals import TokenExpired, TokenInvalid
from services.enforcement.checks.tokens import Keys, Tokens
from tests.hostile_tokens import HOSTILE, Forge
from tests.services.enforcement.stage import AUDIENCE, ISSUER, Client, Issuer, Stage


def _forge(issuer: Issuer, client: Client | None = None) -> Forge:
    client = client or Client("app_1", "org_1", "client-1", "sec_1", "")
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "sub": client.client_id,
        "client_id": client.client_id,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 600,
        "jti": "jti_1",
        "application_id": client.application_id,
        "organization_id": client.organization_id,
        "secret_id": client.secret_id,
    }
    return Forge(issuer.key, claims)


@pytest.fixture
def tokens(issuer: Issuer) -> Tokens:
    tokens = Tokens(Keys(issuer.folder / "tokens.public.json"), ISSUER, AUDIENCE)
    tokens.refresh()
    return tokens


def _sent(token: str) -> bytes:
    return b"Bearer " + token.encode("latin-1")


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_token_is_not_read(tokens: Tokens, issuer: Issuer, kind: str) -> None:
    forge = _forge(issuer)
    assert isinstance(tokens.read(_sent(forge.good()), time.time()), Credentials)
    read = tokens.read(_sent(HOSTILE[kind](forge)), time.time())
    assert isinstance(read, Rejected)
    assert read.refusal is (TokenExpired if kind.startswith("expired") else TokenInvalid)


def test_a_token_of_any_size_is_refused_before_it_is_looked_at(tokens: Tokens, issuer: Issuer) -> None:
    read = tokens.read(_sent(_forge(issuer).token(jti="x" * 100_000)), time.time())
    assert isinstance(read, Rejected)
    assert read.refusal is TokenInvalid


async def test_a_token_of_another_issuer_under_our_key_id_is_refused(
    tokens: Tokens, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Issuer(tmp_path_factory.mktemp("other"))
    token = other.token("client-1", header={"kid": issuer.key.kid})
    read = tokens.read(_sent(token), time.time())
    assert isinstance(read, Rejected)
    assert read.detail == "The token's signature does not hold."


async def test_the_check_refuses_each_of_them_and_says_why(stage: Stage) -> None:
    client, product = await stage.application(), await stage.product()
    await stage.subscribe(client, product)
    path = f"{product.base_path}/pets"
    forge = _forge(stage.issuer, client)
    await stage.check_until(200, "GET", path, {"authorization": f"Bearer {forge.good()}"})
    for kind, make in HOSTILE.items():
        answer = await stage.check("GET", path, {b"authorization": _sent(make(forge))})  # type: ignore[dict-item]
        code = "TOKEN_EXPIRED" if kind.startswith("expired") else "TOKEN_INVALID"
        assert (kind, answer.status_code, answer.json()["code"]) == (kind, 401, code)
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert "x-portico-application" not in answer.headers
    assert (await stage.check("GET", path, {"authorization": f"Bearer {forge.good()}"})).status_code == 200
