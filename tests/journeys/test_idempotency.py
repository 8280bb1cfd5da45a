"""Asking again, through the whole platform: what was done is not done twice, and is told to nobody else."""

import asyncio
import secrets
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from websockets.asyncio.client import connect

from portico.foreign import Graph, open_account
from tests.journeys.two_organizations import World, document

CREATE = """mutation($input: CreateApplicationInput!) { createApplication(input: $input) { __typename
  ... on CreatedApplication { clientSecret application { id clientId name organization { name } } }
  ... on Problem { code message retryAfterSeconds } } }"""
ROTATE = """mutation($input: RotateSecretInput!) { rotateSecret(input: $input) { __typename
  ... on RotatedSecret { clientSecret application { secrets { id status } } } ... on Problem { code } } }"""
IMPORT = """mutation($input: ImportApiInput!) { importApi(input: $input) { __typename
  ... on ImportedApi { version { id } } ... on Problem { code } } }"""
INVITE = """mutation($input: InviteMemberInput!) { inviteMember(input: $input) { __typename
  ... on Invitation { id } ... on Problem { code } } }"""
NAMES = "query($id: ID!) { organization(id: $id) { applications(first: 100) { nodes { name } } } }"


def new_key() -> str:
    return secrets.token_urlsafe(24)


def replayed(answer: httpx.Response) -> list[str]:
    found: list[str] = answer.json().get("extensions", {}).get("idempotency", {}).get("replayed", [])
    return found


async def ask(world: World, text: str, key: str | None, *, who: str = "owner", **input_: Any) -> httpx.Response:
    graph = world.people[who]
    headers = {"authorization": f"Bearer {graph.token}"} if graph.token else {}
    headers |= {"idempotency-key": f'"{key}"'} if key else {}
    answer = await graph._http.post(world.url, json={"query": text, "variables": {"input": input_}}, headers=headers)
    assert "errors" not in answer.json(), answer.text
    return answer


async def create(world: World, key: str | None, name: str, *, who: str = "owner", **more: Any) -> tuple[Any, httpx.Response]:
    wanted = {"organizationId": world.ids["organization"], "name": name, **more}
    answer = await ask(world, CREATE, key, who=who, **wanted)
    return answer.json()["data"]["createApplication"], answer


async def applications_named(world: World, name: str) -> int:
    found = await world.people["owner"].ask(NAMES, id=world.ids["organization"])
    return [each["name"] for each in found["organization"]["applications"]["nodes"]].count(name)


@pytest.fixture
def name() -> str:
    return f"Asked again {secrets.token_hex(4)}"


async def test_an_application_is_created_once_and_its_secret_told_again(world: World, name: str) -> None:
    key = new_key()
    first, first_answer = await create(world, key, name)
    second, second_answer = await create(world, key, name)
    assert first["clientSecret"]
    assert first == second
    assert await applications_named(world, name) == 1
    assert "idempotency-replayed" not in first_answer.headers
    assert second_answer.headers["idempotency-replayed"] == "true"
    assert replayed(second_answer) == ["createApplication"]


async def test_twelve_at_once_are_one(world: World, name: str) -> None:
    key = new_key()
    made = [each for each, _ in await asyncio.gather(*(create(world, key, name) for _ in range(12)))]
    assert {each.get("clientSecret") for each in made} == {made[0]["clientSecret"]}
    assert await applications_named(world, name) == 1


async def test_a_secret_is_rotated_once(world: World) -> None:
    key, application = new_key(), await world.application()
    first, second = [await ask(world, ROTATE, key, applicationId=application["id"]) for _ in range(2)]
    assert first.json()["data"] == second.json()["data"]
    statuses = [each["status"] for each in second.json()["data"]["rotateSecret"]["application"]["secrets"]]
    assert len(statuses) == 2


async def test_a_document_is_imported_and_a_member_invited_once(world: World, name: str) -> None:
    product = await world.product(name, is_published=False)
    imported = {"productId": product["product"], "document": document("askedAgain"), "label": "v9"}
    invited = {"organizationId": world.ids["organization"], "email": f"{new_key()}@again.example", "role": "OBSERVER"}
    for text, wanted in ((IMPORT, imported), (INVITE, invited)):
        key = new_key()
        first, second = [await ask(world, text, key, **wanted) for _ in range(2)]
        assert first.json()["data"] == second.json()["data"]
        assert "Problem" not in first.text
        assert replayed(second)


async def test_another_input_under_the_same_key_is_a_problem(world: World, name: str) -> None:
    key = new_key()
    await create(world, key, name)
    problem, _ = await create(world, key, f"{name} 2")
    assert problem["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert await applications_named(world, f"{name} 2") == 0


async def test_another_person_with_the_same_key_is_told_nothing(world: World, name: str) -> None:
    key = new_key()
    mine, _ = await create(world, key, name)
    same, _ = await create(world, key, name, who="administrator")
    assert same["code"] == "APPLICATION_NAME_TAKEN"
    theirs, answer = await create(world, key, f"{name} 2", who="administrator")
    assert theirs["clientSecret"] != mine["clientSecret"]
    assert replayed(answer) == []
    stranger, _ = await create(world, key, name, who="stranger")
    assert stranger["code"] == "NOT_FOUND"


async def test_nobody_is_told_nothing(world: World, name: str) -> None:
    key = new_key()
    await create(world, key, name)
    sent = {"query": CREATE, "variables": {"input": {"organizationId": world.ids["organization"], "name": name}}}
    answer = await world.people["owner"]._http.post(world.url, json=sent, headers={"idempotency-key": key})
    assert answer.json()["data"]["createApplication"]["code"] == "SIGN_IN_FIRST"


async def test_a_refusal_is_asked_anew(world: World, name: str) -> None:
    key, (taken, _) = new_key(), await create(world, None, name)
    assert (await create(world, key, name))[0]["code"] == "APPLICATION_NAME_TAKEN"
    await world.make("owner", "deleteApplication", "... on DeletedApplication { id }", applicationId=taken["application"]["id"])
    made, answer = await create(world, key, name)
    assert (made["__typename"], replayed(answer)) == ("CreatedApplication", [])


async def test_several_mutations_of_one_document_are_told_apart(world: World, name: str) -> None:
    def two(*names: str) -> dict[str, Any]:
        fields = " ".join(
            f'{alias}: createApplication(input: {{organizationId: "{world.ids["organization"]}", name: "{name} {alias}"}}) '
            "{ ... on CreatedApplication { clientSecret } ... on Problem { code } }"
            for alias in names
        )
        return {"query": f"mutation {{ {fields} }}", "extensions": {"idempotencyKey": key}}

    key, owner = new_key(), world.people["owner"]
    headers = {"authorization": f"Bearer {owner.token}"}
    first = await owner._http.post(world.url, json=two("a", "b"), headers=headers)
    again = await owner._http.post(world.url, json=two("a", "b"), headers=headers)
    more = await owner._http.post(world.url, json=two("a", "b", "c"), headers=headers)
    assert first.json()["data"] == again.json()["data"]
    assert first.json()["data"]["a"] != first.json()["data"]["b"]
    assert (replayed(again), again.headers.get("idempotency-replayed")) == (["a", "b"], "true")
    assert (replayed(more), more.headers.get("idempotency-replayed")) == (["a", "b"], None)
    assert more.json()["data"]["c"]["clientSecret"]


async def test_over_a_socket_it_is_the_same(world: World, name: str) -> None:
    key = new_key()
    made, _ = await create(world, key, name)
    owner, url = world.people["owner"], world.url.replace("http", "ws", 1)
    variables = {"input": {"organizationId": world.ids["organization"], "name": name}}
    async with connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        await socket.send(
            orjson.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {owner.token}"}}).decode()
        )
        assert orjson.loads(await socket.recv())["type"] == "connection_ack"

        async def say(given: Any, number: int) -> Any:
            payload = {"query": CREATE, "variables": variables, "extensions": {"idempotencyKey": given}}
            await socket.send(orjson.dumps({"id": str(number), "type": "subscribe", "payload": payload}).decode())
            told = orjson.loads(await socket.recv())["payload"]
            if isinstance(told, dict):
                assert orjson.loads(await socket.recv())["type"] == "complete"
            return told

        again = await say(key, 1)
        assert again["data"]["createApplication"] == made
        assert again["extensions"] == {"idempotency": {"replayed": ["createApplication"]}}
        assert (await say("short", 2))[0]["extensions"]["code"] == "IDEMPOTENCY_KEY_NOT_USABLE"
        anew = await say(None, 3)
        assert anew["data"]["createApplication"]["code"] == "APPLICATION_NAME_TAKEN"
        assert "extensions" not in anew


async def test_whoever_has_left_is_told_what_they_were_told_and_no_more(world: World, name: str) -> None:
    team = await world.team()
    world.spoil(team)
    key = new_key()
    made, _ = await create(world, key, name, who="developer", organizationId=team)
    await world.make("developer", "leaveOrganization", "... on RemovedMember { __typename }", organizationId=team)
    again, answer = await create(world, key, name, who="developer", organizationId=team)
    assert replayed(answer) == ["createApplication"]
    assert again["clientSecret"] == made["clientSecret"]
    assert again["application"]["organization"] is None, "what is read beside it is read with the rights of now"


async def test_a_session_is_opened_each_time(world: World) -> None:
    """A token is kept nowhere: under a key, and signed in already, signing in gives another one."""
    graph, email, password = (
        Graph(world.people["owner"]._http, world.url),
        f"{new_key()}@again.example",
        secrets.token_urlsafe(18),
    )
    await open_account(graph, world.mailbox, email, password, name="Again")
    text = "mutation($input: SignInInput!) { signIn(input: $input) { ... on Problem { code } ... on SignedIn { token } } }"
    sent = {"query": text, "variables": {"input": {"email": email, "password": password}}}
    headers = {"idempotency-key": new_key(), "authorization": f"Bearer {graph.token}"}
    answers = [await graph._http.post(world.url, json=sent, headers=headers) for _ in range(2)]
    tokens = [each.json()["data"]["signIn"]["token"] for each in answers]
    assert len({graph.token, *tokens}) == 3
    assert replayed(answers[1]) == []


async def test_after_a_sudden_end_the_effect_stands_and_is_said_to(world: World, platform: Any, name: str) -> None:
    """Identity was killed between its commit and keeping the answer."""
    key, markers = new_key(), platform.whole.parts["identity"].store.reader().collection("idempotency_markers")
    before = {each["_id"] for each in await markers.find({})}
    await create(world, key, name)
    (marker,) = [each for each in await markers.find({}) if each["_id"] not in before]
    long_ago = marker["done_at"] - timedelta(minutes=5)
    await markers.update_one({"_id": marker["_id"]}, {"$unset": {"answer": 1}, "$set": {"done_at": long_ago}})
    problem, _ = await create(world, key, name)
    assert problem["code"] == "DONE_ALREADY"
    assert "look at" in problem["message"]
    assert await applications_named(world, name) == 1


async def test_no_secret_lies_in_the_database(world: World, platform: Any, name: str) -> None:
    key = new_key()
    made, _ = await create(world, key, name)
    database = platform.whole.parts["identity"].store.database
    found = [
        batch
        for collection in await database.list_collection_names()
        async for batch in database[collection].find_raw_batches({})
    ]
    kept = b"".join(found)
    assert made["application"]["clientId"].encode() in kept
    for secret in (made["clientSecret"], key):
        assert secret.encode() not in kept
