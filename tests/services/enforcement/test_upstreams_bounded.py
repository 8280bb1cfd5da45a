"""What one upstream takes is bounded, so that a slow one takes nothing from the others."""

import asyncio

import pytest

from services.enforcement.proxy.plane import Kind
from tests.services.enforcement.stage import DataPlaneStage
from tests.services.enforcement.test_upstreams import prepared, reached, upstream
from tests.services.enforcement.upstream import Upstream

__all__ = ["upstream"]
pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def proxy() -> Kind:
    """Envoy alone: nginx knows no bound for what it is told with each call."""
    return "envoy"


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
