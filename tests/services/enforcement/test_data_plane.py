"""Calls through a real proxy: what the caller gets, what the upstream sees, what is recorded."""

import asyncio
import subprocess
from typing import Any

import pytest

from services.enforcement.checks.listener import CheckListener
from services.enforcement.main import data_plane
from services.enforcement.proxy import command
from tests.services.enforcement.hearing import has_heard
from tests.services.enforcement.stage import Client, DataPlaneStage, Product, until

pytestmark = pytest.mark.processes


def others(plane: DataPlaneStage) -> dict[str, str]:
    """Headers named as ours begin. nginx knows no beginnings of names: it removes each name that we use."""
    return {"X-Portico-Other": "evil"} if plane.settings.proxy == "envoy" else {}


async def test_an_allowed_call_carries_who_calls_to_the_upstream_and_its_limits_to_the_caller(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product(rate_requests=10, rate_seconds=60, burst=3)
    subscription_id = await plane.subscribe(client, product)
    sent = {**client.headers, "X-Portico-Organization": "org_evil", "x_portico_plan": "pln_evil", **others(plane)}
    answer = await plane.call_until(200, "GET", f"{product.base_path}/pets/7?secret=1", sent)
    assert answer.headers["ratelimit-policy"] == '"rate";q=10;w=60;portico-burst=3'
    assert answer.headers["ratelimit"].startswith('"rate";r=2;t=')
    assert "portico-verdict" not in answer.headers
    seen = plane.upstream.seen[-1]
    assert seen["request"] == f"GET {product.base_path}/pets/7?secret=1 HTTP/1.1"
    ours = {name: value for name, value in seen.items() if "portico" in name}
    assert ours == {
        "x-portico-application": client.application_id,
        "x-portico-organization": client.organization_id,
        "x-portico-product": product.id,
        "x-portico-version": product.version_id,
        "x-portico-operation": "getPet",
        "x-portico-subscription": subscription_id,
        "x-portico-plan": product.plan_id,
    }
    assert "authorization" not in seen
    record = await plane.record_of(answer)
    duration_ms, at = record.pop("duration_ms"), record.pop("at")
    assert duration_ms > 0
    assert at > 1_700_000_000_000
    assert record == {
        "id": answer.headers["x-request-id"],
        "status": 200,
        "rejection": None,
        "application_id": client.application_id,
        "organization_id": client.organization_id,
        "secret_id": client.secret_id,
        "product_id": product.id,
        "version_id": product.version_id,
        "operation_id": "getPet",
        "plan_id": product.plan_id,
        "subscription_id": subscription_id,
        "bytes_in": 0,
        "bytes_out": 5,
        "environment": "SANDBOX",
    }


async def test_the_rate_holds_exactly_and_says_so(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product(rate_requests=1, rate_seconds=3600, burst=5)
    await plane.subscribe(client, product)
    await _can_be_called(plane, client, product)
    left = []
    for _ in range(5):
        answer = await plane.call("GET", f"{product.base_path}/pets", client.headers)
        assert answer.status_code == 200
        left.append(answer.headers["ratelimit"].split(";")[1])
    assert left == ["r=4", "r=3", "r=2", "r=1", "r=0"]
    answer = await plane.call("GET", f"{product.base_path}/pets", client.headers)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (429, "RATE_EXCEEDED")
    assert answer.headers["content-type"] == "application/problem+json"
    assert 3500 < int(answer.headers["retry-after"]) <= 3600
    assert answer.headers["ratelimit"] == f'"rate";r=0;t={answer.headers["retry-after"]}'
    assert problem["request_id"] == answer.headers["x-request-id"]
    record = await plane.record_of(answer)
    assert (record["status"], record["rejection"], record["operation_id"]) == (429, "RATE_EXCEEDED", "listPets")
    assert record["application_id"] == client.application_id


async def _can_be_called(plane: DataPlaneStage, client: Client, product: Product) -> None:
    """Wait until proxy and check have heard of it all, without a call that counts. While there is no route it is 404, too."""
    await has_heard(plane, client, product)

    async def known() -> bool:
        answer = await plane.call("GET", f"{product.base_path}/nothing", client.headers)
        return answer.status_code == 404 and answer.json()["code"] == "OPERATION_NOT_FOUND"

    await until(known, 60)


async def test_refusals_are_problems_and_are_recorded_with_what_is_known(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product()
    pets = f"{product.base_path}/pets"
    await plane.call_until(401, "GET", pets)
    expected: list[tuple[str, str, dict[str, str], int, str, dict[str, Any]]] = [
        ("GET", pets, {}, 401, "TOKEN_MISSING", {"application_id": None, "operation_id": "listPets"}),
        ("GET", pets, {"authorization": "Bearer a.b.c"}, 401, "TOKEN_INVALID", {"product_id": product.id, "secret_id": None}),
        ("GET", pets, client.headers, 403, "NOT_SUBSCRIBED", {"application_id": client.application_id, "plan_id": None}),
        ("GET", f"{product.base_path}/cars", client.headers, 404, "OPERATION_NOT_FOUND", {"version_id": product.version_id}),
        ("DELETE", pets, client.headers, 405, "METHOD_NOT_ALLOWED", {"operation_id": None}),
    ]
    for method, path, headers, status, code, known in expected:
        answer = await plane.call(method, path, headers)
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["status"]) == (status, code, status)
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["request_id"] == answer.headers["x-request-id"]
        record = await plane.record_of(answer)
        assert (record["status"], record["rejection"]) == (status, code)
        assert known.items() <= record.items()
    assert (await plane.call("DELETE", pets, client.headers)).headers["allow"] == "GET, POST"
    challenge = (await plane.call("GET", pets, {"authorization": "Bearer x"})).headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="portico", error="invalid_token"')
    assert (await plane.call("GET", pets)).headers["www-authenticate"] == 'Bearer realm="portico"'


async def test_a_path_of_no_published_version_never_reaches_an_upstream(plane: DataPlaneStage) -> None:
    client = await plane.application()
    before = len(plane.upstream.seen)
    answer = await plane.call("GET", "/no/such/api/pets", client.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "API_NOT_FOUND")
    assert answer.headers["content-type"] == "application/problem+json"
    record = await plane.record_of(answer)
    assert (record["rejection"], record["application_id"], record["product_id"]) == ("API_NOT_FOUND", None, None)
    assert len(plane.upstream.seen) == before


async def test_paths_that_hide_something_are_refused(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    before = len(plane.upstream.seen)
    escaped = await plane.call("GET", f"{product.base_path}/pets/1%2f2", {**client.headers, "x-request-id": "mine"})
    assert (escaped.status_code, escaped.json()["code"]) == (400, "CALL_NOT_READABLE")

    async def recorded() -> list[dict[str, Any]]:
        return [record for record in plane.records if record["rejection"] == "CALL_NOT_READABLE"]

    assert (await until(recorded))[0]["id"] != "mine"
    assert len(plane.upstream.seen) == before
    doubled = await plane.call("GET", f"{product.base_path}//pets", client.headers)
    assert doubled.status_code == 200
    assert plane.upstream.seen[-1]["request"].split()[1] == f"{product.base_path}/pets"


async def test_a_published_version_is_callable_and_a_cancelled_subscription_is_not_without_a_restart(
    plane: DataPlaneStage,
) -> None:
    client, product = await plane.application(), await plane.product()
    subscription_id = await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    await plane.subscribe(client, product, "CANCELLED", subscription_id)
    answer = await plane.call_until(403, "GET", f"{product.base_path}/pets", client.headers)
    assert answer.json()["code"] == "NOT_SUBSCRIBED"


async def test_an_upstream_that_is_too_slow_is_a_problem_and_recorded(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    answer = await plane.call_until(504, "GET", f"{product.base_path}/slow", client.headers)
    assert answer.json()["code"] == "UPSTREAM_TIMEOUT"
    record = await plane.record_of(answer)
    assert (record["rejection"], record["operation_id"], record["status"]) == ("UPSTREAM_TIMEOUT", "slow", 504)


async def test_bytes_of_a_body_are_counted(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    answer = await plane.call("POST", f"{product.base_path}/pets", client.headers, content=b"x" * 1000)
    record = await plane.record_of(answer)
    assert (record["status"], record["bytes_in"], record["bytes_out"], record["operation_id"]) == (200, 1000, 5, "addPet")


async def test_nothing_passes_while_the_check_is_down(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    listener = plane.worker(CheckListener)
    port = listener.port
    await listener.close()
    answer = await plane.call("GET", f"{product.base_path}/pets", client.headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "CHECK_UNAVAILABLE")
    assert answer.headers["content-type"] == "application/problem+json"
    listener._port = port
    await listener.start()
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    assert (await plane.record_of(answer))["rejection"] == "CHECK_UNAVAILABLE"


async def test_the_batches_are_gapless_and_reach_the_proxys_own_count(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    await asyncio.gather(*(plane.call("GET", f"{product.base_path}/pets", client.headers) for _ in range(300)))
    last = await plane.call("GET", f"{product.base_path}/pets", client.headers)
    ended_at = (await plane.record_of(last))["at"]

    async def settled() -> dict[str, Any] | None:
        newest = plane.batches[-1]
        return newest if (newest["read_through"] or 0) > ended_at else None

    newest = await until(settled)
    assert newest["calls_total"] == newest["records_total"] == len(plane.records)
    assert [batch["batch"] for batch in plane.batches] == list(range(1, len(plane.batches) + 1))
    assert len({batch["source"] for batch in plane.batches}) == 1
    assert len({record["id"] for record in plane.records}) == len(plane.records)
    marks = [batch["read_through"] or 0 for batch in plane.batches]
    assert marks == sorted(marks)
    text = (plane.folder / "log" / "calls.log").read_text()
    for hidden in ("secret=1", "/pets", "Bearer", client.token):
        assert hidden not in text


async def test_the_proxy_itself_finds_the_configuration_valid(plane: DataPlaneStage) -> None:
    configured = data_plane(plane.settings)
    is_nginx = configured.kind == "nginx"
    binary, mode = (command.nginx_binary(), ["-t"]) if is_nginx else (command.envoy_binary(), ["--mode", "validate"])
    whole = [str(binary), *mode, *command.arguments(configured)]
    checked = await asyncio.to_thread(subprocess.run, whole, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr.decode()
