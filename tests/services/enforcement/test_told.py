"""Calls that are told in headers: the path is put in order before it is looked at, and the answer says what is to be sent."""

import base64
import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from services.enforcement.checks.told import CallNotReadable, Told, in_order, refused_for
from tests.certificates import issue
from tests.services.enforcement.stage import Client, Product, Stage

# What is written, and what Envoy makes of it: the same as we do. None: it is refused.
PATHS: list[tuple[str, str | None]] = [
    ("/api/a/b/c", "/api/a/b/c"),
    ("/api//a", "/api/a"),
    ("//api/a", "/api/a"),
    ("/api/./a", "/api/a"),
    ("/api/x/../a", "/api/a"),
    ("/api/a/..", "/api/"),
    ("/api/a/.", "/api/a/"),
    ("/api/a/", "/api/a/"),
    ("/../api/a", "/api/a"),
    ("/api/...", "/api/..."),
    ("/api/x/%2e%2E/a", "/api/a"),
    ("/api/%2E/a", "/api/a"),
    ("/api/%41b%7e%61%2D%2e%5F", "/api/Ab~a-._"),
    ("/api/a\\b", "/api/a/b"),
    ("/api/a%20b%25%c3%A9%3f", "/api/a%20b%25%c3%A9%3f"),
    ('/api/a"<>|{}^`', "/api/a%22%3C%3E%7C%7B%7D%5E%60"),
    ("/api/a;x=1*'()!$&+,=:@", "/api/a;x=1*'()!$&+,=:@"),
    ("/api/a?x=//../%2f", "/api/a?x=//../%2f"),
    ("/api/a%2fb", None),
    ("/api/a%5Cb", None),
    ("/api/..%2Fb", None),
    ("/api/%00", None),
    ("/api/a b", None),
    ("/api/a#f", None),
    ("/api/a?x=a b", None),
    ("/api/a?x#f", None),
    ("/api/é", None),
    ("*", None),
]


@pytest.mark.parametrize(("written", "meant"), PATHS)
def test_a_path_is_put_in_order(written: str, meant: str | None) -> None:
    if meant is None:
        with pytest.raises(CallNotReadable):
            in_order(written.encode())
    else:
        assert in_order(written.encode()) == meant.encode()
        assert in_order(meant.encode()) == meant.encode()


async def _ready(stage: Stage) -> tuple[Client, Product]:
    client, product = await stage.application(), await stage.product()
    await stage.subscribe(client, product)
    await stage.check_until(405, "PATCH", f"{product.base_path}/pets", client.headers)
    return client, product


async def ask(stage: Stage, at: str, path: str, headers: dict[str, Any], *, method: str = "GET") -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{stage.check_port}", trust_env=False) as http:
        told = {"x-original-uri": path, "x-original-method": method, "x-request-id": "call-1", **headers}
        return await http.get(at, headers=told)


@pytest.mark.parametrize(("at", "sandbox"), [("/nginx", "sandbox"), ("/check", "http://127.0.0.1:8081")])
async def test_an_allowed_call_is_told_where_to_be_sent(stage: Stage, at: str, sandbox: str) -> None:
    client, product = await _ready(stage)
    target = f"{product.base_path}/pets/7?secret=1"
    for path in (target, f"/sandbox{target}"):
        answer = await ask(stage, at, path, client.headers)
        assert answer.status_code == 200
        assert answer.headers["portico-upstream"] == sandbox
        assert answer.headers["portico-target"] == target
    assert answer.headers["x-portico-operation"] == "getPet"


async def test_nginx_is_told_the_path_in_order_and_others_are_refused_what_is_in_none(stage: Stage) -> None:
    client, product = await _ready(stage)
    written = f"{product.base_path}/x/..//pets?a=/../b"
    answer = await ask(stage, "/nginx", written, client.headers)
    assert (answer.headers["x-portico-operation"], answer.headers["portico-target"]) == (
        "listPets",
        f"{product.base_path}/pets?a=/../b",
    )
    refused = await ask(stage, "/check", written, client.headers)
    assert (refused.status_code, refused.json()["code"], refused.json()["request_id"]) == (400, "CALL_NOT_READABLE", "call-1")
    escaped = await ask(stage, "/nginx", f"{product.base_path}/pets/a%2Fb", client.headers)
    assert (escaped.status_code, escaped.headers["portico-status"]) == (403, "400")
    assert json.loads(escaped.headers["portico-problem"])["code"] == "CALL_NOT_READABLE"


async def test_headers_that_tell_several_calls_tell_none(stage: Stage) -> None:
    client, product = await _ready(stage)
    path = f"{product.base_path}/pets"
    for more, status in (
        ({"x-forwarded-uri": path}, 200),
        ({"x-original-url": f"https://api.example{path}", "x-forwarded-method": "GET"}, 200),
        ({"x-forwarded-uri": f"{path}/7"}, 400),
        ({"x-original-url": f"https://api.example{path}?other"}, 400),
        ({"x-forwarded-method": "POST"}, 400),
    ):
        answer = await ask(stage, "/check", path, {**client.headers, **more})
        assert answer.status_code == status, more
    answer = await ask(stage, "/nginx", path, {**client.headers, "x-forwarded-uri": "/evil", "x-forwarded-method": "POST"})
    assert answer.headers["x-portico-operation"] == "listPets"


async def test_nginx_is_told_a_refusal_in_headers_as_others_are_told_it(stage: Stage) -> None:
    client, product = await _ready(stage)
    pets = f"{product.base_path}/pets"
    for path, method, headers, status, code in (
        (pets, "GET", {}, 401, "TOKEN_MISSING"),
        (f"{product.base_path}/cars", "GET", client.headers, 404, "OPERATION_NOT_FOUND"),
        (pets, "DELETE", client.headers, 405, "METHOD_NOT_ALLOWED"),
    ):
        answer, plain = [await ask(stage, at, path, headers, method=method) for at in ("/nginx", "/check")]
        assert (answer.status_code, answer.headers["portico-status"]) == (403, str(status))
        assert answer.content == b""
        assert plain.status_code == status
        assert json.loads(answer.headers["portico-problem"]) == plain.json()
        assert plain.json()["code"] == code
        kept = {name: value for name, value in answer.headers.items() if not name.startswith(("content-", "portico-"))}
        assert kept.items() <= dict(plain.headers).items()
        assert answer.headers["portico-verdict"] == plain.headers["portico-verdict"]


@pytest.mark.parametrize("at", ["/nginx", "/check"])
async def test_a_path_of_nothing_published_is_unknown_to_everybody(stage: Stage, at: str) -> None:
    client, _ = await _ready(stage)
    answers = [await ask(stage, at, "/no/such/api/pets", headers) for headers in ({}, client.headers)]
    status = {answer.headers.get("portico-status", str(answer.status_code)) for answer in answers}
    assert status == {"404"}
    assert {answer.headers["portico-verdict"] for answer in answers} == {"||||||||API_NOT_FOUND|"}


async def test_a_certificate_counts_where_our_nginx_has_seen_it(stage: Stage) -> None:
    client, product = await _ready(stage)
    shown, other = issue(), issue(common="other")
    thumbprint = base64.urlsafe_b64encode(bytes.fromhex(shown.hash)).rstrip(b"=").decode()
    bound = stage.issuer.token(client.client_id, client.secret_id, cnf={"x5t#S256": thumbprint})
    headers = {"authorization": f"Bearer {bound}"}
    path = f"{product.base_path}/pets"
    escaped = {"portico-client-certificate": quote(shown.pem)}
    assert (await ask(stage, "/nginx", path, headers | escaped)).status_code == 200
    assert (await ask(stage, "/nginx", path, headers | escaped)).status_code == 200
    claimed = {"x-forwarded-client-cert": f"Hash={shown.hash}"}
    for at, more in (
        ("/nginx", {}),
        ("/nginx", {"portico-client-certificate": quote(other.pem)}),
        ("/nginx", {"portico-client-certificate": "no%20certificate"}),
        ("/nginx", claimed),
        ("/check", escaped),
        ("/check", claimed),
    ):
        answer = await ask(stage, at, path, headers | more)
        problem = answer.json() if at == "/check" else json.loads(answer.headers["portico-problem"])
        assert problem["code"] == "CERTIFICATE_NOT_SHOWN"


def test_a_problem_that_is_no_ascii_travels_in_a_header_all_the_same() -> None:
    body = json.dumps({"detail": "Held by: Ministère, 環境"}, ensure_ascii=False).encode()
    answer = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 3\r\ncontent-length: 9\r\n\r\n" + body
    told = refused_for(answer, Told(b"GET", b"/", is_for_nginx=True))
    assert told.isascii()
    head = dict(line.split(": ", 1) for line in told.decode().split("\r\n")[1:-2])
    assert (head["retry-after"], head["content-length"], head["portico-status"]) == ("3", "0", "429")
    assert json.loads(head["portico-problem"])["detail"] == "Held by: Ministère, 環境"


def test_what_decides_nothing_stays_as_it_is() -> None:
    answer = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nretry-after: 1\r\n\r\n"
    for is_for_nginx in (True, False):
        assert refused_for(answer, Told(b"GET", b"/", is_for_nginx=is_for_nginx)) == answer
