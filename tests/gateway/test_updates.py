"""Live updates over a real server: WebSocket and server-sent events, each read with the watcher's own rights."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import orjson
import pytest
import uvicorn
from gql import Client, gql
from gql.transport.websockets import WebsocketsTransport
from starlette.responses import Response
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chassis.errors import Refusal
from graphql_gateway.context import Context, Desk
from graphql_gateway.engine.declare import Watch
from graphql_gateway.engine.front import Asked, Front
from graphql_gateway.live import updates
from graphql_gateway.schema import model
from tests.gateway.canned import subscription

CHANGED = 'subscription { subscriptionChanged(applicationId: "app_1") { id status product { slug } } }'
TICKED = """subscription($id: ID!) {
  usageTicked(input: {from: "2026-11-01T00:00:00Z", to: "2026-11-02T00:00:00Z", organizationId: $id})
  { completeness totals { calls } } }"""
ANN = {"authorization": "Bearer token-ann"}


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something that has no event of its own."""
    for _ in range(500):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to be")


@pytest.fixture
async def address(running: Any) -> AsyncIterator[str]:
    """The host and port of a real server in front of the gateway."""
    config = uvicorn.Config(running.gateway.app, port=0, log_level="error", lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    yield f"{host}:{port}"
    server.should_exit = True
    await asyncio.wait_for(task, 10)


class Socket:
    """A plain client of the protocol."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def send(self, **message: Any) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def receive(self, seconds: float = 5.0) -> Any:
        return orjson.loads(await asyncio.wait_for(self.connection.recv(), seconds))

    async def begin(self, payload: Any = None) -> None:
        await self.send(type="connection_init", payload=payload or {})
        assert (await self.receive())["type"] == "connection_ack"

    async def watch(self, query: str, id_: str = "1", **variables: Any) -> None:
        await self.send(id=id_, type="subscribe", payload={"query": query, "variables": variables})


@contextlib.asynccontextmanager
async def socket_to(address: str, protocol: str = "graphql-transport-ws", **more: Any) -> AsyncIterator[Socket]:
    async with connect(f"ws://{address}/graphql", subprotocols=[protocol], **more) as connection:  # type: ignore[list-item]
        yield Socket(connection)


async def watched_by(running: Any, count: int = 1) -> None:
    """Wait until so many updates are being watched."""
    await until(lambda: running.gateway.hub.watching == count)
    await asyncio.sleep(0.05)


async def change(running: Any, number: int = 1, application_id: str = "app_1", **more: Any) -> None:
    """Change a subscription and announce it."""
    running.world.subscriptions[f"sub_{number}"] = subscription(number, application_id, **more)
    data = {"subscription_id": f"sub_{number}", "application_id": application_id}
    await running.wire.announce("subscriptions.subscription_cancelled.v1", data)


async def test_a_change_is_told_over_a_websocket(running: Any, address: str) -> None:
    async with socket_to(address) as socket:
        await socket.begin(ANN)
        await socket.watch(CHANGED)
        await watched_by(running)
        await change(running, 3, "app_2", status="CANCELLED")
        await change(running, 1, "app_1", status="CANCELLED")
        told = await socket.receive()
        changed = {"id": "sub_1", "status": "CANCELLED", "product": {"slug": "accounts"}}
        assert told == {"id": "1", "type": "next", "payload": {"data": {"subscriptionChanged": changed}}}
        await change(running, 1, "app_1", status="ACTIVE")
        assert (await socket.receive())["payload"]["data"]["subscriptionChanged"]["status"] == "ACTIVE", "read afresh each time"
        await socket.send(id="1", type="complete")
        await watched_by(running, 0)


async def test_every_fact_about_a_subscription_tells_and_none_about_something_else_of_the_application(running: Any) -> None:
    hub = running.gateway.hub
    watch = model().types["Updates"]["subscriptionChanged"].source
    assert isinstance(watch, Watch)
    with hub.watch(watch, {"application_id": "app_1"}) as watcher:
        await running.wire.announce("subscriptions.permission_granted.v1", {"permission_id": "prm_1", "application_id": "app_1"})
        for number, fact in enumerate(
            ("subscription_suspended", "subscription_resumed", "plan_changed", "plan_change_requested")
        ):
            data = {"subscription_id": f"sub_{number}", "application_id": "app_1"}
            await running.wire.announce(f"subscriptions.{fact}.v1", data)
            assert (await watcher.next())["id"] == f"sub_{number}"


async def test_usage_ticks_for_whom_it_concerns(running: Any, address: str) -> None:
    async with socket_to(address) as socket:
        await socket.begin(ANN)
        await socket.watch(TICKED, id="org_ann")
        await watched_by(running)
        ids: dict[str, list[str]] = {"organization_ids": ["org_bob"], "application_ids": [], "product_ids": []}
        await running.wire.announce("analytics.usage_recorded.v1", ids)
        await running.wire.announce("analytics.usage_recorded.v1", ids | {"organization_ids": ["org_ann", "org_bob"]})
        told = await socket.receive()
        assert told["payload"]["data"]["usageTicked"] == {"completeness": 1.0, "totals": {"calls": 3_000_000_000}}
        assert sum(each.path == "/load/usage" for each in running.world.asked) == 2, "once to be let in, once for the tick"


@pytest.mark.parametrize("payload", [{"authorization": "Bearer token-bob"}, {}])
async def test_strangers_watch_nothing(running: Any, address: str, payload: Any) -> None:
    async with socket_to(address) as socket:
        await socket.begin(payload)
        await socket.watch(CHANGED)
        told = await socket.receive()
        assert told["type"] == "error"
        assert told["payload"][0]["extensions"]["code"] == "NOTHING_TO_WATCH"
        absent = CHANGED.replace("app_1", "app_nothing")
        await socket.watch(absent, "2")
        assert (await socket.receive())["payload"][0]["message"] == told["payload"][0]["message"]
    assert running.gateway.hub.watching == 0


RIGHTS_CHANGED = {"user_id": "usr_ann", "rights_version": 2}


async def test_who_loses_the_right_is_told_at_once_and_hears_no_more(running: Any, address: str) -> None:
    async with socket_to(address) as socket:
        await socket.begin(ANN)
        await socket.watch(CHANGED)
        await watched_by(running)
        running.world.members["usr_ann"] = {}
        await running.wire.announce("identity.rights_changed.v1", RIGHTS_CHANGED)
        told = await socket.receive(1)
        assert told["payload"]["errors"][0]["extensions"]["code"] == "NOTHING_TO_WATCH", "though nothing else has happened"
        assert (await socket.receive())["type"] == "complete"
        await watched_by(running, 0)
        await socket.watch(CHANGED, "2")
        assert (await socket.receive())["type"] == "error"


async def test_a_session_that_ends_ends_what_it_watches_at_once(running: Any, address: str) -> None:
    async with socket_to(address) as socket:
        await socket.begin(ANN)
        await socket.watch(CHANGED)
        await watched_by(running)
        running.world.sessions.clear()
        await running.wire.announce("identity.session_ended.v1", {"user_id": "usr_ann", "session_id": "ses_1"})
        told = await socket.receive(1)
        assert told["payload"]["errors"][0]["extensions"]["code"] == "SESSION_ENDED"
        assert (await socket.receive())["type"] == "complete"


async def test_other_rights_that_suffice_change_nothing_for_a_watcher(running: Any, address: str) -> None:
    async with socket_to(address) as socket:
        await socket.begin(ANN)
        await socket.watch(CHANGED)
        await watched_by(running)
        running.world.broken["identity"] = lambda: Response(b"{}", 503)
        await running.wire.announce("identity.rights_changed.v1", RIGHTS_CHANGED)
        await running.wire.announce("identity.rights_changed.v1", RIGHTS_CHANGED | {"user_id": "usr_bob"})
        with pytest.raises(TimeoutError):
            await socket.receive(0.2)
        running.world.broken.clear()
        await change(running, status="CANCELLED")
        assert (await socket.receive())["payload"]["data"]["subscriptionChanged"]["status"] == "CANCELLED"
        assert running.gateway.hub.watching == 1


async def test_many_changes_of_one_thing_are_read_once(running: Any) -> None:
    hub = running.gateway.hub
    watch = model().types["Updates"]["subscriptionChanged"].source
    assert isinstance(watch, Watch)
    with hub.watch(watch, {"application_id": "app_1"}) as watcher:
        for number in [1, 2, 1, 3, 1]:
            await running.wire.announce(
                "subscriptions.subscription_cancelled.v1", {"subscription_id": f"sub_{number}", "application_id": "app_1"}
            )
        assert [(await watcher.next())["id"] for _ in range(3)] == ["sub_1", "sub_2", "sub_3"]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(watcher.next(), 0.01)


async def test_queries_and_mutations_run_over_a_websocket_too(running: Any, address: str) -> None:
    async with socket_to(address) as socket:
        await socket.begin(ANN)
        await socket.watch("{ viewer { user { id } } }")
        assert (await socket.receive())["payload"]["data"] == {"viewer": {"user": {"id": "usr_ann"}}}
        assert (await socket.receive()) == {"id": "1", "type": "complete"}
        await socket.watch("{ nothing }")
        assert (await socket.receive())["payload"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        await socket.watch("{ products(first: 100) { nodes { apis { versions { operations { path } } } } } }")
        assert (await socket.receive())["payload"][0]["extensions"]["code"] == "DOCUMENT_TOO_EXPENSIVE"


async def test_only_the_one_protocol_is_spoken(address: str) -> None:
    async with socket_to(address, "graphql-ws") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await socket.receive()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4406


@pytest.mark.parametrize(
    "message",
    ["null", "7", '"x"', "[]", "{", "{}", '{"type":"subscribe","id":7}', '{"type":"subscribe","id":"1","payload":7}', "[" * 1000],
)
async def test_an_unreadable_message_closes_the_connection(address: str, message: str) -> None:
    async with socket_to(address) as socket:
        await socket.begin(ANN)
        await socket.connection.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.receive()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4400


async def test_a_dead_session_cannot_connect(address: str) -> None:
    async with socket_to(address) as socket:
        await socket.send(type="connection_init", payload={"authorization": "Bearer made up"})
        with pytest.raises(ConnectionClosed) as closed:
            await socket.receive()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403


async def test_a_cookie_needs_its_csrf_token_and_an_own_origin(running: Any, address: str) -> None:
    cookie = {"cookie": "portico_session=token-ann|csrf-1"}
    async with socket_to(address, additional_headers=cookie) as socket:
        await socket.begin({"Portico-CSRF": "csrf-1"})
        await socket.watch("{ viewer { user { id } } }")
        assert (await socket.receive())["payload"]["data"]["viewer"] is not None
    async with socket_to(address, additional_headers=cookie) as socket:
        await socket.send(type="connection_init", payload={})
        with pytest.raises(ConnectionClosed):
            await socket.receive()
    with pytest.raises(InvalidStatus):
        async with socket_to(address, additional_headers=cookie, origin="https://evil.example"):
            pass


async def test_a_foreign_client_library_hears_updates(running: Any, address: str) -> None:
    transport = WebsocketsTransport(f"ws://{address}/graphql", init_payload=ANN)
    async with Client(transport=transport) as session:
        heard = session.subscribe(gql(CHANGED))
        first = asyncio.ensure_future(anext(heard))
        await watched_by(running)
        await change(running, status="CANCELLED")
        assert (await asyncio.wait_for(first, 5))["subscriptionChanged"]["status"] == "CANCELLED"
        await heard.aclose()


@contextlib.asynccontextmanager
async def events_of(address: str, query: str, headers: Any = None, **variables: Any) -> AsyncIterator[Any]:
    sent = {"accept": "text/event-stream", **(ANN if headers is None else headers)}
    body = {"query": query, "variables": variables}
    async with (
        httpx.AsyncClient() as http,
        http.stream("POST", f"http://{address}/graphql", json=body, headers=sent, timeout=5) as stream,
    ):
        yield stream


async def next_event(lines: Any) -> tuple[str, Any]:
    kind = ""
    async for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            return kind, orjson.loads(line.removeprefix("data: ") or "null")
    return "end", None


async def test_a_change_is_told_as_a_server_sent_event(running: Any, address: str) -> None:
    async with events_of(address, CHANGED) as stream:
        assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        await watched_by(running)
        await change(running, status="CANCELLED")
        lines = stream.aiter_lines()
        kind, told = await next_event(lines)
        assert (kind, told["data"]["subscriptionChanged"]["status"]) == ("next", "CANCELLED")
    await watched_by(running, 0)


async def test_a_query_over_events_is_one_event_and_the_end(running: Any, address: str) -> None:
    async with events_of(address, "{ viewer { user { id } } }") as stream:
        lines = stream.aiter_lines()
        assert await next_event(lines) == ("next", {"data": {"viewer": {"user": {"id": "usr_ann"}}}})
        assert await next_event(lines) == ("complete", None)


async def test_strangers_get_no_events(running: Any, address: str) -> None:
    async with events_of(address, CHANGED, {}) as stream:
        lines = stream.aiter_lines()
        kind, told = await next_event(lines)
        assert (kind, told["errors"][0]["extensions"]["code"]) == ("next", "NOTHING_TO_WATCH")
        assert await next_event(lines) == ("complete", None)


async def test_updates_need_a_stream(running: Any) -> None:
    response = await running.post({"query": CHANGED}, token="token-ann")
    assert response.status_code == 406


async def test_there_is_an_end_to_how_many_watch(start_gateway: Any) -> None:
    async with start_gateway(updates_at_once=1) as running:
        front = Front(model())
        ready = front.ready(Asked(CHANGED))
        context = Context(Desk(running.gateway.sessions._caller, running.gateway.sessions), "token-ann")
        first = updates(front, running.gateway.hub, ready, context)
        waiting = asyncio.ensure_future(anext(first))
        await watched_by(running)
        with pytest.raises(Refusal) as refused:
            await anext(updates(front, running.gateway.hub, ready, context))
        assert refused.value.code == "TOO_MANY_UPDATES"
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        assert running.gateway.hub.watching == 0
