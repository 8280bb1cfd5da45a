"""The snippet for Traefik, driven with a real one where `make traefik` has fetched it; and what it says is read."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import yaml

from services.enforcement.checks.listener import CheckListener
from tests.services.enforcement.stage import Issuer, until
from tests.services.enforcement.test_snippets import (
    FOLDER,
    FORGED,
    Behind,
    running,
    test_a_body_passes,
    test_no_caller_takes_away_who_calls,
)

__all__ = [
    "test_a_body_passes",
    "test_no_caller_takes_away_who_calls",
]
pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
async def behind(
    issuer: Issuer, make_store: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Behind]:
    async with running("traefik", issuer, make_store, tmp_path_factory.mktemp("traefik")) as made:
        yield made


async def test_an_allowed_call_carries_who_calls(behind: Behind) -> None:
    target = f"{behind.product.base_path}/pets/7?secret=1"
    answer = await behind.call("GET", target, FORGED)
    assert (answer.status_code, answer.text) == (200, "hello")
    assert not [name for name in answer.headers if name.startswith(("portico-", "x-portico-"))]
    seen = behind.upstream.seen[-1]
    assert seen["request"] == f"GET {target} HTTP/1.1"
    ours = {name: value for name, value in seen.items() if name.startswith("x-portico-") and value}
    assert ours.pop("x-portico-subscription").startswith("sub_")
    assert ours.pop("x-portico-other", "evil") == "evil"
    assert ours == {
        "x-portico-application": behind.client.application_id,
        "x-portico-organization": behind.client.organization_id,
        "x-portico-product": behind.product.id,
        "x-portico-version": behind.product.version_id,
        "x-portico-operation": "getPet",
        "x-portico-plan": behind.product.plan_id,
    }
    assert "authorization" not in seen


async def test_an_escape_stays_one_in_capital_letters(behind: Behind) -> None:
    target = f"{behind.product.base_path}/pets/a%20b%25%3f?x=%2f&y"
    assert (await behind.call("GET", target)).status_code == 200
    path, query = behind.upstream.seen[-1]["request"].split()[1].split("?")
    assert (path, query) == (f"{behind.product.base_path}/pets/a%20b%25%3F", "x=%2f&y")


async def test_nobody_is_let_in_for_one_call_and_sent_to_another(behind: Behind) -> None:
    pets = f"{behind.product.base_path}/pets"
    before = len(behind.upstream.seen)
    for told in ("x-original-uri", "x-original-url", "x-forwarded-uri"):
        answer = await behind.call("GET", f"{behind.product.base_path}/cars", {told: pets, "x-original-method": "GET"})
        assert answer.status_code in (400, 404)
    for told in ("x-original-method", "x-forwarded-method"):
        assert (await behind.call("DELETE", pets, {told: "GET"})).status_code in (400, 405)
    assert await _sent_as_it_is_written(behind, f"{pets}/../../../../evil") in (400, 404)
    assert len(behind.upstream.seen) == before
    # What Traefik puts in order is what it asks about and what it sends on.
    for path in (f"{pets}//7", f"{pets}/./7", f"{pets}/8/../7"):
        assert await _sent_as_it_is_written(behind, path) == 200
        assert behind.upstream.seen[-1]["request"] == f"GET {pets}/7 HTTP/1.1"
        assert behind.upstream.seen[-1]["x-portico-operation"] == "getPet"


async def _sent_as_it_is_written(behind: Behind, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", behind.port)
    head = f"host: 127.0.0.1:{behind.port}\r\nauthorization: {behind.client.headers['authorization']}\r\nconnection: close"
    writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n\r\n".encode())
    status = int((await reader.read()).split()[1])
    writer.close()
    return status


async def test_a_refusal_is_the_checks_own(behind: Behind) -> None:
    pets = f"{behind.product.base_path}/pets"
    before = len(behind.upstream.seen)
    for method, path, headers, status, code in (
        ("GET", pets, {"authorization": "Bearer a.b.c"}, 401, "TOKEN_INVALID"),
        ("GET", f"{behind.product.base_path}/cars", {}, 404, "OPERATION_NOT_FOUND"),
        ("DELETE", pets, {}, 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/no/such/api/pets", {}, 404, "API_NOT_FOUND"),
    ):
        answer = await behind.call(method, path, headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "portico-verdict" not in answer.headers
    # Who speaks of it is either: it does not get through.
    assert (await behind.call("GET", f"{pets}/a%2fb")).status_code == 400
    assert len(behind.upstream.seen) == before


async def test_nothing_passes_while_the_check_is_down(behind: Behind) -> None:
    path = f"{behind.product.base_path}/pets"
    assert (await behind.call("GET", path)).status_code == 200
    before = len(behind.upstream.seen)
    listener = behind.stage.worker(CheckListener)
    port = listener.port
    await listener.close()
    answer = await behind.call("GET", path)
    listener._port = port
    await listener.start()
    assert answer.status_code == 500
    assert len(behind.upstream.seen) == before

    async def passes() -> bool:
        return (await behind.call("GET", path)).status_code == 200

    await until(passes, 60)


def test_what_traefik_is_told_names_all_that_it_needs() -> None:
    told = yaml.safe_load((FOLDER / "traefik.yml").read_text())["http"]
    (router,) = told["routers"].values()
    assert router["middlewares"] == list(told["middlewares"])
    assert router["service"] in told["services"]
    asks = told["middlewares"]["portico"]["forwardAuth"]
    assert asks["address"].endswith("/check")
    assert asks["trustForwardHeader"] is False
    # What a caller wrote about the call never gets as far as the check.
    assert asks["authRequestHeaders"] == ["Authorization", "X-Request-Id"]
    assert re.match(asks["authResponseHeadersRegex"], "X-Portico-Application")
    removed = told["middlewares"]["not-from-callers"]["headers"]["customRequestHeaders"]
    names = {"Application", "Organization", "Product", "Version", "Operation", "Subscription", "Plan"}
    assert removed == {"Connection": "", **{f"X-Portico-{name}": "" for name in names}}
    assert told["middlewares"]["not-from-callers"]["headers"]["customResponseHeaders"] == {"Portico-Verdict": ""}
    assert told["middlewares"]["token-stays-here"]["headers"]["customRequestHeaders"] == {"Authorization": ""}
