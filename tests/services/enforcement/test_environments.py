"""The two environments of a version: its base path, and the sandbox in front of it."""

import pytest

from tests.services.enforcement.stage import DataPlaneStage, Stage

pytestmark = pytest.mark.processes


async def test_the_sandbox_is_called_in_front_of_the_base_path(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    answer = await plane.call_until(200, "GET", f"/sandbox{product.base_path}/pets/7?x=1", client.headers)
    seen = plane.upstream.seen[-1]
    assert seen["request"] == f"GET {product.base_path}/pets/7?x=1 HTTP/1.1"
    assert (seen["x-portico-version"], seen["x-portico-operation"]) == (product.version_id, "getPet")
    assert "authorization" not in seen
    record = await plane.record_of(answer)
    assert (record["environment"], record["version_id"], record["operation_id"]) == ("SANDBOX", product.version_id, "getPet")


async def test_what_holds_for_the_base_path_holds_for_the_sandbox(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product(rate_requests=1, rate_seconds=3600, burst=2)
    await plane.call_until(401, "GET", f"/sandbox{product.base_path}/pets")
    refused = await plane.call("GET", f"/sandbox{product.base_path}/pets", client.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_SUBSCRIBED")
    assert (await plane.record_of(refused))["environment"] == "SANDBOX"
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"/sandbox{product.base_path}/pets", client.headers)
    assert (await plane.call("GET", f"{product.base_path}/pets", client.headers)).status_code == 200
    # Both count against one allowance.
    assert (await plane.call("GET", f"/sandbox{product.base_path}/pets", client.headers)).status_code == 429
    unknown = await plane.call("GET", f"/sandbox{product.base_path}/cars", client.headers)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "OPERATION_NOT_FOUND")


@pytest.mark.parametrize(
    "path", ["/sandbox", "/sandbox/", "/sandbox/no/such/api/pets", "/sandbox/sandbox{0}/pets", "/sandboxed{0}/pets"]
)
async def test_nothing_else_lies_in_front_of_a_base_path(plane: DataPlaneStage, path: str) -> None:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    answer = await plane.call("GET", path.format(product.base_path), client.headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "API_NOT_FOUND")


async def test_the_check_tells_the_environments_apart_without_a_proxy_too(stage: Stage) -> None:
    client, product = await stage.application(), await stage.product()
    await stage.subscribe(client, product)
    allowed = await stage.check_until(200, "GET", f"/sandbox{product.base_path}/pets", client.headers)
    assert allowed.headers["portico-verdict"].split("|")[-1] == "SANDBOX"
    for path in ("/sandbox", f"/sandbox/sandbox{product.base_path}/pets", f"/sandbox/{product.base_path}/pets"):
        assert (await stage.check("GET", path, client.headers)).status_code == 404
