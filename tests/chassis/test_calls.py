"""The gateway's calls: the same promises in process and over HTTP."""

import asyncio
import contextvars
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

from chassis.calls import AsgiCaller, Call, Caller, HttpCaller, ServiceUnavailable
from chassis.mongo import Store

leaky: contextvars.ContextVar[str] = contextvars.ContextVar("leaky", default="clean")


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    path = scope["path"]
    if path == "/slow":
        await asyncio.sleep(5)
    if path == "/fails":
        raise RuntimeError("a failure inside")
    if path == "/context":
        body = leaky.get().encode()
        leaky.set("set inside")
    if path == "/headers":
        body = repr(sorted(scope["headers"])).encode()
    if path == "/query":
        body = scope["query_string"]
    status = 418 if path == "/status" else 200
    await send({"type": "http.response.start", "status": status, "headers": [(b"X-Kind", b"echo")]})
    for start in range(0, len(body), 70_000):
        await send({"type": "http.response.body", "body": body[start : start + 70_000], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(params=["in process", "over HTTP"])
async def caller(request: pytest.FixtureRequest) -> AsyncIterator[Caller]:
    if request.param == "in process":
        yield AsgiCaller({"echo": app})
        return
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    made = HttpCaller({"echo": f"http://127.0.0.1:{port}", "gone": "http://127.0.0.1:1"})
    yield made
    await made.close()
    server.should_exit = True
    await serving


async def test_body_status_and_headers_come_back(caller: Caller) -> None:
    answer = await caller.call(Call("echo", "/status", b"hello", {"x-more": "1"}))
    assert (answer.status, answer.headers["x-kind"], answer.body) == (418, "echo", b"hello")


async def test_large_bodies_travel_whole(caller: Caller) -> None:
    body = bytes(range(256)) * 4096
    assert (await caller.call(Call("echo", "/large", body))).body == body


async def test_the_query_travels(caller: Caller) -> None:
    assert (await caller.call(Call("echo", "/query?a=1&b=%20", method="GET"))).body == b"a=1&b=%20"


async def test_every_call_carries_the_trace(caller: Caller) -> None:
    assert b"traceparent" in (await caller.call(Call("echo", "/headers"))).body


async def test_many_calls_at_once_do_not_mix(caller: Caller) -> None:
    bodies = [str(n).encode() * 500 for n in range(100)]
    answers = await asyncio.gather(*(caller.call(Call("echo", "/", body)) for body in bodies))
    assert [answer.body for answer in answers] == bodies


async def test_a_slow_service_is_unavailable_at_the_deadline(caller: Caller) -> None:
    with pytest.raises(ServiceUnavailable):
        await caller.call(Call("echo", "/slow", timeout_seconds=0.1))
    assert (await caller.call(Call("echo", "/", b"next"))).body == b"next"


async def test_a_failing_service_answers_500(caller: Caller) -> None:
    assert (await caller.call(Call("echo", "/fails"))).status == 500


@pytest.mark.parametrize("service", ["gone", "never heard of"])
async def test_a_service_that_is_not_there_is_unavailable(caller: Caller, service: str) -> None:
    with pytest.raises(ServiceUnavailable):
        await caller.call(Call(service, "/"))


async def test_context_leaks_neither_in_nor_out(caller: Caller) -> None:
    leaky.set("set outside")
    assert (await caller.call(Call("echo", "/context"))).body == b"clean"
    assert leaky.get() == "set outside"


async def test_no_call_is_made_while_a_transaction_is_open(caller: Caller, make_store: Any) -> None:
    store: Store = make_store("calls")
    await store.reader().collection("things").insert_one({"_id": "a"})

    async def work(_tx: object) -> None:
        await caller.call(Call("echo", "/"))

    with pytest.raises(AssertionError, match="while a transaction is open"):
        await store.transact(store.reader().principal, work)


class _Flaky(asyncio.Protocol):
    """Answers the first request of a connection, and drops the connection at the second."""

    asked = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._count = 0

    def data_received(self, _data: bytes) -> None:
        type(self).asked += 1
        self._count += 1
        if self._count == 2:
            self._transport.abort()
        else:
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")


@pytest.mark.parametrize(("path", "asked"), [("/load/things_by_id", 3), ("/do/make_thing", 2)])
async def test_only_reading_is_asked_again_when_a_kept_connection_breaks(path: str, asked: int) -> None:
    _Flaky.asked = 0
    server = await asyncio.get_running_loop().create_server(_Flaky, "127.0.0.1", 0)
    caller = HttpCaller({"flaky": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"})
    assert (await caller.call(Call("flaky", path))).body == b"ok"
    if path.startswith("/load/"):
        assert (await caller.call(Call("flaky", path))).body == b"ok"
    else:
        with pytest.raises(ServiceUnavailable):
            await caller.call(Call("flaky", path))
    assert _Flaky.asked == asked
    await caller.close()
    server.close()


async def test_a_header_cannot_smuggle_a_line() -> None:
    caller = HttpCaller({"echo": "http://127.0.0.1:1"})
    with pytest.raises(ServiceUnavailable, match="line break"):
        await caller.call(Call("echo", "/", headers={"x": "a\r\nb: c"}))


def test_it_runs_on_the_loop_that_the_platform_runs_on() -> None:
    async def call_once() -> bytes:
        server = await asyncio.get_running_loop().create_server(_Flaky, "127.0.0.1", 0)
        caller = HttpCaller({"flaky": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"})
        answer = await caller.call(Call("flaky", "/load/things_by_id"))
        await caller.close()
        server.close()
        return answer.body

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(uvloop.run, call_once()).result(10) == b"ok"
