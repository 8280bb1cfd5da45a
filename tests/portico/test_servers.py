"""Who a request comes from: the socket's peer, or what a trusted proxy says."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from portico.servers import HttpServer
from portico.trouble import bind

FORWARDED = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https"}


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    assert request.client is not None
    await JSONResponse([request.client.host, request.url.scheme])(scope, receive, send)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    servers: list[HttpServer] = []

    async def start(trusted_proxies: str) -> str:
        server = HttpServer("teller", tell, bind("127.0.0.1", 0, "a free port"), trusted_proxies=trusted_proxies)
        await server.start()
        servers.append(server)
        return f"http://127.0.0.1:{server.port}"

    yield start
    for server in servers:
        await server.close()


@pytest.mark.parametrize(
    ("trusted", "told"),
    [
        ("", ["127.0.0.1", "http"]),
        ("10.0.0.0/8", ["127.0.0.1", "http"]),
        ("127.0.0.1", ["203.0.113.9", "https"]),
        ("10.0.0.0/8,127.0.0.0/8", ["203.0.113.9", "https"]),
    ],
)
async def test_only_a_trusted_proxy_is_believed(serve: Callable[[str], Awaitable[str]], trusted: str, told: list[str]) -> None:
    url = await serve(trusted)
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(url, headers=FORWARDED)).json() == told
        assert (await http.get(url)).json() == ["127.0.0.1", "http"]
