"""Files through the gateway, kept by a real identity: sent with a bearer or a cookie, refused as problem documents."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from chassis.calls import AsgiCaller
from graphql_gateway.files import LARGEST_BYTES
from graphql_gateway.main import build
from graphql_gateway.settings import GatewaySettings
from tests.services.identity.filing import PDF
from tests.services.identity.world import PASSWORD, Person, World
from tests.services.mail_server import MovingClock


@dataclass
class Counter:
    """A gateway before a real identity."""

    world: World
    http: httpx.AsyncClient
    person: Person

    def headers(self, **more: str | None) -> dict[str, str]:
        sent = {
            "authorization": f"Bearer {self.person.token}",
            "content-type": "application/pdf",
            "portico-file-name": quote("Līgums.pdf"),
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        return {name: value for name, value in sent.items() if value is not None}

    async def send(self, content: Any = PDF, **more: str | None) -> httpx.Response:
        return await self.http.post("/files", content=content, headers=self.headers(**more))


@pytest.fixture(scope="module")
async def counter(make_store: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    clock = MovingClock()
    world = World(make_store("identity", clock), tmp_path_factory.mktemp("identity"), clock)
    await world.start()
    settings = GatewaySettings(cookie_secure=False, allowed_origins=("https://pages.example",))
    gateway = build(settings, AsgiCaller({"identity": world.service.app}), world.bus, clock)
    await gateway.start()
    transport = httpx.ASGITransport(gateway.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://portico.test") as http:
        yield Counter(world, http, await world.someone("Anna"))
    await gateway.close()
    await world.close()


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    document = response.json()
    assert document["status"] == response.status_code
    assert document["trace_id"]
    return response.status_code, document["code"]


async def test_a_file_is_sent_and_fetched(counter: Counter) -> None:
    sent = await counter.send()
    assert sent.status_code == 201
    kept = sent.json()
    file_id = kept.pop("id")
    assert file_id.startswith("fil_")
    assert kept == {
        "name": "Līgums.pdf",
        "size": len(PDF),
        "sha256": hashlib.sha256(PDF).hexdigest(),
        "contentType": "application/pdf",
    }
    assert sent.headers["location"] == f"/files/{file_id}"
    got = await counter.http.get(f"/files/{file_id}", headers={"authorization": f"Bearer {counter.person.token}"})
    assert (got.status_code, got.content) == (200, PDF)
    assert got.headers["content-type"] == "application/pdf"
    assert got.headers["content-disposition"] == "attachment; filename=\"L_gums.pdf\"; filename*=UTF-8''L%C4%ABgums.pdf"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["cache-control"] == "no-store"
    assert "sandbox" in got.headers["content-security-policy"]
    answer = await counter.http.post(
        "/graphql",
        json={"query": f'{{ node(id: "{file_id}") {{ __typename id ... on File {{ name size expiresAt }} }} }}'},
        headers={"authorization": f"Bearer {counter.person.token}"},
    )
    node = answer.json()["data"]["node"]
    assert (node["__typename"], node["name"], node["size"]) == ("File", "Līgums.pdf", len(PDF))


async def test_a_stranger_gets_what_does_not_exist(counter: Counter) -> None:
    file_id = (await counter.send()).json()["id"]
    stranger = await counter.world.someone()
    answers = [
        await counter.http.get(f"/files/{each}", headers={"authorization": f"Bearer {stranger.token}"})
        for each in (file_id, "fil_01JD0000000000000000000000")
    ]
    bodies = [{name: value for name, value in each.json().items() if name != "trace_id"} for each in answers]
    headers = [{name: value for name, value in each.headers.items() if name != "content-length"} for each in answers]
    assert [problem(each) for each in answers] == [(404, "NOT_FOUND")] * 2
    assert bodies[0] == bodies[1]
    assert headers[0] == headers[1]
    assert len(answers[0].content) == len(answers[1].content)


async def test_without_a_session_nothing_is_read(counter: Counter) -> None:
    for response in (await counter.send(authorization=None), await counter.http.get("/files/fil_1")):
        assert problem(response) == (401, "SIGN_IN_FIRST")
        assert response.headers["www-authenticate"] == "Bearer"
    assert problem(await counter.send(authorization="Bearer pts_none")) == (401, "SESSION_ENDED")


@pytest.mark.parametrize(
    ("content", "more", "status", "code"),
    [
        (PDF, {"content_type": "text/html"}, 415, "FILE_MEDIA_TYPE_NOT_TAKEN"),
        (PDF, {"content_type": "multipart/form-data; boundary=x"}, 415, "FILE_MEDIA_TYPE_NOT_TAKEN"),
        (PDF, {"content_type": None}, 415, "FILE_MEDIA_TYPE_NOT_TAKEN"),
        (b"<html>", {}, 415, "FILE_KIND_NOT_TAKEN"),
        (b"", {}, 422, "FILE_EMPTY"),
        (PDF, {"portico_file_name": None}, 422, "FILE_NAME_NOT_USABLE"),
        (PDF, {"portico_file_name": "%ff"}, 422, "FILE_NAME_NOT_USABLE"),
        (b"%PDF-" + b"x" * (LARGEST_BYTES - 4), {}, 413, "FILE_TOO_LARGE"),
        (PDF, {"content_length": "99999999999999999999999999"}, 413, "FILE_TOO_LARGE"),
        (PDF, {"content_length": "-1"}, 411, "LENGTH_MISSING"),
    ],
)
async def test_what_is_refused_says_so_as_a_problem(
    counter: Counter, content: bytes, more: dict[str, str | None], status: int, code: str
) -> None:
    assert problem(await counter.send(content, **more)) == (status, code)


async def test_the_largest_file_passes_and_its_declared_type_does_not_matter(counter: Counter) -> None:
    content = b"%PDF-" + b"x" * (LARGEST_BYTES - 5)
    sent = await counter.send(content, content_type="application/octet-stream")
    assert (sent.status_code, sent.json()["contentType"]) == (201, "application/pdf")


async def test_a_file_without_a_length_is_not_read(counter: Counter) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield PDF

    assert problem(await counter.send(pieces())) == (411, "LENGTH_MISSING")


async def test_a_body_longer_than_it_says_is_cut_off(counter: Counter) -> None:
    read = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1000):
            read += 1024 * 1024
            yield b"x" * 1024 * 1024

    assert problem(await counter.send(pieces(), content_length="100")) == (413, "FILE_TOO_LARGE")
    assert read <= LARGEST_BYTES + 2 * 1024 * 1024


async def test_a_pages_cookie_needs_the_csrf_token_to_send_and_none_to_fetch(counter: Counter) -> None:
    query = "mutation($i: SignInInput!) { signIn(input: $i) { __typename ... on Problem { code } } }"
    given = {"email": counter.person.email, "password": PASSWORD, "cookie": True}
    async with httpx.AsyncClient(transport=counter.http._transport, base_url="http://portico.test") as page:
        signed_in = await page.post("/graphql", json={"query": query, "variables": {"i": given}})
        assert "errors" not in signed_in.json(), signed_in.json()
        csrf = page.cookies["portico_csrf"]
        sent = counter.headers(authorization=None)
        assert problem(await page.post("/files", content=PDF, headers=sent)) == (403, "CSRF_TOKEN_MISSING")
        wrong = {**sent, "portico-csrf": "wrong"}
        assert problem(await page.post("/files", content=PDF, headers=wrong)) == (403, "CSRF_TOKEN_MISSING")
        foreign = {**sent, "portico-csrf": csrf, "origin": "https://evil.example"}
        assert problem(await page.post("/files", content=PDF, headers=foreign)) == (403, "ORIGIN_NOT_ALLOWED")
        kept = await page.post("/files", content=PDF, headers={**sent, "portico-csrf": csrf})
        assert kept.status_code == 201
        path = f"/files/{kept.json()['id']}"
        got = await page.get(path)
        assert (got.status_code, got.headers["cross-origin-resource-policy"]) == (200, "same-origin")
        assert problem(await page.get(path, headers={"origin": "https://evil.example"})) == (403, "ORIGIN_NOT_ALLOWED")


async def test_pages_of_allowed_origins_may_send(counter: Counter) -> None:
    asked = {"origin": "https://pages.example", "access-control-request-method": "POST"}
    names = "content-type,portico-csrf,portico-file-name"
    allowed = await counter.http.options("/files", headers={**asked, "access-control-request-headers": names})
    assert allowed.status_code == 200
    assert "portico-file-name" in allowed.headers["access-control-allow-headers"]


async def test_when_identity_is_away_files_are_too(counter: Counter) -> None:
    gateway = build(GatewaySettings(cookie_secure=False), AsgiCaller({}), counter.world.bus, MovingClock())
    transport = httpx.ASGITransport(gateway.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://portico.test") as http:
        response = await http.post("/files", content=PDF, headers=counter.headers())
    assert problem(response)[0] == 503
    assert "identity" not in response.text


async def test_other_methods_are_not_taken(counter: Counter) -> None:
    assert (await counter.http.put("/files", content=PDF)).status_code == 405
    assert (await counter.http.get("/files")).status_code == 405
