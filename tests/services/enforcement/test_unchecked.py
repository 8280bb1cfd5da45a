"""What becomes of calls while nobody can say whether they may pass: refused, unless the product says otherwise."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chassis import messages
from services.enforcement.checks.listener import CheckListener
from services.enforcement.limits.rates import Rate
from services.enforcement.state.copies import copy_of
from services.enforcement.state.world import World
from tests.services.enforcement.stage import Client, DataPlaneStage, message, until
from tests.services.enforcement.test_hygiene import raw
from tests.services.enforcement.upstream import Upstream

_IN_A_ROW = 40


@asynccontextmanager
async def check_is_down(plane: DataPlaneStage) -> AsyncIterator[None]:
    listener = plane.worker(CheckListener)
    port = listener.port
    await listener.close()
    yield
    listener._port = port
    await listener.start()


async def passes_unchecked(plane: DataPlaneStage, path: str, client: Client) -> None:
    """Call until the proxy knows that the product is open; nobody tells limits then.

    While nginx goes over to another configuration, for a tenth of a second some of its workers go by the former one.
    """

    async def passes() -> bool:
        answer = await plane.call("GET", path, client.headers)
        return answer.status_code == 200 and "ratelimit" not in answer.headers

    async def passes_again_and_again() -> bool:
        return all([await passes() for _ in range(_IN_A_ROW)])

    await until(passes_again_and_again, 60)


@pytest.mark.processes
async def test_calls_of_an_open_product_pass_unchecked_and_say_so(plane: DataPlaneStage) -> None:
    client, product = await plane.application(), await plane.product(when_unchecked="OPEN")
    upstream = Upstream()
    await plane.serve(product, f"http://{await upstream.start()}")
    # While it is checked, it is guarded as any other.
    await plane.call_until(401, "GET", f"{product.base_path}/pets")
    refused = await plane.call_until(403, "GET", f"{product.base_path}/pets", client.headers)
    assert (await plane.record_of(refused))["rejection"] == "NOT_SUBSCRIBED"
    await plane.subscribe(client, product)
    checked = await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    assert (await plane.record_of(checked))["application_id"] == client.application_id
    async with asyncio.timeout(60):
        while not upstream.seen:
            await plane.call("GET", f"{product.base_path}/pets", client.headers)
    sent = {**client.headers, "x-portico-application": "app_evil", "x-envoy-auth-failure-mode-allowed": "false"}
    async with check_is_down(plane):
        await passes_unchecked(plane, f"{product.base_path}/pets", client)
        answer = await plane.call("GET", f"{product.base_path}/pets", sent)
    assert answer.status_code == 200
    seen = {name: value for name, value in upstream.seen[-1].items() if name.startswith("x-portico") or "failure" in name}
    assert seen == {
        "x-envoy-auth-failure-mode-allowed": "true",
        "x-portico-product": product.id,
        "x-portico-version": product.version_id,
    }
    assert "authorization" not in upstream.seen[-1]
    record = await plane.record_of(answer)
    known = ("status", "rejection", "application_id", "product_id", "version_id", "environment")
    assert [record[name] for name in known] == [200, None, None, product.id, product.version_id, "PRODUCTION"]
    again = await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    assert (await plane.record_of(again))["application_id"] == client.application_id
    await upstream.close()


@pytest.mark.processes
async def test_another_product_stays_closed_beside_it_and_an_open_one_can_be_closed(plane: DataPlaneStage) -> None:
    client = await plane.application()
    products = [await plane.product(when_unchecked=each) for each in ("OPEN", "CLOSED")]
    products.append(await plane.product("CONFIDENTIAL", when_unchecked="OPEN"))
    for product in products:
        await plane.subscribe(client, product)
        await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    async with check_is_down(plane):
        await passes_unchecked(plane, f"{products[0].base_path}/pets", client)
        answers = [await plane.call("GET", f"{product.base_path}/pets", client.headers) for product in products]
        for product in products[1:]:
            assert (await plane.call("GET", f"/sandbox{product.base_path}/pets", client.headers)).status_code == 503
    assert [each.status_code for each in answers] == [200, 503, 503]
    for product, answer in zip(products[1:], answers[1:], strict=True):
        assert answer.json()["code"] == "CHECK_UNAVAILABLE"
        record = await plane.record_of(answer)
        # nginx knows by itself only what passes unchecked.
        version_id = product.version_id if plane.settings.proxy == "envoy" else None
        assert (record["rejection"], record["version_id"]) == ("CHECK_UNAVAILABLE", version_id)


@pytest.mark.processes
async def test_unchecked_nobody_gets_beyond_the_base_path_of_an_open_product(plane: DataPlaneStage) -> None:
    client = await plane.application()
    products = [await plane.product(when_unchecked=each) for each in ("OPEN", "CLOSED")]
    for product in products:
        await plane.subscribe(client, product)
        await plane.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    opened, closed = (product.base_path for product in products)
    tricks = [
        f"{opened}/../../..{closed}/pets",
        f"{opened}/%2e%2e/%2E%2e/..{closed}/pets",
        f"{opened}/..%2f..%2f..{closed}/pets",
        f"{opened}\\..\\..\\..{closed}/pets",
        f"{opened}x/pets",
        f"/sandbox{opened}/pets",
        f"/x/..{closed}{opened}/pets",
    ]
    async with check_is_down(plane):
        passing = f"{opened}/pets/a%20b%C3%A9?x=/../%2f"
        await passes_unchecked(plane, passing, client)
        assert plane.upstream.seen[-1]["request"].split()[1] == passing
        before = len(plane.upstream.seen)
        for trick in tricks:
            head = await raw(plane, f"GET {trick} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            assert int(head.split()[1]) in (400, 404, 503), trick
        assert len(plane.upstream.seen) == before


def told(sequence: int, **fields: Any) -> World:
    world = World(Rate(1, 1, 1))
    data = {"product_id": "prd_1", "organization_id": "org_1", "sensitivity": "STANDARD", **fields}
    announced = message("catalog.product_changed.v1", "prd_1", sequence, data)
    world.apply(copy_of(messages.read(announced.body)))
    return world


def test_a_product_is_closed_unless_it_says_otherwise_and_may() -> None:
    assert told(1, when_unchecked="OPEN").stays_open("prd_1")
    for fields in ({}, {"when_unchecked": "CLOSED"}, {"when_unchecked": "OPEN", "sensitivity": "CONFIDENTIAL"}):
        assert not told(1, **fields).stays_open("prd_1")
