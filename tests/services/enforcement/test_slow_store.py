"""While the database is slow: rates begin anew, quotas wait and refuse, and nothing is lost or given twice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chassis.clock import SystemClock
from chassis.local import LocalBus
from chassis.mongo import Store, connect
from services.enforcement.limits.sharing import Sharing
from services.enforcement.main import build
from services.enforcement.settings import EnforcementSettings
from services.enforcement.state.feed import Feed
from tests.services.enforcement.detour import Detour
from tests.services.enforcement.hearing import has_heard
from tests.services.enforcement.stage import Client, Issuer, Product, Stage, until

APPLICATIONS = 12


class Slow(Stage):
    """With a database that can be made slow."""

    detour: Detour

    async def subscribed(self, **plan: Any) -> tuple[list[Client], Product]:
        product = await self.product(**plan)
        clients = [await self.application() for _ in range(APPLICATIONS)]
        for client in clients:
            await self.subscribe(client, product)
            await has_heard(self, client, product)
        return clients, product

    async def all_call(self, clients: list[Client], product: Product) -> Counter[int]:
        path = f"{product.base_path}/pets"
        answers = await asyncio.gather(*(self.check("GET", path, client.headers) for client in clients))
        return Counter(each.status_code for each in answers)


@pytest.fixture
async def slow(issuer: Issuer, bus: LocalBus, make_store: Callable[..., Any], mongo_url: str) -> AsyncIterator[Slow]:
    detour = Detour(mongo_url)
    client = connect(await detour.start())
    name = make_store("enforcement").name
    service = build(EnforcementSettings(keys_dir=issuer.folder, data_plane=None), bus, Store(client, name, SystemClock()))
    await service.declare()
    await service.start()
    stage = Slow(bus, issuer, service)
    stage.detour = detour
    yield stage
    detour.delay = 0.0
    await service.close()
    client.close()
    await detour.close()


async def test_no_call_is_refused_because_its_rate_cannot_be_read_in_time(slow: Slow) -> None:
    clients, product = await slow.subscribed(rate_requests=1, rate_seconds=3600, burst=3)
    slow.detour.delay = 1.0
    assert await slow.all_call(clients, product) == {200: APPLICATIONS}
    # What has passed counts though it may not be written yet.
    assert await slow.all_call(clients * 2, product) == {200: 2 * APPLICATIONS}
    assert await slow.all_call(clients, product) == {429: APPLICATIONS}


async def test_first_calls_of_many_quotas_are_reserved_together(slow: Slow) -> None:
    clients, product = await slow.subscribed(quota_calls=2, quota_period="DAY")
    sharing = slow.worker(Sharing)
    book, keeper = sharing._book, sharing.keeper
    for client in clients:
        lease = slow.worker(Feed)._world.lease(client.application_id, product.id, 0, 0)
        assert lease is not None
        assert lease.counter is not None
        assert lease.quota is not None
        book.lots_to_reserve[lease.counter.id] = lease.counter, lease.quota
    await keeper.fetch()
    rows = await slow.service.store.reader().collection("quotas").find({})
    # One transaction has one moment.
    assert (len(rows), len({each["since"] for each in rows})) == (APPLICATIONS, 1)
    assert await slow.all_call(clients, product) == {200: APPLICATIONS}


async def test_a_quota_that_cannot_be_reserved_refuses_and_loses_nothing(slow: Slow) -> None:
    clients, product = await slow.subscribed(quota_calls=3, quota_period="DAY")
    slow.detour.delay = 1.2
    assert await slow.all_call(clients, product) == {503: APPLICATIONS}
    slow.detour.delay = 0.0
    for client in clients[:3]:
        passed = 0

        async def is_used_up(client: Client = client) -> bool:
            nonlocal passed
            answer = await slow.check("GET", f"{product.base_path}/pets", client.headers)
            passed += answer.status_code == 200
            return answer.status_code == 429

        await until(is_used_up, 60)
        assert passed == 3
