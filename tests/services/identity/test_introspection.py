"""Introspection (RFC 7662) and revocation (RFC 7009): who may see and end which token, and that nobody learns of another's."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from joserfc.jwk import OKPKey

from services.identity.keys import read_private
from tests.hostile_tokens import HOSTILE, Forge
from tests.services.identity.oauth import Client, claims_of, client, error_of, post, product
from tests.services.identity.world import Team, World

INACTIVE = b'{"active":false}'


@pytest.fixture
async def mine(world: World, team: Team) -> Client:
    return await client(world, team.organization_id, team.members["DEVELOPER"])


@pytest.fixture
async def foreign(world: World, team: Team) -> Client:
    return await client(world, team.stranger_organization_id, team.stranger)


async def introspected(by: Client, token: str | bytes) -> bytes:
    answer = await by.post("/oauth/introspect", {"token": token})
    assert answer.status == 200, answer.body
    return answer.body


async def until(condition: Callable[[], Any]) -> Any:
    for _ in range(300):
        if found := await condition():
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come about")


async def test_a_client_sees_the_tokens_of_its_own_organization(mine: Client, world: World) -> None:
    sibling = await client(world, mine.organization_id, mine.by)
    token = await mine.token()
    claims = claims_of(token)
    for by in (mine, sibling):
        seen = await by.introspect(token)
        assert seen == {
            "active": True,
            "token_type": "Bearer",
            **{name: claims[name] for name in ("iss", "sub", "client_id", "aud", "iat", "exp", "jti")},
            "application_id": mine.application_id,
            "organization_id": mine.organization_id,
        }
    answer = await mine.post("/oauth/introspect", {"token": token, "token_type_hint": "refresh_token", "unknown": "x"})
    assert orjson.loads(answer.body)["active"] is True


async def test_to_others_a_token_is_none(mine: Client, foreign: Client) -> None:
    token = await mine.token()
    assert await introspected(foreign, token) == INACTIVE == await introspected(foreign, "garbage")


async def test_a_provider_sees_the_tokens_of_those_who_are_subscribed_to_its_products(
    mine: Client, foreign: Client, world: World
) -> None:
    zoo = await product(world, foreign.organization_id)
    other = await product(world, "org_other")
    token = await mine.token()
    assert await introspected(foreign, token) == INACTIVE
    subscription_id = await zoo.subscribe(mine.application_id)
    await other.subscribe(mine.application_id)

    async def is_seen() -> bool:
        return bool((await foreign.introspect(token))["active"])

    await until(is_seen)
    assert (await foreign.introspect(token))["organization_id"] == mine.organization_id
    # Of a scope it learns what is its own.
    narrowed = await mine.token(scope=f"{other.slug} {zoo.slug}:get")
    assert (await foreign.introspect(narrowed))["scope"] == f"{zoo.slug}:get"
    assert (await mine.introspect(narrowed))["scope"] == f"{other.slug} {zoo.slug}:get"
    elsewhere = await mine.token(scope=other.slug)
    assert await introspected(foreign, elsewhere) == INACTIVE
    await zoo.subscribe(mine.application_id, "CANCELLED", subscription_id)

    async def is_gone() -> bool:
        return not await is_seen()

    await until(is_gone)


@pytest.mark.parametrize("fact", ["secret", "application"])
async def test_a_token_whose_ground_is_gone_is_inactive(mine: Client, world: World, fact: str) -> None:
    sibling = await client(world, mine.organization_id, mine.by)
    token = await mine.token()
    verb = {"secret": "rotate_secret", "application": "delete_application"}[fact]
    assert (await world.do(verb, mine.by, application_id=mine.application_id)).status == 200
    assert await introspected(sibling, token) == INACTIVE


async def test_the_tokens_of_a_deleted_organization_are_inactive_and_it_gets_no_more(world: World) -> None:
    owner = await world.someone()
    organization_id = await world.organization(owner, "Short-lived")
    mine = await client(world, organization_id, owner)
    await mine.token()
    said = await world.do("delete_organization", owner, organization_id=organization_id, name="Short-lived")
    assert said.status == 200, said.body
    assert error_of(await mine.post("/oauth/token", {"grant_type": "client_credentials"})) == (401, "invalid_client")


async def test_a_revoked_token_is_dead_and_it_is_announced_once(mine: Client, world: World) -> None:
    token = await mine.token()
    for _ in range(2):
        answer = await mine.revoke(token)
        assert (answer.status, answer.body, answer.headers["cache-control"]) == (200, b"", "no-store")
    assert await introspected(mine, token) == INACTIVE
    claims = claims_of(token)
    [fact] = await world.facts_about(claims["jti"], 1)
    assert fact.key == "identity.token_revoked.v1"
    assert fact.data["application_id"] == mine.application_id
    assert fact.data["expires_at"].startswith("20")
    assert token not in str(fact)
    kept = await world.store.reader().collection("revoked_tokens").find_one({"_id": claims["jti"]})
    assert kept is not None
    assert kept["expires_at"].timestamp() >= claims["exp"]
    await world.facts_about(mine.application_id, 2)
    assert len([each for each in world.heard if each.subject == claims["jti"]]) == 1


async def test_only_its_own_client_revokes_a_token_and_nobody_learns_whose_it_is(
    mine: Client, foreign: Client, world: World
) -> None:
    sibling = await client(world, mine.organization_id, mine.by)
    token = await mine.token()
    for by in (sibling, foreign):
        answers = [await by.revoke(each) for each in (token, "garbage", token + "x")]
        assert {(each.status, each.body) for each in answers} == {(200, b"")}
    assert (await mine.introspect(token))["active"]


@pytest.mark.parametrize("path", ["/oauth/introspect", "/oauth/revoke"])
async def test_without_a_client_or_a_token_nothing_is_said(mine: Client, world: World, path: str) -> None:
    token = await mine.token()
    assert error_of(await post(world, path, {"token": token})) == (401, "invalid_client")
    assert error_of(await post(world, path, {"token": token}, basic=(mine.client_id, "wrong"))) == (401, "invalid_client")
    assert error_of(await mine.post(path, {})) == (400, "invalid_request")
    bearer = await post(world, path, {"token": token, "client_id": mine.client_id})
    assert error_of(bearer) == (401, "invalid_client")
    assert error_of(await post(world, path, b"token=\xff", basic=mine.basic)) == (400, "invalid_request")
    assert (await mine.introspect(token))["active"]


async def test_every_hostile_token_is_inactive_and_cannot_be_revoked(mine: Client, world: World) -> None:
    token = await mine.token()
    key = OKPKey.import_key(read_private(world.settings.keys_dir / "tokens.private.json")[-1])
    forge = Forge(key, claims_of(token))
    assert (await mine.introspect(forge.good()))["active"]
    assert len(HOSTILE) >= 35
    for kind, make in HOSTILE.items():
        hostile = make(forge)
        assert (kind, await introspected(mine, hostile)) == (kind, INACTIVE)
        assert (kind, (await mine.revoke(hostile)).status) == (kind, 200)
    assert (await mine.introspect(token))["active"]


async def test_what_is_too_large_is_not_looked_at(mine: Client) -> None:
    answer = await mine.post("/oauth/introspect", {"token": "x" * 100_000})
    assert error_of(answer) == (413, "invalid_request")


async def test_an_assertion_a_secret_and_a_passport_are_no_tokens(mine: Client, world: World) -> None:
    key = OKPKey.generate_key("Ed25519")
    await mine.register_key(key)
    for each in (mine.assertion(key, "EdDSA")["client_assertion"], mine.secret, await world.passport(mine.by)):
        assert await introspected(mine, each) == INACTIVE
