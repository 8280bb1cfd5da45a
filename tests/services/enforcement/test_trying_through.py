"""Trials through a real proxy: counted and refused like any other call of the application."""

from typing import Any

import pytest

from services.enforcement.trying.calling import DataPlaneCaller
from services.enforcement.trying.domain import Request
from tests.services.enforcement.stage import DataPlaneStage, until
from tests.services.enforcement.trials import record_of, token_of, tried, wanted
from tests.services.enforcement.upstream import Upstream
from tests.services.stage import Answered

pytestmark = pytest.mark.processes


async def test_a_trial_is_a_call_of_the_application_and_counts_as_one(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product(rate_requests=1, rate_seconds=3600, burst=2)
    subscription_id = await plane.subscribe(client, product)
    await plane.call_until(401, "GET", f"{product.base_path}/pets")

    async def called() -> Answered | None:
        scope = f"{product.base_path.split('/')[1]}:getPet"
        body = wanted(plane, client, product, access_token=token_of(plane, client, scope=scope))
        answered = await tried(plane, "DEVELOPER", client.organization_id, body)
        return answered if answered.result["response"]["status"] != 403 else None

    first = (await until(called, 60)).result
    assert (first["response"]["status"], first["response"]["body"], first["counted_as"]) == (200, "hello", "SANDBOX")
    assert "authorization" not in plane.upstream.seen[-1]
    record = await record_of(plane, first["request_id"])
    assert (record["application_id"], record["subscription_id"]) == (client.application_id, subscription_id)
    assert (record["operation_id"], record["status"], record["rejection"]) == ("getPet", 200, None)
    assert (await until(called, 60)).result["response"]["status"] == 200
    third = (await until(called, 60)).result
    assert (third["response"]["status"], third["counted_as"], third["rejection"]) == (429, "REFUSED", "RATE_EXCEEDED")


async def test_a_token_for_one_operation_calls_no_other(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    await plane.call_until(401, "GET", f"{product.base_path}/pets")
    scope = f"{product.base_path.split('/')[1]}:listPets"
    body = wanted(plane, client, product, access_token=token_of(plane, client, scope=scope))

    async def refused() -> Answered | None:
        answered = await tried(plane, "OWNER", client.organization_id, body)
        return answered if answered.status == 200 else None

    result = (await until(refused, 60)).result
    assert (result["response"]["status"], result["rejection"]) == (403, "SCOPE_NOT_GRANTED")


async def test_without_a_subscription_the_trial_shows_the_refusal(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product()
    await plane.call_until(401, "GET", f"{product.base_path}/pets")

    async def refused() -> Answered | None:
        answered = await tried(plane, "OWNER", client.organization_id, wanted(plane, client, product))
        return answered if answered.status == 200 else None

    result = (await until(refused, 60)).result
    assert (result["counted_as"], result["rejection"], result["response"]["status"]) == ("REFUSED", "NOT_SUBSCRIBED", 403)
    record = await record_of(plane, result["request_id"])
    assert record["rejection"] == "NOT_SUBSCRIBED"


async def test_an_answer_that_is_not_read_to_its_end_counts_as_the_apis(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    caller = DataPlaneCaller(f"127.0.0.1:{plane.settings.proxy_port}", seconds=60, most_bytes=2)
    headers = (("authorization", f"Bearer {client.token}"),)
    answer = await caller.call(Request("GET", f"{product.base_path}/pets", headers, b""))
    assert (answer.status, answer.body, answer.is_truncated) == (200, b"he", True)
    record = await record_of(plane, answer.header("x-request-id") or "")
    assert (record["status"], record["rejection"]) == (200, None)


async def test_a_trial_counts_as_the_environment_that_answered_it(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    system = Upstream()
    await plane.serve(product, f"http://{await system.start()}/zoo/v1")

    async def made_in(environment: str) -> dict[str, Any]:
        body = wanted(plane, client, product, environment=environment)
        result: dict[str, Any] = (await tried(plane, "OWNER", client.organization_id, body)).result
        return result

    async def by_the_provider() -> dict[str, Any] | None:
        result = await made_in("PRODUCTION")
        return result if system.seen and result["response"]["status"] == 200 else None

    produced = await until(by_the_provider, 60)
    sandboxed = await made_in("SANDBOX")
    for result, environment, path in (
        (produced, "PRODUCTION", product.base_path),
        (sandboxed, "SANDBOX", f"/sandbox{product.base_path}"),
    ):
        assert (result["counted_as"], result["request"]["path"]) == (environment, f"{path}/pets/7?limit=1")
        record = await record_of(plane, result["request_id"])
        assert (record["environment"], record["operation_id"], record["status"]) == (environment, "getPet", 200)
    await system.close()
