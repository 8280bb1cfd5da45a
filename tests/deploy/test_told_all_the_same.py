"""Told all the same: a stream of facts reaches an organization's webhook though receiver, broker and sender go away for a while.

Facts are committed to an outbox and published by the relay to a real RabbitMQ; notifications is a process of its own. The
receiver goes away and comes back, notifications is killed (SIGKILL) and started again, and so is the broker. Afterwards every
fact has arrived, and the ids that the receiver has seen are exactly those of the facts.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook as ForeignReceiver

from chassis import outbox
from chassis.mongo import Store, Transaction
from chassis.outbox import Relay
from chassis.principal import HEADER, system
from chassis.rabbit import RabbitBus
from chassis.telemetry import log
from portico import serve
from portico.children import Child, Program
from services.identity.events import ApplicationChanged
from services.identity.keys import make_missing_keys
from tests.many_processes import LISTENS, ROOT, START_SECONDS
from tests.passports import make_keys, make_passport
from tests.rabbit_node import RabbitNode, why_missing
from tests.services.webhooks.receiver import Receiver

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.processes,
    pytest.mark.skipif(why_missing() is not None, reason=why_missing() or ""),
]
FACTS = int(os.environ.get("TOLD_ALL_THE_SAME_FACTS", "1000"))
SUBJECTS = 300
FACTS_IN_A_TRANSACTION = 50
AWAY_SECONDS = 3.0
PATIENCE_SECONDS = max(400.0, FACTS * 0.3)
OWN = "org_told"


@dataclass
class Stream:
    """What takes part; each of the three in the middle can go away."""

    node: RabbitNode
    child: Child
    receiver: Receiver
    store: Store
    secret: str = ""
    facts: list[str] = field(default_factory=list)

    async def announce(self) -> None:
        """Commit the facts, some in each transaction, while the others come and go."""
        while len(self.facts) < FACTS:
            first = len(self.facts)

            async def some(tx: Transaction, first: int = first) -> list[str]:
                return [await _emit(tx, number) for number in range(first, min(first + FACTS_IN_A_TRANSACTION, FACTS))]

            self.facts += await self.store.transact(system("told-all-the-same"), some)

    async def arrived(self, share: float) -> None:
        """Wait until this share of the facts has arrived at least once."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(set(self.receiver.ids)) < FACTS * share:  # noqa: ASYNC110 - it is what is looked at
                await asyncio.sleep(0.05)

    async def receiver_goes_away(self) -> None:
        """Some of what the receiver has taken it never answers."""
        await self.receiver.down()
        await asyncio.sleep(AWAY_SECONDS)
        await self.receiver.up()

    async def sender_is_killed(self) -> None:
        os.kill(self.child.pid, signal.SIGKILL)
        await self.child.stop()
        await asyncio.sleep(AWAY_SECONDS)
        self.child.start()
        await self.child.wait_ready(START_SECONDS)

    async def broker_is_killed(self) -> None:
        self.node.kill()
        await asyncio.sleep(AWAY_SECONDS)
        self.node.launch()
        await asyncio.to_thread(self.node.wait_until_it_speaks)


async def _emit(tx: Transaction, number: int) -> str:
    application_id = f"app_{number % SUBJECTS}"
    fact = ApplicationChanged(application_id=application_id, organization_id=OWN, name=f"Name {number}", client_id="cli_1")
    return await tx.emit(fact, subject=application_id, organization=OWN, audience=[OWN])


@pytest.fixture
async def stream(mongo_url: str, make_store: Any, tmp_path: Path) -> AsyncIterator[Stream]:
    keys = tmp_path / "keys"
    make_keys(keys)
    make_missing_keys(keys)
    async with AsyncExitStack() as stack:
        node = RabbitNode()
        stack.callback(node.remove)
        node.start()
        environment = {
            "PORTICO_MONGO_URL": mongo_url,
            "PORTICO_RABBITMQ_URL": node.url,
            "PORTICO_DATABASE_PREFIX": f"told_{os.getpid()}_{tmp_path.name}_",
            "PORTICO_KEYS_DIR": str(keys),
            "PORTICO_PORT": "0",
            "PORTICO_NOTIFICATIONS_WEBHOOK_LOOPBACK": "true",
            "PYTHONPATH": str(ROOT),
        }
        command = (sys.executable, *serve.command("notifications"))
        output = tmp_path / "notifications.log"
        child = Child(Program("notifications", command, output, ready=LISTENS, environment=environment))
        child.start()
        stack.push_async_callback(child.stop)
        found = await child.wait_ready(START_SECONDS)
        assert found is not None
        receiver = Receiver()
        await receiver.up()
        stack.push_async_callback(receiver.down)
        secret = await _create(found.group(1), keys, receiver.url)
        store = make_store("identity")
        await store.ensure_indexes(outbox.INDEXES)
        bus = RabbitBus(node.url)
        await bus.start()
        stack.push_async_callback(bus.close)
        relay = Relay("identity", store, bus)
        await relay.start()
        stack.push_async_callback(relay.close)
        yield Stream(node, child, receiver, store, secret)


async def _create(address: str, keys: Path, url: str) -> str:
    """Make the webhook as its organization's Owner does; return its secret."""
    headers = {HEADER: make_passport(keys, "usr_1", organizations={OWN: "OWNER"})}
    body = {"organization_id": OWN, "url": url, "event_types": ["identity.*"]}
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(f"{address}/do/create_webhook", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["result"]["secret"])


async def test_every_fact_arrives_once_in_effect_though_everything_in_between_goes_away(stream: Stream) -> None:
    announcing = asyncio.create_task(stream.announce())
    await stream.arrived(0.1)
    await stream.receiver_goes_away()
    await stream.arrived(0.3)
    await stream.sender_is_killed()
    await stream.arrived(0.5)
    await stream.broker_is_killed()
    await stream.arrived(0.7)
    await stream.receiver_goes_away()
    await stream.sender_is_killed()
    await announcing
    await stream.arrived(1.0)
    assert len(set(stream.facts)) == FACTS
    assert set(stream.receiver.ids) == set(stream.facts)
    foreign = ForeignReceiver(stream.secret)
    for got in stream.receiver.got[-50:]:
        assert foreign.verify(got.body.decode(), got.headers) == got.event
    again = len(stream.receiver.ids) - FACTS
    log("told-all-the-same").info("every fact has arrived", facts=FACTS, came_again_under_the_same_id=again)
