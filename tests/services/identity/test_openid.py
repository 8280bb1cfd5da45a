"""Signing in through outside providers, a real one in its own process among them: whose account it opens, and linking."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.services.identity.openid_ways import MakeOutside, begin, link, outside, sign_in, world_with
from tests.services.identity.providers import (
    CALLBACK,
    OwnProvider,
    ProviderMissing,
    go_through,
    install,
    real_provider,
)
from tests.services.identity.test_signing_in import enrol, told
from tests.services.identity.world import OPERATOR, PASSWORD, Person, World

__all__ = ["outside", "world_with"]


@pytest.fixture(scope="module")
async def issuer(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The issuer of a real provider in a process of its own."""
    try:
        script = await install(tmp_path_factory.mktemp("provider"))
    except ProviderMissing as missing:
        pytest.skip(f"No real OpenID provider to test against: {missing}")
    async with real_provider(script) as running:
        yield running


# ---- A real provider


@pytest.mark.processes
async def test_somebody_signs_in_through_a_real_provider(issuer: str, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": issuer})
    assert (await world.load("open_id_providers", ["all"])).rows == [[{"name": "outside", "title": "Outside"}]]
    sessions = []
    for _ in range(2):
        begun = await begin(world, return_to="/products?tag=bank")
        back = await go_through(begun["url"], "anna")
        assert (back["state"], back["iss"]) == (begun["state"], issuer)
        given = {"state": back["state"], "code": back["code"], "issuer": back["iss"], "network_address": "192.0.2.1"}
        sessions.append((await world.do("finish_open_id_sign_in", **given)).result)
        again = await world.do("finish_open_id_sign_in", **given)
        assert (again.status, again.code, again.fields) == (404, "SIGN_IN_NOT_BEGUN", ["state"])
    assert [each["kind"] for each in sessions] == ["SignedIn", "SignedIn"]
    assert sessions[0]["return_to"] == "/products?tag=bank"
    user = sessions[0]["user"]
    assert (user["name"], user["email"]) == ("Outside anna", "anna@outside.example")
    assert sessions[1]["user"] == user
    person = Person(user["email"], user["id"], sessions[1]["token"])
    [memberships] = (await world.load("memberships_of_viewer", ["me"], person)).rows
    assert [each["role"] for each in memberships] == ["OWNER"], "the test organization, as for everybody"
    assert await told(world, person, "user_registered") == [{"user_id": person.user_id}]
    assert await told(world, person, "outside_identity_linked") == [{"user_id": person.user_id, "provider": "outside"}]
    row = await world.store.reader().collection("sessions").find_one({"user_id": person.user_id})
    assert row is not None
    assert row["methods"] == ["OPENID"]


@pytest.mark.processes
async def test_a_real_provider_refuses_a_code_of_another_way(issuer: str, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": issuer})
    first, second = await begin(world), await begin(world)
    back = await go_through(first["url"], "anna")
    crossed = await world.do("finish_open_id_sign_in", state=second["state"], code=back["code"], issuer=issuer)
    assert (crossed.status, crossed.code) == (401, "PROVIDER_ANSWER_NOT_ACCEPTED")
    third = await begin(world)
    back = await go_through(third["url"], "anna")
    for wrong in ({}, {"issuer": "https://another.example"}):
        said = await world.do("finish_open_id_sign_in", state=third["state"], code=back["code"], **wrong)
        assert said.code in ("PROVIDER_ANSWER_NOT_ACCEPTED", "SIGN_IN_NOT_BEGUN")
    fourth = await begin(world)
    back = await go_through(fourth["url"], "unverified-eve")
    said = await world.do("finish_open_id_sign_in", state=back["state"], code=back["code"], issuer=back["iss"])
    assert (said.status, said.code) == (403, "ADDRESS_NOT_VOUCHED_FOR")


# ---- What is asked of a provider


async def test_the_way_there_carries_what_binds_the_way_back(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer})
    addresses = [(await begin(world))["url"] for _ in range(2)]
    parameters = [dict(pair.split("=", 1) for pair in each.partition("?")[2].split("&")) for each in addresses]
    assert set(parameters[0]) == {
        "client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
    }  # fmt: skip
    assert parameters[0]["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert parameters[0][name] != parameters[1][name]
    assert (await sign_in(world, outside)).status == 200
    body = next(each for path, each in outside.asked if path == "/token")
    assert (body["grant_type"], body["redirect_uri"], len(body["code_verifier"])) == ("authorization_code", CALLBACK, 64)
    kept = str(await world.store.reader().collection("openid_ways").find({}))
    assert body["code_verifier"] not in kept
    assert parameters[0]["state"] not in kept
    assert [path for path, _ in outside.asked].count("/.well-known/openid-configuration") == 1


# ---- Whose account it opens


async def test_an_account_is_never_taken_over_by_an_address(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer})
    owner = await world.someone("Owner", "somebody@outside.example")
    said = await sign_in(world, outside)
    assert (said.status, said.code) == (409, "SIGN_IN_AND_LINK")
    outside.claims = {"email_verified": False}
    unverified = await sign_in(world, outside)
    outside.claims = {"email_verified": False, "email": "free@outside.example"}
    assert unverified.without_trace == (await sign_in(world, outside)).without_trace, "nobody learns who has an account"
    assert unverified.code == "ADDRESS_NOT_VOUCHED_FOR"
    outside.claims = {}
    assert (await link(world, outside, owner)).result == {"kind": "OpenIdLinked", "provider": "outside", "return_to": "/"}
    assert "Outside" in (await world.inbox.newest_to(owner.email, count=2)).get_content()
    assert (await sign_in(world, outside)).result["user"]["id"] == owner.user_id


async def test_a_provider_that_is_trusted_with_addresses_opens_the_account(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer, "trusts_email": True})
    owner = await world.someone("Owner", "somebody@outside.example")
    assert (await sign_in(world, outside)).result["user"]["id"] == owner.user_id
    assert await told(world, owner, "outside_identity_linked") == [{"user_id": owner.user_id, "provider": "outside"}]


async def test_not_every_provider_says_who_operates_the_platform(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer})
    outside.claims = {"email": OPERATOR}
    assert (await sign_in(world, outside)).code == "ADDRESS_NOT_VOUCHED_FOR"


@pytest.mark.parametrize(
    "claims", [{"email": "nonsense"}, {"email": "a@b.example\r\nBcc: c@d.example"}, {"email": 7}, {"email": None}]
)
async def test_an_address_that_is_none_makes_no_account(
    outside: OwnProvider, world_with: MakeOutside, claims: dict[str, Any]
) -> None:
    world = await world_with({"issuer": outside.issuer})
    outside.claims = claims
    assert (await sign_in(world, outside)).code == "ADDRESS_NOT_VOUCHED_FOR"


async def test_a_wish_to_register_does_not_stand_in_the_way(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer})
    await world.do("register", email="somebody@outside.example", password="the password of an intruder", name="Intruder")
    outside.claims = {"name": "bad\u202ename"}
    user = (await sign_in(world, outside)).result["user"]
    assert user["name"] == "somebody"
    said = await world.do("sign_in", email=user["email"], password="the password of an intruder")
    assert said.code == "WRONG_CREDENTIALS"


async def test_two_who_come_at_once_are_one_account(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer})
    said = await asyncio.gather(*(sign_in(world, outside) for _ in range(4)))
    assert {each.code for each in said if each.status != 200} <= {
        "SIGNING_IN_AT_THIS_MOMENT",
        "SIGN_IN_AND_LINK",
        "LINKED_ALREADY",
    }
    assert len(await world.store.reader().collection("users").find({})) == 1
    assert len(await world.store.reader().collection("outside_identities").find({})) == 1
    assert (await sign_in(world, outside)).status == 200


@pytest.mark.parametrize("is_strong", [False, True])
async def test_a_second_factor_is_asked_for_unless_the_provider_is_strong(
    outside: OwnProvider, world_with: MakeOutside, is_strong: bool
) -> None:
    world = await world_with({"issuer": outside.issuer, "is_strong": is_strong})
    person = await world.someone()
    app, _ = await enrol(world, person)
    assert (await link(world, outside, person)).status == 200
    said = (await sign_in(world, outside)).result
    assert said["kind"] == ("SignedIn" if is_strong else "SecondFactorNeeded")
    if not is_strong:
        answer = {"challenge": said["challenge"], "code": app.at(world.clock.now())}
        assert (await world.do("answer_second_factor", **answer)).result["kind"] == "SignedIn"
        row = await world.store.reader().collection("sessions").find_one({"methods": ["OPENID", "TOTP"]})
        assert row is not None


# ---- Linking and unlinking


async def test_only_whoever_began_to_link_is_linked(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer})
    owner, stranger = await world.someone(), await world.someone()
    begun = await begin(world, owner, "link_open_id")
    back = outside.code_for(begun["url"])
    foreign = await world.do("finish_open_id_sign_in", stranger, **back)
    absent = await world.do("finish_open_id_sign_in", stranger, state="pto_unknown", code="x")
    assert foreign.without_trace == absent.without_trace
    begun = await begin(world, owner, "link_open_id")
    assert (await world.do("finish_open_id_sign_in", **outside.code_for(begun["url"]))).code == "SIGN_IN_FIRST"
    assert not await world.store.reader().collection("outside_identities").find({})


async def test_an_identity_belongs_to_one_account(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer})
    first, second = await world.someone(), await world.someone()
    begun = await begin(world, first, "link_open_id")
    assert (await link(world, outside, first)).status == 200
    assert (await link(world, outside, second)).code == "IDENTITY_TAKEN"
    assert (await world.do("finish_open_id_sign_in", first, **outside.code_for(begun["url"]))).code == "LINKED_ALREADY"
    assert (await world.do("link_open_id", first, provider="outside")).code == "LINKED_ALREADY"
    [[row]] = (await world.load("outside_identities_of_viewer", ["me"], first)).rows
    assert (row["provider"], row["title"]) == ("outside", "Outside")
    assert set(row) == {"provider", "title", "linked_at", "last_used_at"}
    assert (await world.load("outside_identities_of_viewer", ["me"], second)).rows == [[]]
    assert (await world.do("unlink_open_id", second, provider="outside")).code == "NOT_LINKED"
    assert (await world.do("unlink_open_id", first, provider="outside")).result == {"provider": "outside"}
    assert await told(world, first, "outside_identity_unlinked") == [{"user_id": first.user_id, "provider": "outside"}]
    assert (await link(world, outside, second)).status == 200


async def test_the_last_way_in_is_not_unlinked(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer})
    said = (await sign_in(world, outside)).result
    person = Person(said["user"]["email"], said["user"]["id"], said["token"])
    assert (await world.do("unlink_open_id", person, provider="outside")).code == "LAST_WAY_IN"
    assert (await world.do("sign_in", email=person.email, password=PASSWORD)).code == "WRONG_CREDENTIALS"


async def test_linking_asks_for_a_fresh_session(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer})
    person = await world.someone()
    world.clock.ahead += timedelta(minutes=16)
    for verb in ("link_open_id", "unlink_open_id"):
        assert (await world.do(verb, person, provider="outside")).code == "SIGN_IN_AGAIN"
        assert (await world.do(verb, provider="outside")).code == "SIGN_IN_FIRST"


async def test_a_way_is_good_once_and_for_ten_minutes(outside: OwnProvider, world_with: MakeOutside) -> None:
    world = await world_with({"issuer": outside.issuer})
    back = outside.code_for((await begin(world))["url"])
    said = await asyncio.gather(*(world.do("finish_open_id_sign_in", **back) for _ in range(4)))
    assert sorted(each.status for each in said) == [200, 404, 404, 404]
    back = outside.code_for((await begin(world))["url"])
    world.clock.ahead += timedelta(minutes=10)
    assert (await world.do("finish_open_id_sign_in", **back)).code == "SIGN_IN_NOT_BEGUN"


@pytest.mark.parametrize(
    "path", ["https://evil.example", "//evil.example", "/\\evil.example", "products", "/a b", "/\n", "/" + "x" * 500]
)
async def test_a_browser_goes_on_within_the_portal_only(outside: OwnProvider, world_with: MakeOutside, path: str) -> None:
    world = await world_with({"issuer": outside.issuer})
    said = await world.do("begin_open_id_sign_in", provider="outside", return_to=path)
    assert (said.status, said.fields) == (422, ["return_to"])


async def test_a_provider_that_is_not_set_does_not_exist(world: World) -> None:
    assert (await world.load("open_id_providers", ["all"])).rows == [[]]
    said = await world.do("begin_open_id_sign_in", provider="outside")
    assert (said.status, said.code, said.fields) == (404, "NO_SUCH_PROVIDER", ["provider"])
