"""The addresses beside the graph."""

from typing import Any

import pytest

from graphql_gateway.main import SERVICES


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/.well-known/jwks.json"])
async def test_identitys_public_documents_pass_through(running: Any, path: str) -> None:
    response = await running.http.get(path)
    assert response.content == b"GET " + path.encode() + b" "
    assert response.headers["x-echo"] == "yes"
    assert response.headers["content-type"] == "application/octet-stream"


async def test_the_token_endpoint_passes_through_byte_for_byte(running: Any) -> None:
    body = b"grant_type=client_credentials&scope=%C3%A4"
    response = await running.http.post("/oauth/token", content=body)
    assert response.content == b"POST /oauth/token " + body
    assert (await running.http.get("/oauth/token")).status_code == 405
    assert (await running.http.post("/oauth/token", content=b"x" * 100_000)).status_code == 413


async def test_health_says_which_service_does_not_answer(running: Any, world: Any) -> None:
    assert (await running.http.get("/health/live")).status_code == 200
    ready = await running.http.get("/health/ready")
    assert ready.status_code == 200
    answer_now = world._answer

    async def without_catalog(service: str, request: Any) -> Any:
        if service == "catalog":
            raise ZeroDivisionError
        return await answer_now(service, request)

    world._answer = without_catalog
    not_ready = await running.http.get("/health/ready")
    assert not_ready.status_code == 503
    assert not_ready.json()["parts"] == {name: name != "catalog" for name in SERVICES}


async def test_metrics_are_shown(running: Any) -> None:
    await running.ask("{ __typename }", token=None)
    assert 'service="gateway"' in (await running.http.get("/metrics")).text


async def test_the_front_page(running: Any, start_gateway: Any) -> None:
    assert (await running.http.get("/")).json()["graphql"] == "/graphql"
    async with start_gateway(development=True) as other:
        assert (await other.http.get("/")).headers["location"] == "/graphql"


async def ask_raw(running: Any, path: str, received: dict[str, Any], *, method: str, query: bytes = b"") -> tuple[int, bytes]:
    """Ask as a server hands it over: with bytes that a client library would not send."""
    sent: list[Any] = []

    async def receive() -> Any:
        return received

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": [], "http_version": "1.1"}
    await running.gateway.app(scope | {"scheme": "http", "root_path": ""}, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def test_a_query_string_that_is_no_text_passes_through(running: Any) -> None:
    path = "/.well-known/jwks.json"
    status, body = await ask_raw(running, path, {"type": "http.request", "body": b""}, method="GET", query=b"a=\xff&b=%20")
    assert (status, body.strip()) == (200, b"GET /.well-known/jwks.json")


async def test_a_caller_who_leaves_early_is_no_failure(running: Any) -> None:
    status, _ = await ask_raw(running, "/oauth/token", {"type": "http.disconnect"}, method="POST")
    assert status == 400
