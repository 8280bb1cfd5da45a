"""Calls to a version's own upstream, through a real Envoy: rewritten, bounded, and shown as what they are."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.services.enforcement.stage import Client, DataPlaneStage, Product, free_port, until
from tests.services.enforcement.upstream import Upstream

pytestmark = pytest.mark.processes


@pytest.fixture
async def upstream() -> AsyncIterator[tuple[Upstream, str]]:
    """A provider's own system, and where it is."""
    made = Upstream()
    address = await made.start()
    yield made, f"http://{address}"
    await made.close()


async def prepared(plane: DataPlaneStage) -> tuple[Client, Product]:
    client, product = await plane.application(), await plane.product()
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    return client, product


async def reached(plane: DataPlaneStage, upstream: Upstream, client: Client, product: Product) -> httpx.Response:
    """Call until the upstream is reached."""
    async with asyncio.timeout(60):
        while not upstream.seen:
            answer = await plane.call("GET", f"{product.base_path}/pets/7?x=1", client.headers)
            await asyncio.sleep(0.02)
    return answer


async def test_production_goes_to_the_upstream_and_the_sandbox_stays(
    plane: DataPlaneStage, upstream: tuple[Upstream, str]
) -> None:
    system, url = upstream
    client, product = await prepared(plane)
    system.said = b'server: animals\r\nratelimit: "rate";r=0\r\nalt-svc: h3=":443"\r\nx-envoy-upstream-service-time: 1'
    await plane.serve(product, f"{url}/zoo/v1", host_header="zoo.internal")
    answer = await reached(plane, system, client, product)
    seen = system.seen[-1]
    assert (seen["request"], seen["host"]) == ("GET /zoo/v1/pets/7?x=1 HTTP/1.1", "zoo.internal")
    assert (seen["x-portico-application"], seen["x-portico-operation"]) == (client.application_id, "getPet")
    assert not {"authorization", "portico-verdict", "x-envoy-expected-rq-timeout-ms"} & seen.keys()
    assert answer.headers["ratelimit"].startswith('"rate";r=9')
    assert answer.headers["server"] == {"envoy": "portico", "nginx": "nginx"}[plane.settings.proxy]
    assert not {"alt-svc", "x-envoy-upstream-service-time", "portico-verdict"} & answer.headers.keys()
    record = await plane.record_of(answer)
    assert (record["environment"], record["rejection"], record["version_id"]) == ("PRODUCTION", None, product.version_id)
    before = len(system.seen)
    sandbox = await plane.call("GET", f"/sandbox{product.base_path}/pets", client.headers)
    assert (sandbox.status_code, len(system.seen)) == (200, before)
    assert (await plane.record_of(sandbox))["environment"] == "SANDBOX"
    # It is taken back: what called it calls the sandbox again.
    await plane.serve(product, None)
    own = f"GET {product.base_path}/pets/9 HTTP/1.1"
    async with asyncio.timeout(60):
        while plane.upstream.seen[-1]["request"] != own:
            assert (await plane.call("GET", f"{product.base_path}/pets/9", client.headers)).status_code == 200
            await asyncio.sleep(0.02)


async def test_an_upstream_without_a_path_is_called_at_its_root(plane: DataPlaneStage, upstream: tuple[Upstream, str]) -> None:
    system, url = upstream
    client = await plane.application()
    product = await plane.product(operations=[("root", "GET", "/"), ("getPet", "GET", "/pets/{id}")])
    await plane.subscribe(client, product)
    await plane.call_until(200, "GET", product.base_path, client.headers)
    await plane.serve(product, url)
    await reached(plane, system, client, product)
    assert system.seen[-1]["request"] == "GET /pets/7?x=1 HTTP/1.1"
    assert system.seen[-1]["host"] == url.removeprefix("http://")
    for path in ("", "/", "?x=1", "/pets/v1"):
        assert (await plane.call("GET", product.base_path + path, client.headers)).status_code == 200
    assert [each["request"].split()[1] for each in system.seen[-4:]] == ["/", "/", "/?x=1", "/pets/v1"]


async def test_a_slow_upstream_and_a_broken_one_are_told_apart(plane: DataPlaneStage, upstream: tuple[Upstream, str]) -> None:
    system, url = upstream
    client, product = await prepared(plane)
    await plane.serve(product, url, timeout_seconds=1)
    await reached(plane, system, client, product)
    slow = await plane.call("GET", f"{product.base_path}/slow", client.headers)
    assert (slow.status_code, slow.json()["code"]) == (504, "UPSTREAM_TIMEOUT")
    record = await plane.record_of(slow)
    assert (record["rejection"], record["environment"], record["operation_id"]) == ("UPSTREAM_TIMEOUT", "PRODUCTION", "slow")
    await plane.serve(product, f"http://127.0.0.1:{free_port()}")
    broken = await plane.call_until(503, "GET", f"{product.base_path}/pets", client.headers)
    assert broken.json()["code"] == "UPSTREAM_UNAVAILABLE"
    assert (await plane.record_of(broken))["rejection"] == "UPSTREAM_UNAVAILABLE"


@pytest.mark.parametrize(
    "url", ["https://10.0.0.1/v1", "http://api.zoo.invalid/v1", "https://169.254.169.254", "http://0.0.0.0:80"]
)
async def test_no_call_goes_where_none_may_go(plane: DataPlaneStage, url: str) -> None:
    client, product = await prepared(plane)
    await plane.serve(product, url)

    async def is_refused() -> httpx.Response | None:
        # A busy machine's proxy may say for a moment that it cannot ask the check: that is another 503.
        answer = await plane.call("GET", f"{product.base_path}/pets", client.headers)
        is_away = answer.status_code == 503 and answer.json()["code"] == "UPSTREAM_UNAVAILABLE"
        return answer if is_away else None

    refused: httpx.Response = await until(is_refused, 60)
    assert "10.0.0.1" not in refused.text
    await plane.call_until(200, "GET", f"/sandbox{product.base_path}/pets", client.headers)


async def test_a_slow_upstream_takes_so_many_calls_and_nothing_from_others(
    plane: DataPlaneStage, upstream: tuple[Upstream, str]
) -> None:
    system, url = upstream
    client, product = await prepared(plane)
    _, other = await prepared(plane)
    await plane.subscribe(client, other)
    await plane.call_until(200, "GET", f"{other.base_path}/pets", client.headers)
    await plane.serve(product, url, timeout_seconds=3)
    await reached(plane, system, client, product)
    slow = [asyncio.create_task(plane.call("GET", f"{product.base_path}/slow", client.headers)) for _ in range(24)]
    done, _ = await asyncio.wait(slow, return_when=asyncio.FIRST_COMPLETED)
    assert [each.result().json()["code"] for each in done][:1] == ["UPSTREAM_UNAVAILABLE"]
    assert (await plane.call("GET", f"{other.base_path}/pets", client.headers)).status_code == 200
    answers = [await each for each in slow]
    refused = [each for each in answers if each.status_code == 503]
    # Four run, and as many wait for them.
    assert len(refused) >= 24 - 4 - 4 - 4
    assert (await plane.record_of(refused[0]))["rejection"] == "UPSTREAM_UNAVAILABLE"
