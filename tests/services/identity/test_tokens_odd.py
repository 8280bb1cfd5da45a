"""Odd, hostile and simultaneous requests to the authorization server: refused in its own words, never with a 500, never twice."""

import asyncio
import base64
import random
from urllib.parse import quote

import pytest
from joserfc.jwk import OKPKey

from chassis.calls import Call
from services.identity.tokens.domain import OAuthRefusal
from services.identity.tokens.showing import read_shown
from tests.certificates import issue
from tests.services.identity.oauth import FORM, GRANT, Client, claims_of, client, error_of, post, read
from tests.services.identity.world import Team, World

PATHS = ("/oauth/token", "/oauth/introspect", "/oauth/revoke")
ODD = (
    "",
    "\x00",
    "%",
    "%zz",
    "\ud7ff",
    "😀" * 50,
    "a" * 3000,
    "$ne",
    "[]",
    "{}",
    "null",
    "a.b.c",
    "e30.e30.e30",
    "..",
    "=",
    "&",
    "+",
)


@pytest.fixture
async def mine(world: World, team: Team) -> Client:
    return await client(world, team.organization_id, team.members["DEVELOPER"])


async def test_one_assertion_shown_many_times_at_once_proves_its_client_once(mine: Client) -> None:
    key = OKPKey.generate_key("Ed25519")
    await mine.register_key(key)
    given = {**GRANT, **mine.assertion(key, "EdDSA")}
    answers = await asyncio.gather(*(post(mine.world, "/oauth/token", given) for _ in range(12)))
    assert sorted(each.status for each in answers) == [200] + [401] * 11


async def test_an_assertion_proves_nobody_else(mine: Client, team: Team) -> None:
    other = await client(mine.world, team.organization_id, team.members["DEVELOPER"])
    key = OKPKey.generate_key("Ed25519")
    await mine.register_key(key)
    shown = {**GRANT, **mine.assertion(key, "EdDSA"), "client_id": other.client_id}
    assert error_of(await post(mine.world, "/oauth/token", shown)) == (401, "invalid_client")
    claimed = {**GRANT, **mine.assertion(key, "EdDSA", iss=other.client_id, sub=other.client_id)}
    assert error_of(await post(mine.world, "/oauth/token", claimed)) == (401, "invalid_client")
    both = {**GRANT, **mine.assertion(key, "EdDSA")}
    assert error_of(await post(mine.world, "/oauth/token", both, basic=mine.basic)) == (400, "invalid_request")


async def test_a_certificate_of_another_organization_neither_proves_nor_binds(mine: Client, world: World, team: Team) -> None:
    pem = issue().pem
    foreign = await client(world, team.stranger_organization_id, team.stranger)
    said = await world.do("register_certificate", foreign.by, application_id=foreign.application_id, pem=pem)
    assert said.status == 200
    alone = {**GRANT, "client_id": mine.client_id}
    assert error_of(await post(world, "/oauth/token", alone, certificate=pem)) == (401, "invalid_client")
    token = read(await mine.post("/oauth/token", GRANT, certificate=pem))["access_token"]
    assert not {"cnf", "certificate_id"} & claims_of(token).keys()


@pytest.mark.parametrize("path", PATHS)
async def test_odd_input_is_refused_and_is_no_fault_of_ours(mine: Client, path: str) -> None:
    dice = random.Random(path)
    names = (
        "grant_type",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "scope",
        "token",
        "resource",
    )
    for _ in range(60):
        pairs = "&".join(f"{dice.choice(names)}={quote(dice.choice(ODD), safe='%')}" for _ in range(dice.randint(0, 5)))
        headers = {"content-type": FORM}
        way = dice.random()
        if way < 0.4:
            pair = f"{dice.choice(ODD)}:{dice.choice(ODD)}".encode()
            headers["authorization"] = "Basic " + base64.b64encode(pair).decode()
        elif way < 0.6:
            headers["authorization"] = dice.choice(("Basic", "Basic =", "Bearer x", "basic \t", "Basic ÿ"))
        elif way < 0.7:
            headers["portico-client-certificate"] = quote(dice.choice(ODD))
        answer = await mine.world.caller.call(Call("identity", path, pairs.encode(), headers, timeout_seconds=120))
        assert error_of(answer)[0] in (400, 401), (pairs, headers, answer)
    for body in (b"\xff\xfe", b"a=%ff", b"&".join(b"a%d=1" % each for each in range(60)), b"token=x&token=y"):
        assert error_of(await post(mine.world, path, body, basic=mine.basic)) == (400, "invalid_request")
    for scope in ("%00", "zoo:", ":", "::", "a  b", " a", "a" * 1501, "é", "zoo%22"):
        body = b"grant_type=client_credentials&scope=" + quote(scope, safe="%").encode()
        answer = await post(mine.world, "/oauth/token", body, basic=mine.basic)
        assert error_of(answer) == (400, "invalid_scope")
    for token in ODD[1:]:
        if path == "/oauth/introspect":
            assert read(await mine.post(path, {"token": token})) == {"active": False}


def test_no_client_id_is_longer_than_what_is_counted_and_looked_up() -> None:
    encoded = base64.b64encode(b"a" * 201 + b":secret").decode()
    for authorization, given in ((f"Basic {encoded}", {}), (None, {"client_id": "a" * 201, "client_secret": "b"})):
        with pytest.raises(OAuthRefusal) as refused:
            read_shown(authorization, given, None)
        assert refused.value.status == 401
