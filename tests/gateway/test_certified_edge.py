"""The certified edge: it believes a client certificate beside the shared secret, and the public addresses never do."""

from typing import Any

import httpx
import pytest

from graphql_gateway.edge import CERTIFICATE_HEADER, CERTIFIED_HEADER

SECRET = "shared with the proxy"
CERTIFICATE = "-----BEGIN%20CERTIFICATE-----%0AAAAA%0A-----END%20CERTIFICATE-----%0A"


@pytest.fixture
def seen(world: Any) -> list[dict[str, str]]:
    """The headers of each request that reached identity for a token."""
    found: list[dict[str, str]] = []
    answer_now = world._answer

    async def answer(service: str, request: Any) -> Any:
        if request.url.path.startswith("/oauth/"):
            found.append(dict(request.headers))
        return await answer_now(service, request)

    world._answer = answer
    return found


def certified(running: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(running.gateway.certified), base_url="http://certified")


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/introspect", "/oauth/revoke"])
async def test_beside_the_secret_the_certificate_goes_on(start_gateway: Any, seen: list[dict[str, str]], path: str) -> None:
    async with start_gateway(certified_secret=SECRET) as running, certified(running) as http:
        for shown in (CERTIFICATE, "", "-", None):
            headers = {CERTIFIED_HEADER: SECRET, "x-forwarded-client-cert": "Hash=forged", "authorization": "Basic abc"}
            answer = await http.post(
                path, headers=headers | ({} if shown is None else {CERTIFICATE_HEADER: shown}), content=b"a=b"
            )
            assert (answer.status_code, answer.content) == (200, f"POST {path} a=b".encode())
            assert seen[-1].get(CERTIFICATE_HEADER) == (shown if shown == CERTIFICATE else None)
            assert seen[-1]["authorization"] == "Basic abc"
            assert not {CERTIFIED_HEADER, "x-forwarded-client-cert"} & set(seen[-1])


async def test_without_the_secret_there_is_nothing(start_gateway: Any, seen: list[dict[str, str]]) -> None:
    async with start_gateway(certified_secret=SECRET) as running, certified(running) as http:
        for headers in (
            [],
            [(CERTIFIED_HEADER, "")],
            [(CERTIFIED_HEADER, SECRET + "x")],
            [(CERTIFIED_HEADER, "\xe4".encode("latin-1").decode("latin-1"))],
            [(CERTIFIED_HEADER, "guessed"), (CERTIFIED_HEADER, SECRET)],
        ):
            raw = [(name.encode(), value.encode("latin-1")) for name, value in [*headers, (CERTIFICATE_HEADER, CERTIFICATE)]]
            assert (await http.post("/oauth/token", headers=raw)).status_code == 404
        assert (await http.post("/graphql", headers={CERTIFIED_HEADER: SECRET})).status_code == 404
        assert (await http.get("/oauth/token", headers={CERTIFIED_HEADER: SECRET})).status_code == 405
    assert seen == []


async def test_two_certificates_are_one_too_many(start_gateway: Any, seen: list[dict[str, str]]) -> None:
    async with start_gateway(certified_secret=SECRET) as running, certified(running) as http:
        headers = [(CERTIFIED_HEADER, SECRET), (CERTIFICATE_HEADER, CERTIFICATE), (CERTIFICATE_HEADER, "another")]
        assert (await http.post("/oauth/token", headers=headers)).status_code == 400
    assert seen == []


async def test_the_public_addresses_pass_no_certificate_on_whoever_sends_it(
    start_gateway: Any, seen: list[dict[str, str]]
) -> None:
    async with start_gateway(certified_secret=SECRET) as running:
        headers = {CERTIFIED_HEADER: SECRET, CERTIFICATE_HEADER: CERTIFICATE, "x-forwarded-client-cert": "Hash=forged"}
        assert (await running.http.post("/oauth/token", headers=headers)).status_code == 200
    assert not set(headers) & set(seen[-1])


async def test_without_a_secret_there_is_no_certified_edge(running: Any) -> None:
    assert running.gateway.certified is None
