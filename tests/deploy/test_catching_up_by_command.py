"""Over a real RabbitMQ: what was taken away from a service's queue comes back by the commands that its operator has."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aio_pika
import pytest

from chassis.mongo import Transaction, connect
from chassis.principal import Principal
from chassis.rabbit import RabbitBus
from chassis.service import Service
from portico.composition import BUILDERS
from portico.keys import make_keys
from portico.place import Place
from services.identity.events import MemberJoined
from tests.rabbit_node import RabbitNode, why_missing

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.processes,
    pytest.mark.skipif(why_missing() is not None, reason=why_missing() or ""),
]
ROOT = Path(__file__).parents[2]
QUEUE = "subscriptions.remember_member"
ALICE = Principal(id="usr_alice")


@dataclass(frozen=True)
class Servers:
    place: Place
    rabbitmq_url: str
    environment: dict[str, str]

    async def command(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "portico", *arguments),
            cwd=ROOT,
            env={**os.environ, **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 180)
        assert process.returncode == 0, output.decode()
        return output.decode()


@pytest.fixture
async def servers(mongo_url: str, database_prefix: str, tmp_path: Path) -> AsyncIterator[Servers]:
    node = RabbitNode()
    try:
        node.start()
        make_keys(tmp_path / "keys")
        environment = {
            "PORTICO_MONGO_URL": mongo_url,
            "PORTICO_RABBITMQ_URL": node.url,
            "PORTICO_DATABASE_PREFIX": database_prefix,
            "PORTICO_KEYS_DIR": str(tmp_path / "keys"),
        }
        client, bus = connect(mongo_url), RabbitBus(node.url)
        await bus.start()
        yield Servers(Place(client, bus, tmp_path / "keys", database_prefix), node.url, environment)
        await bus.close()
        client.close()
    finally:
        node.remove()


async def _until(holds: Any) -> None:
    async with asyncio.timeout(120):
        while not await holds():  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(0.1)


async def test_what_was_taken_away_comes_back_by_a_replay(servers: Servers) -> None:
    assert "All queues and indexes are declared" in await servers.command("topology")
    identity = Service("identity", servers.place.store("identity"), servers.place.bus)
    await identity.start()

    async def join(tx: Transaction) -> None:
        for number in range(30):
            fact = MemberJoined(organization_id="org_1", user_id=f"usr_{number}", role="OBSERVER")
            await tx.emit(fact, subject="org_1", organization="org_1", audience=["org_1"])

    await identity.store.transact(ALICE, join)
    outbox = identity.store.reader().collection("outbox")

    async def is_sent() -> bool:
        return await outbox.count_documents({"sent_at": None}) == 0

    await _until(is_sent)
    async with await aio_pika.connect(servers.rabbitmq_url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(QUEUE)
        await _until(lambda: _has(servers, 30))
        await queue.purge()

    subscriptions = BUILDERS["subscriptions"](servers.place)
    assert isinstance(subscriptions, Service)
    await subscriptions.start()
    members = subscriptions.store.reader().collection("members")
    assert await members.count_documents({}) == 0
    since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    said = await servers.command("replay", "--service", "identity", "--from", since, "--queue", QUEUE)
    assert f"30 events are in {QUEUE}" in said

    async def is_known() -> bool:
        return await members.count_documents({"is_member": True}) == 30

    await _until(is_known)
    for part in (subscriptions, identity):
        await part.close()


async def _has(servers: Servers, count: int) -> bool:
    return (await servers.place.bus.counts(QUEUE)).waiting == count
