"""Trying an operation: who may, what is sent where, and what of the answer is read."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from chassis.local import LocalBus
from services.enforcement.main import build
from services.enforcement.settings import EnforcementSettings
from services.enforcement.trying.environments import Environment, path_in
from tests.passports import ROLES, make_verifier
from tests.services.enforcement.stage import Client, Issuer, Product, Stage, until
from tests.services.enforcement.trials import token_of, tried, wanted

FINE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-request-id: r-1\r\n\r\nhi"


@dataclass
class Proxy:
    """What stands where the proxy does: it keeps what it was sent, and answers as it is told to."""

    answer: bytes = FINE
    then_waits: bool = False
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    seen: list[bytes] = field(default_factory=list)
    address: str = ""
    _waiting: set[asyncio.Task[Any]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            self.seen.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answer)
            await writer.drain()
            if self.then_waits:
                await self.is_over.wait()
        writer.close()
        self._waiting.discard(task)

    @property
    def lines(self) -> list[str]:
        return self.seen[-1].decode().strip().split("\r\n")


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    made = Proxy()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    made.is_over.set()
    server.close()


MakeStage = Callable[..., Any]


@pytest.fixture
async def make_stage(issuer: Issuer, bus: LocalBus, make_store: Callable[..., Any], proxy: Proxy) -> AsyncIterator[MakeStage]:
    """Make enforcement with this proxy: ``await make_stage(trial_seconds=1)``."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(**settings: Any) -> Stage:
            here = EnforcementSettings(keys_dir=issuer.folder, data_plane=None, trial_address=proxy.address, **settings)
            service = build(here, bus, make_store("enforcement"), verifier=make_verifier(issuer.folder))
            await service.declare()
            await service.start()
            stack.push_async_callback(service.close)
            return Stage(bus, issuer, service)

        yield make


@pytest.fixture
async def stage(make_stage: MakeStage) -> Stage:
    made: Stage = await make_stage()
    return made


async def known(stage: Stage) -> tuple[Client, Product]:
    """An application and a product that have been announced."""
    return await stage.application(), await stage.product()


async def test_the_call_goes_to_the_operation_below_its_base_path_and_says_who_calls(stage: Stage, proxy: Proxy) -> None:
    client, product = await known(stage)
    headers = [{"name": "Accept-Language", "value": "lv"}, {"name": "cookie", "value": "theme=dark"}]
    body = wanted(stage, client, product, headers=headers)
    result = (await tried(stage, "DEVELOPER", client.organization_id, body)).result
    assert proxy.lines == [
        f"GET {product.base_path}/pets/7?limit=1 HTTP/1.1",
        f"host: {proxy.address}",
        "Accept-Language: lv",
        "cookie: theme=dark",
        f"authorization: Bearer {body['access_token']}",
        "accept-encoding: identity",
        "connection: close",
    ]
    assert result["request"] == {
        "method": "GET",
        "path": f"{product.base_path}/pets/7?limit=1",
        "headers": [
            *headers,
            {"name": "authorization", "value": "Bearer (not shown)"},
            {"name": "accept-encoding", "value": "identity"},
        ],
        "body": None,
    }
    response = result["response"]
    assert (response["status"], response["body"], response["bytes"], response["truncated"]) == (200, "hi", 2, False)
    assert {"name": "x-request-id", "value": "r-1"} in response["headers"]
    assert (result["request_id"], result["counted_as"], result["rejection"]) == ("r-1", "SANDBOX", None)
    assert result["duration_ms"] > 0


async def test_a_body_is_sent_whole(stage: Stage, proxy: Proxy) -> None:
    client, product = await known(stage)
    sent = {"method": "POST", "operation_id": "addPet", "target": "/pets", "body": '{"name": "Mīla"}'}
    assert (await tried(stage, "OWNER", client.organization_id, wanted(stage, client, product, **sent))).status == 200
    assert "content-length: 17" in proxy.lines


@pytest.mark.parametrize("role", ROLES)
async def test_who_may(stage: Stage, proxy: Proxy, role: str) -> None:
    client, product = await known(stage)
    answered = await tried(stage, role, client.organization_id, wanted(stage, client, product))
    if role == "OBSERVER":
        assert (answered.status, answered.code, proxy.seen) == (403, "ROLE_NOT_ALLOWED", [])
    else:
        assert answered.status == 200


async def test_to_strangers_and_to_nobody_there_is_nothing_to_try(stage: Stage, proxy: Proxy) -> None:
    client, product = await known(stage)
    body = wanted(stage, client, product)
    stranger = await tried(stage, "OWNER", "org_other", body)
    absent = await tried(stage, "OWNER", "org_other", body | {"access_token": stage.issuer.token("none", None, trial_id="trl_1")})
    assert stranger.without_trace() == absent.without_trace()
    assert (stranger.status, stranger.code) == (404, "NOT_FOUND")
    nobody = await tried(stage, None, "", body)
    assert (nobody.status, nobody.code) == (401, "SIGN_IN_FIRST")
    assert proxy.seen == []


async def test_only_a_trials_token_will_do(stage: Stage, proxy: Proxy) -> None:
    client, product = await known(stage)
    for token in (client.token, "x", "", token_of(stage, client) + "x", token_of(stage, client, exp=1), "a\r\nb: c"):
        answered = await tried(stage, "OWNER", client.organization_id, wanted(stage, client, product, access_token=token))
        assert (answered.status, answered.code) == (422, "TRIAL_TOKEN_NEEDED"), token
    assert proxy.seen == []


NOT_THE_OPERATIONS: list[dict[str, Any]] = [
    {"target": "http://127.0.0.1:1/pets/7"},
    {"target": "//127.0.0.1/pets/7"},
    {"target": "/pets/../../other"},
    {"target": "/pets/%2e%2e"},
    {"target": "/pets/a%2fb"},
    {"target": "/pets/7 HTTP/1.1\r\nx: y"},
    {"target": "/pets/7#x"},
    {"target": "/pets/ž"},
    {"target": "/pets"},
    {"target": ""},
    {"target": "/pets/" + "x" * 9000},
    {"operation_id": "listPets"},
    {"operation_id": "none"},
    {"method": "DELETE"},
    {"method": "get"},
    *(
        {"headers": [{"name": name, "value": value}]}
        for name, value in (
            ("Host", "127.0.0.1"),
            ("x\r\ny", "z"),
            ("x", "y\r\nz: a"),
            ("X-Portico-Organization", "org_evil"),
            ("authorization", "Bearer x"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", "0"),
            ("x-forwarded-client-cert", "Hash=x"),
            ("x_y", "z"),
        )
    ),
]


@pytest.fixture(scope="module")
async def one_stage(
    issuer: Issuer, make_store: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Stage, Client, Product]]:
    """Enforcement with a data plane that nobody may reach."""
    bus = LocalBus(tmp_path_factory.mktemp("trying") / "bus.sqlite")
    await bus.start()
    settings = EnforcementSettings(keys_dir=issuer.folder, data_plane=None, trial_address="127.0.0.1:1")
    service = build(settings, bus, make_store("enforcement"), verifier=make_verifier(issuer.folder))
    await service.declare()
    await service.start()
    stage = Stage(bus, issuer, service)
    yield stage, *(await known(stage))
    await service.close()
    await bus.close()


@pytest.mark.parametrize("more", NOT_THE_OPERATIONS, ids=[str(number) for number, _ in enumerate(NOT_THE_OPERATIONS)])
async def test_what_is_not_a_request_of_the_operation_is_never_sent(
    one_stage: tuple[Stage, Client, Product], more: dict[str, Any]
) -> None:
    stage, client, product = one_stage
    answered = await tried(stage, "OWNER", client.organization_id, wanted(stage, client, product, **more))
    assert (answered.status, answered.code) == (422, "REQUEST_NOT_USABLE")


async def test_a_version_that_is_not_announced_or_not_there_or_over_is_not_called(
    one_stage: tuple[Stage, Client, Product],
) -> None:
    stage, client, product = one_stage
    for more in ({"version_id": "ver_other"}, {"base_path": "/no/such/api"}, {"base_path": "//127.0.0.1:1/x"}):
        answered = await tried(stage, "OWNER", client.organization_id, wanted(stage, client, product, **more))
        assert (answered.status, answered.code) == (409, "VERSION_NOT_IN_FORCE"), more
    over = await stage.product()
    await stage.life(over, "retired")

    async def refused() -> bool:
        answered = await tried(stage, "OWNER", client.organization_id, wanted(stage, client, over))
        return (answered.status, answered.body.get("code")) == (409, "VERSION_NOT_IN_FORCE")

    await until(refused, 60)


async def test_where_no_data_plane_answers_that_is_said(one_stage: tuple[Stage, Client, Product]) -> None:
    stage, client, product = one_stage
    answered = await tried(stage, "OWNER", client.organization_id, wanted(stage, client, product))
    assert (answered.status, answered.code) == (503, "DATA_PLANE_UNAVAILABLE")


@pytest.mark.parametrize(
    "answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000]
)
async def test_what_is_no_answer_is_none(stage: Stage, proxy: Proxy, answer: bytes) -> None:
    client, product = await known(stage)
    proxy.answer = answer
    answered = await tried(stage, "OWNER", client.organization_id, wanted(stage, client, product))
    assert (answered.status, answered.code) == (503, "DATA_PLANE_UNAVAILABLE")


ENDINGS: list[tuple[bytes, str | None, bool]] = [
    (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "hi", False),
    (b"HTTP/1.1 200 OK\r\n\r\nto the end", "to the end", False),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut", "cut", True),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc", False),
    (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", "abc", True),
    (b"HTTP/1.1 204 No Content\r\n\r\n", "", False),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n\xff\xfe\x00\x01", None, False),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + b"x" * 1023 + "ž".encode() * 1988 + b"y", "x" * 1023, True),
]


@pytest.mark.parametrize(("answer", "body", "is_truncated"), ENDINGS, ids=[str(number) for number, _ in enumerate(ENDINGS)])
async def test_an_answer_is_read_to_its_end_or_to_the_bound(
    make_stage: MakeStage, proxy: Proxy, answer: bytes, body: str | None, is_truncated: bool
) -> None:
    stage = await make_stage(trial_response_bytes=1024)
    client, product = await known(stage)
    proxy.answer = answer
    response = (await tried(stage, "OWNER", client.organization_id, wanted(stage, client, product))).result["response"]
    assert (response["body"], response["truncated"]) == (body, is_truncated)


async def test_an_answer_that_never_ends_is_shown_as_far_as_it_came(make_stage: MakeStage, proxy: Proxy) -> None:
    stage = await make_stage(trial_seconds=5)
    client, product = await known(stage)
    proxy.answer, proxy.then_waits = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", True
    response = (await tried(stage, "OWNER", client.organization_id, wanted(stage, client, product))).result["response"]
    assert (response["body"], response["truncated"]) == ("abc", True)


async def test_only_so_many_run_at_the_same_time(make_stage: MakeStage, proxy: Proxy) -> None:
    stage = await make_stage(trials_at_once_of_one=1, trial_seconds=25)
    client, product = await known(stage)
    proxy.answer, proxy.then_waits = b"", True
    first = asyncio.create_task(tried(stage, "OWNER", client.organization_id, wanted(stage, client, product)))

    async def has_begun() -> bool:
        return bool(proxy.seen)

    await until(has_begun, 60)
    second = await tried(stage, "OWNER", client.organization_id, wanted(stage, client, product))
    assert (second.status, second.code, second.body["retry_after_seconds"]) == (429, "TOO_MANY_TRIALS", 1)
    proxy.is_over.set()
    assert (await first).code == "DATA_PLANE_UNAVAILABLE"
    proxy.answer, proxy.then_waits = FINE, False
    assert (await tried(stage, "OWNER", client.organization_id, wanted(stage, client, product))).status == 200


async def test_a_token_that_comes_back_is_not_shown(stage: Stage, proxy: Proxy) -> None:
    client, product = await known(stage)
    body = wanted(stage, client, product)
    token = body["access_token"].encode()
    proxy.answer = b"HTTP/1.1 200 OK\r\nx-token: %s\r\ncontent-length: %d\r\n\r\n<%s>" % (token, len(token) + 2, token)
    answered = await tried(stage, "OWNER", client.organization_id, body)
    assert body["access_token"] not in str(answered.body)
    assert answered.result["response"]["body"] == "<(not shown)>"


def test_one_function_says_where_an_environment_is_called() -> None:
    assert path_in(Environment.PRODUCTION, "/a/b/v1") == "/a/b/v1"
    assert path_in(Environment.SANDBOX, "/a/b/v1") == "/sandbox/a/b/v1"
