"""The authorization server, asked as foreign programs ask it."""

import asyncio
import base64
import secrets
import socket
from collections.abc import AsyncIterator
from urllib.parse import quote_plus, urlencode

import orjson
import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from chassis.calls import Answer, Call
from portico.servers import HttpServer
from services.identity.applications.domain import write_secret
from services.identity.keys import _NamedAlgorithms
from services.identity.tokens.slowing import Slowing
from tests.services.identity.world import Team, World

FORM = "application/x-www-form-urlencoded"
Client = tuple[str, str, str]


@pytest.fixture(scope="module")
async def client(world: World, team: Team) -> Client:
    # A worker may leave this file and come back to it: the world is still the same then.
    return await world.application(team.organization_id, team.members["DEVELOPER"], f"Caller of APIs {secrets.token_hex(4)}")


@pytest.fixture(scope="module")
async def url(world: World) -> AsyncIterator[str]:
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setblocking(False)
    server = HttpServer("identity", world.service.app, listening)
    await server.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    await server.close()


async def ask(world: World, body: str | bytes, basic: tuple[str, str] | None = None, **headers: str) -> Answer:
    sent = {"content-type": FORM, **{name.replace("_", "-"): value for name, value in headers.items()}}
    if basic:
        pair = ":".join(quote_plus(part) for part in basic)
        sent["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    encoded = body.encode() if isinstance(body, str) else body
    return await world.caller.call(Call("identity", "/oauth/token", encoded, sent))


def error_of(answer: Answer) -> str:
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "application/json"
    return str(orjson.loads(answer.body)["error"])


async def test_a_token_says_who_calls_and_is_verified_with_the_published_keys(world: World, client: Client) -> None:
    application_id, client_id, secret = client
    answer = await ask(world, "grant_type=client_credentials", (client_id, secret))
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    given = orjson.loads(answer.body)
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 600)
    described = await world.caller.call(Call("identity", "/.well-known/jwks.json", method="GET"))
    published = orjson.loads(described.body)
    assert all("d" not in key for key in published["keys"])
    token = jwt.decode(given["access_token"], KeySet.import_key_set(published), registry=_NamedAlgorithms(algorithms=["EdDSA"]))
    assert token.header["typ"] == "at+jwt"
    assert token.header["kid"] == published["keys"][0]["kid"]
    claims = token.claims
    assert claims["iss"] == "http://127.0.0.1:8000"
    assert (claims["sub"], claims["client_id"], claims["aud"]) == (client_id, client_id, "portico:calls")
    assert claims["exp"] - claims["iat"] == 600
    assert claims["application_id"] == application_id
    [row] = (await world.load("applications_by_id", [application_id], None)).rows
    assert row is None
    assert set(claims) == {
        *("iss", "sub", "client_id", "aud", "iat", "exp", "jti"),
        *("application_id", "organization_id", "secret_id"),
    }
    again = orjson.loads((await ask(world, "grant_type=client_credentials", (client_id, secret))).body)
    assert again["access_token"] != given["access_token"]


async def test_the_server_describes_itself(world: World) -> None:
    answer = await world.caller.call(Call("identity", "/.well-known/oauth-authorization-server", method="GET"))
    described = orjson.loads(answer.body)
    assert described["issuer"] == "http://127.0.0.1:8000"
    assert described["token_endpoint"] == "http://127.0.0.1:8000/oauth/token"
    assert described["jwks_uri"] == "http://127.0.0.1:8000/.well-known/jwks.json"
    assert described["grant_types_supported"] == ["client_credentials"]
    for noun, path in (("token", "token"), ("introspection", "introspect"), ("revocation", "revoke")):
        assert described[f"{noun}_endpoint"] == f"http://127.0.0.1:8000/oauth/{path}"
        methods = described[f"{noun}_endpoint_auth_methods_supported"]
        assert methods == ["client_secret_basic", "client_secret_post", "private_key_jwt"]
        assert {"EdDSA", "ES256", "RS256", "PS256"} <= set(described[f"{noun}_endpoint_auth_signing_alg_values_supported"])
    # What may be asked for follows from each application's subscriptions: a list for all would be wrong for everyone.
    assert "scopes_supported" not in described
    assert not {"none", "HS256"} & set(described["token_endpoint_auth_signing_alg_values_supported"])
    assert (described["tls_client_certificate_bound_access_tokens"], "mtls_endpoint_aliases" in described) == (False, False)
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_both_ways_to_authenticate_work_but_not_together(world: World, client: Client) -> None:
    _, client_id, secret = client
    posted = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    assert (await ask(world, urlencode(posted))).status == 200
    assert (await ask(world, urlencode({**posted, "unknown": "x", "audience": ""}))).status == 200
    both = await ask(world, urlencode(posted), (client_id, secret))
    assert (both.status, error_of(both)) == (400, "invalid_request")
    same_id = {"grant_type": "client_credentials", "client_id": client_id}
    assert (await ask(world, urlencode(same_id), (client_id, secret))).status == 200
    other_id = await ask(world, urlencode({**same_id, "client_id": "pci_other"}), (client_id, secret))
    assert error_of(other_id) == "invalid_request"


@pytest.mark.parametrize(
    "shown",
    ["other secret", "other client", "no client", "garbage", "empty", "bearer", "not base64", "no colon", "not text", "id alone"],
)
async def test_every_unknown_client_gets_the_same_answer(world: World, client: Client, shown: str) -> None:
    _, client_id, secret = client
    grant = "grant_type=client_credentials"
    answers = {
        "other secret": lambda: ask(world, grant, (client_id, write_secret("x" * 43))),
        "other client": lambda: ask(world, grant, ("pci_unknown", secret)),
        "no client": lambda: ask(world, grant),
        "garbage": lambda: ask(world, grant, (client_id, "garbage")),
        "empty": lambda: ask(world, grant, (client_id, "")),
        "bearer": lambda: ask(world, grant, authorization=f"Bearer {secret}"),
        "not base64": lambda: ask(world, grant, authorization="Basic ###"),
        "no colon": lambda: ask(world, grant, authorization="Basic " + base64.b64encode(b"abc").decode()),
        "not text": lambda: ask(world, grant, authorization="Basic " + base64.b64encode(b"\xff:\xfe").decode()),
        "id alone": lambda: ask(world, f"{grant}&client_id={client_id}"),
    }
    answer = await answers[shown]()
    assert (answer.status, error_of(answer)) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith('Basic realm="')
    assert answer.body == (await ask(world, grant, (f"pci_{shown}", "x"))).body


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "invalid_request"),
        ("grant_type=", "invalid_request"),
        ("grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        ("grant_type=client_credentials&x=1&x=2", "invalid_request"),
        ("grant_type=authorization_code", "unsupported_grant_type"),
        ("grant_type=password&username=a&password=b", "unsupported_grant_type"),
        ("grant_type=client_credentials&scope=read++write", "invalid_scope"),
        ("grant_type=client_credentials&scope=%22", "invalid_scope"),
        ("grant_type=client_credentials&scope=" + "x" * 1501, "invalid_scope"),
        ("grant_type=client_credentials&resource=https://api.example", "invalid_target"),
        ("grant_type=client_credentials&audience=portico:mail", "invalid_target"),
        (b"grant_type=\xff", "invalid_request"),
        ("grant_type=%ff", "invalid_request"),
        ("&".join(f"a{number}=1" for number in range(60)), "invalid_request"),
    ],
)
async def test_what_is_wrong_with_a_request_is_said_in_the_words_of_the_standard(
    world: World, client: Client, body: str | bytes, error: str
) -> None:
    answer = await ask(world, body, client[1:])
    assert (answer.status, error_of(answer)) == (400, error)


async def test_only_a_form_of_ordinary_size_is_read(world: World, client: Client) -> None:
    answer = await ask(world, '{"grant_type": "client_credentials"}', client[1:], content_type="application/json")
    assert (answer.status, error_of(answer)) == (400, "invalid_request")
    answer = await ask(world, "grant_type=client_credentials&x=" + "x" * 70_000, client[1:])
    assert (answer.status, error_of(answer)) == (413, "invalid_request")
    answer = await world.caller.call(Call("identity", "/oauth/token", method="GET"))
    assert answer.status == 405


async def test_a_retired_secret_and_a_deleted_application_get_no_tokens(world: World, team: Team) -> None:
    by = team.members["DEVELOPER"]
    application_id, client_id, former = await world.application(team.organization_id, by, "Short-lived")
    newer = (await world.do("rotate_secret", by, application_id=application_id)).result["client_secret"]
    grant = "grant_type=client_credentials"
    assert error_of(await ask(world, grant, (client_id, former))) == "invalid_client"
    assert (await ask(world, grant, (client_id, newer))).status == 200
    await world.do("delete_application", by, application_id=application_id)
    assert error_of(await ask(world, grant, (client_id, newer))) == "invalid_client"


async def test_whoever_keeps_being_wrong_is_slowed_down_but_not_the_one_who_is_right(world: World, team: Team) -> None:
    _, client_id, secret = await world.application(team.organization_id, team.members["DEVELOPER"], "Guessed at")
    grant = "grant_type=client_credentials"
    for _ in range(10):
        assert error_of(await ask(world, grant, (client_id, write_secret("x" * 43)))) == "invalid_client"
    held = [asyncio.create_task(ask(world, grant, (client_id, write_secret("x" * 43)))) for _ in range(6)]
    await asyncio.sleep(0.3)
    assert not all(each.done() for each in held)
    assert (await ask(world, grant, (client_id, secret))).status == 200
    assert not all(each.done() for each in held)
    assert {error_of(await each) for each in held} == {"invalid_client"}


def test_slowing_is_bounded_in_time_and_memory() -> None:
    moment = 0.0
    slowing = Slowing(lambda: moment)
    assert [slowing.seconds_for("a") for _ in range(10)] == [0.0] * 10
    assert [slowing.seconds_for("a") for _ in range(7)] == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert slowing.seconds_for("b") == 0.0
    moment = 60.0
    assert slowing.seconds_for("a") == 0.0
    for number in range(20_000):
        slowing.seconds_for(str(number))
    assert len(slowing._wrong) <= 10_000


async def test_a_foreign_client_gets_and_verifies_a_token_over_http(
    client: Client, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    _, client_id, secret = client

    def fetch(**how: object) -> dict[str, object]:
        with OAuth2Session(client=BackendApplicationClient(client_id=client_id)) as session:
            token: dict[str, object] = session.fetch_token(f"{url}/oauth/token", **how)
            return token

    by_header = await asyncio.to_thread(fetch, auth=HTTPBasicAuth(client_id, secret))
    in_body = await asyncio.to_thread(fetch, client_secret=secret, include_client_id=True)
    assert by_header["token_type"] == in_body["token_type"] == "Bearer"
    with pytest.raises(InvalidClientError):
        await asyncio.to_thread(fetch, auth=HTTPBasicAuth(client_id, "wrong"))
    response = await asyncio.to_thread(requests.get, f"{url}/.well-known/oauth-authorization-server", timeout=5)
    assert response.json()["token_endpoint"].endswith("/oauth/token")
