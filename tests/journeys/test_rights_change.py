"""What somebody may do changes at every service and on every open socket once it is announced, with nothing else happening."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from chassis.calls import Answer, AsgiCaller, Call
from chassis.principal import HEADER
from portico.foreign import Graph, open_account
from tests.journeys.two_organizations import PERIOD, World

PATIENCE_SECONDS = 10  # what is waited for comes within a second; a test asserts that it comes, not how soon
TICKED = "subscription($input: UsageInput!) { usageTicked(input: $input) { totals { calls } } }"
CHANGED = "subscription($id: ID!) { subscriptionChanged(applicationId: $id) { id } }"


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_so():  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.02)


@asynccontextmanager
async def watching(world: World, who: Graph, query: str, variables: Any) -> AsyncIterator[ClientConnection]:
    """Watch over a socket, and be sure that it is being watched."""
    url = world.url.replace("http://", "ws://", 1)
    async with connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
        payload = {"authorization": f"Bearer {who.token}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query, "variables": variables}}))
        await socket.send(json.dumps({"type": "ping"}))
        assert json.loads(await socket.recv())["type"] == "pong"
        yield socket


async def code_of_the_end(socket: ClientConnection) -> str:
    """Return the code with which a watch ends; updates that come before it are passed over."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            told = json.loads(await socket.recv())
            payload = told.get("payload")
            errors = payload if told["type"] == "error" else (payload or {}).get("errors")
            if errors:
                return str(errors[0]["extensions"]["code"])


async def passport_of(platform: Any, who: Graph) -> str:
    """Return a passport of somebody, as a gateway would hold it."""
    body = json.dumps({"token": who.token}).encode()
    answer = await ask(platform, "identity", "/do/issue_passport", body)
    return str(json.loads(answer.body)["result"]["passport"])


async def ask(platform: Any, service: str, path: str, body: bytes, **headers: str) -> Answer:
    caller = AsgiCaller({name: part.app for name, part in platform.whole.parts.items()})
    return await caller.call(Call(service, path, body, headers))


async def is_outdated_everywhere(platform: Any, passport: str) -> bool:
    """Ask every service with a passport that was good; the answers show whether each has heard that it is not any more."""
    codes = set()
    for service, load in LOADS.items():
        answer = await ask(platform, service, f"/load/{load}", b"no json", **{HEADER: passport})
        codes.add(json.loads(answer.body)["code"])
    assert codes <= {"BODY_NOT_READABLE", "PASSPORT_OUTDATED"}
    return codes == {"PASSPORT_OUTDATED"}


async def _watches(platform: Any, count: int) -> bool:
    return bool(platform.whole.gateway.hub.watching == count)


LOADS = {
    "identity": "organizations_by_id",
    "catalog": "products_by_id",
    "subscriptions": "subscriptions_by_id",
    "analytics": "usage",
}


@pytest.fixture
async def member(world: World) -> AsyncIterator[dict[str, str]]:
    """Somebody of their own who is a Developer of the first organization, as the input of verbs names them."""
    graph = Graph(world.people["owner"]._http, world.url)
    world.people["developer for now"] = graph
    name = f"now-{secrets.token_hex(3)}"
    user = await open_account(graph, world.mailbox, world.address_of(name), "a kettle on a slow stove", name="Dana")
    world.people[name] = graph
    await world.join(name)
    named = {"organizationId": world.ids["organization"], "userId": user["id"]}
    await world.make("owner", "changeRole", "... on Membership { role }", **named, role="DEVELOPER")
    yield named
    del world.people[name], world.people["developer for now"]


@pytest.fixture
def developer(world: World, member: dict[str, str]) -> Graph:
    return world.people["developer for now"]


async def test_a_removed_member_is_a_stranger_at_every_service_and_socket(
    world: World, platform: Any, developer: Graph, member: dict[str, str]
) -> None:
    passport = await passport_of(platform, developer)
    usage = {"input": {**PERIOD, "organizationId": world.ids["organization"]}}
    application = {"id": world.ids["application"]}
    assert not await is_outdated_everywhere(platform, passport)
    async with (
        watching(world, developer, TICKED, usage) as ticked,
        watching(world, developer, CHANGED, application) as changed,
    ):
        await until(lambda: _watches(platform, 2))
        await world.make("owner", "removeMember", "... on RemovedMember { userId }", **member)
        assert await code_of_the_end(ticked) == "NOTHING_TO_WATCH"
        assert await code_of_the_end(changed) == "NOTHING_TO_WATCH"
    await until(lambda: is_outdated_everywhere(platform, passport))
    assert (await developer.ask("query($id: ID!) { application(id: $id) { id } }", id=world.ids["application"]))[
        "application"
    ] is None


async def test_a_smaller_role_takes_effect_at_services_that_only_know_the_passport(
    world: World, platform: Any, developer: Graph, member: dict[str, str]
) -> None:
    passport = await passport_of(platform, developer)
    product = await developer.do(
        "createProduct", "... on Product { id }", organizationId=world.ids["organization"], title="Buoys"
    )
    await world.make("owner", "changeRole", "... on Membership { role }", **member, role="OBSERVER")
    await until(lambda: is_outdated_everywhere(platform, passport))
    body = json.dumps({"product_id": product["id"]}).encode()
    answer = await ask(platform, "catalog", "/do/change_product", body, **{HEADER: passport})
    assert json.loads(answer.body)["code"] == "PASSPORT_OUTDATED"
    refused = await developer.ask(
        'mutation($id: ID!) { changeProduct(input: {productId: $id, title: "Mine"}) { ... on Problem { code } } }',
        id=product["id"],
    )
    assert refused == {"changeProduct": {"code": "ROLE_NOT_ALLOWED"}}


async def test_a_session_that_ends_is_over_at_every_service_and_socket(world: World, platform: Any, developer: Graph) -> None:
    passport = await passport_of(platform, developer)
    async with watching(world, developer, CHANGED, {"id": world.ids["application"]}) as changed:
        await until(lambda: _watches(platform, 1))
        assert await developer.ask("mutation { signOut { ... on SignedOut { done } } }") == {"signOut": {"done": True}}
        assert await code_of_the_end(changed) == "SESSION_ENDED"
    await until(lambda: is_outdated_everywhere(platform, passport))
