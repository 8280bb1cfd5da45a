"""What outside providers say is believed only when it is proven: ID tokens, key sets, metadata and answers that lie."""

import hmac
import json
import time
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey
from starlette.responses import JSONResponse, Response

from tests.services.identity.authenticator import to_text
from tests.services.identity.openid_ways import MakeOutside, client_of, outside, sign_in, world_with
from tests.services.identity.providers import CLIENT_ID, OwnProvider

__all__ = ["outside", "world_with"]


# ---- ID tokens that prove nothing


def by_hand(claims: dict[str, Any], secret: bytes | None, **header: Any) -> str:
    """Return a token that no library would sign."""
    text = ".".join(to_text(json.dumps(each).encode()) for each in (header, claims))
    return f"{text}.{to_text(hmac.digest(secret, text.encode(), 'sha256')) if secret else ''}"


def confused(outside: OwnProvider, claims: dict[str, Any]) -> str:
    return by_hand(claims, outside.key.as_pem(private=False), alg="HS256", kid="one")


def unsigned(_outside: OwnProvider, claims: dict[str, Any]) -> str:
    return by_hand(claims, None, alg="none")


def embedded(outside: OwnProvider, claims: dict[str, Any]) -> str:
    key = RSAKey.generate_key(2048)
    return outside.sign(claims, key=key, jwk=key.as_dict(private=False))


LIES: dict[str, Any] = {
    "another nonce": {"nonce": "n"},
    "no nonce": {"nonce": None},
    "another client": {"aud": "another"},
    "several clients without azp": {"aud": [CLIENT_ID, "another"]},
    "another azp": {"azp": "another"},
    "several clients and another azp": {"aud": [CLIENT_ID, "another"], "azp": "another"},
    "another issuer": {"iss": "https://another.example"},
    "no issuer": {"iss": None},
    "expired": {"exp": int(time.time()) - 120},
    "no end": {"exp": None},
    "from the future": {"iat": int(time.time()) + 86_400},
    "no beginning": {"iat": None},
    "not yet valid": {"nbf": int(time.time()) + 86_400},
    "nobody": {"sub": None},
    "an empty somebody": {"sub": ""},
    "somebody who is no text": {"sub": 7},
    "an endless somebody": {"sub": "x" * 256},
    "an end that is no number": {"exp": "never"},
    "an audience that is no text": {"aud": {"client": CLIENT_ID}},
    "unsigned": unsigned,
    "signed with the public key as a secret": confused,
    "signed with another key": lambda outside, claims: outside.sign(claims, key=RSAKey.generate_key(2048)),
    "signed with a key that it carries": embedded,
    "signed by another kind of key": lambda outside, claims: outside.sign(claims, key=ECKey.generate_key("P-256"), alg="ES256"),
    "of an unknown key id": lambda outside, claims: outside.sign(claims, key=RSAKey.generate_key(2048), kid="two"),
    "changed afterwards": lambda outside, claims: outside.sign(claims)[:-8] + "AAAAAAAA",
    "without a signature": lambda outside, claims: outside.sign(claims).rpartition(".")[0] + ".",
    "not a token": lambda _outside, _claims: "not a token",
    "empty": lambda _outside, _claims: "",
    "with an algorithm that is no text": lambda _outside, claims: by_hand(claims, b"x", alg=["RS256"], kid="one"),
    "with an unknown extension": lambda _outside, claims: by_hand(claims, b"x", alg="RS256", kid="one", crit=["odd"], odd=1),
}


@pytest.mark.parametrize("lie", list(LIES.values()), ids=list(LIES))
async def test_a_lie_is_not_believed(outside: OwnProvider, world_with: MakeOutside, lie: Any) -> None:
    world = await world_with({"issuer": outside.issuer})
    if callable(lie):
        outside.make_token = lie
    else:
        outside.claims = lie
    said = await sign_in(world, outside)
    assert (said.status, said.body["status"]) == (401, 401)
    assert said.code in ("PROVIDER_ANSWER_NOT_ACCEPTED", "KEY_NOT_KNOWN")
    assert not await world.store.reader().collection("users").find({})
    outside.claims, outside.make_token = {}, None
    assert (await sign_in(world, outside)).status == 200, "the truth is, by the same provider"


@pytest.mark.parametrize("truth", [{"azp": CLIENT_ID}, {"aud": [CLIENT_ID]}, {"aud": [CLIENT_ID, "x"], "azp": CLIENT_ID}])
async def test_the_truth_has_several_forms(outside: OwnProvider, world_with: MakeOutside, truth: dict[str, Any]) -> None:
    world = await world_with({"issuer": outside.issuer})
    outside.claims = truth
    assert (await sign_in(world, outside)).status == 200


async def test_a_provider_may_change_its_key(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer})
    client = client_of(world)
    assert (await sign_in(world, outside)).status == 200
    outside.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
    assert (await sign_in(world, outside)).code == "KEY_NOT_KNOWN", "asked for a moment ago: not at everybody's bidding"
    client._known["outside"].keys_asked_at -= 60
    assert (await sign_in(world, outside)).status == 200


async def test_who_it_is_may_stand_in_the_user_info(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer})
    outside.metadata = {"userinfo_endpoint": f"{outside.issuer}/userinfo"}
    outside.claims = {"email": None, "email_verified": None, "name": None}
    outside.user_info = {"sub": "another", "email": "victim@outside.example", "email_verified": True}
    assert (await sign_in(world, outside)).code == "PROVIDER_ANSWER_NOT_ACCEPTED"
    outside.user_info["sub"] = "somebody"
    assert (await sign_in(world, outside)).result["user"]["name"] == "victim"


# ---- Providers that are away, too slow, too large, or not who they should be


@pytest.mark.parametrize(
    ("answers", "status"),
    [
        ({"/token": Response("", 503)}, 503),
        ({"/token": Response("", 429)}, 503),
        ({"/token": JSONResponse({"error": "invalid_grant"}, 400)}, 401),
        ({"/token": Response("", 302, {"location": "/elsewhere"})}, 401),
        ({"/token": Response("not JSON")}, 401),
        ({"/token": JSONResponse([])}, 401),
        ({"/token": JSONResponse({"access_token": "x"})}, 401),
        ({"/token": Response(b"x" * 300_000)}, 401),
        ({"/keys": JSONResponse({"keys": "none"})}, 401),
        ({"/keys": JSONResponse({"keys": [{"kty": "RSA"}, 7, {"kty": "oct", "k": "AA"}]})}, 401),
        ({"/keys": Response("", 500)}, 503),
    ],
)
async def test_what_a_provider_answers_is_bounded(
    outside: OwnProvider, world_with: MakeOutside, answers: dict[str, Response], status: int
) -> None:
    world = await world_with({"issuer": outside.issuer})
    outside.answers = answers
    begun = await world.do("begin_open_id_sign_in", provider="outside")
    if "/keys" in answers and begun.status != 200:
        assert begun.status == status
        return
    said = await world.do("finish_open_id_sign_in", **outside.code_for(begun.result["url"]))
    assert said.status == status, said.body
    assert said.code in ("PROVIDER_DOWN", "PROVIDER_ANSWER_NOT_ACCEPTED", "KEY_NOT_KNOWN")


async def test_a_provider_that_is_away_or_slow_is_said_to_be_down(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": "http://127.0.0.1:9"}, {"name": "slow", "issuer": outside.issuer})
    down = await world.do("begin_open_id_sign_in", provider="outside")
    assert (down.status, down.code) == (503, "PROVIDER_DOWN")
    client_of(world)._call_seconds = 0.05
    outside.slow_seconds = 1.0
    slow = await world.do("begin_open_id_sign_in", provider="slow")
    assert slow.without_trace == down.without_trace


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://another.example"},
        {"token_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_metadata_that_fits_not_is_refused(outside: OwnProvider, world_with: MakeOutside, metadata: dict[str, Any]) -> None:
    world = await world_with({"issuer": outside.issuer})
    outside.metadata = metadata
    assert (await world.do("begin_open_id_sign_in", provider="outside")).code == "PROVIDER_ANSWER_NOT_ACCEPTED"


async def test_the_issuer_of_the_way_back_has_to_fit(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer})
    assert (await sign_in(world, outside, issuer="https://another.example")).code == "PROVIDER_ANSWER_NOT_ACCEPTED"
    assert (await sign_in(world, outside)).status == 200
    client_of(world)._known.clear()
    outside.metadata = {"authorization_response_iss_parameter_supported": True}
    assert (await sign_in(world, outside)).code == "PROVIDER_ANSWER_NOT_ACCEPTED"
    assert (await sign_in(world, outside, issuer=outside.issuer)).status == 200
