"""A subscription is cut while calls run, before three instances of the check, one of which stands still for twenty seconds.

Seen from the callers' side: no call passes, at any instance, after it was said that the change is in force everywhere.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from chassis.bus import Message
from tests.checking_apart import Checks, Client
from tests.rabbit_node import RabbitNode, why_missing
from tests.services.enforcement.stage import until

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.processes,
    pytest.mark.skipif(why_missing() is not None, reason=why_missing() or ""),
]
FROZEN_SECONDS = 20.0
FRESH_SECONDS = 5
# Announcing and applying, on a machine that is busy with other things; the bound itself is how long an instance stays fresh.
PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="module")
async def checks(mongo_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Checks]:
    node = RabbitNode()
    try:
        node.start()
        folder: Path = tmp_path_factory.mktemp("apart")
        async with Checks(folder, mongo_url, node.url, PORTICO_ENFORCEMENT_FRESH_SECONDS=str(FRESH_SECONDS)) as checks:
            await checks.start(3)
            yield checks
    finally:
        node.remove()


class Heard:
    """When it was heard that changes are in force, by the thing's id."""

    def __init__(self) -> None:
        self.events: dict[str, list[tuple[float, dict[str, Any]]]] = {}

    async def hear(self, message: Message) -> None:
        envelope = orjson.loads(message.body)
        self.events.setdefault(envelope["subject"], []).append((time.monotonic(), envelope["data"]))

    async def of(self, subject: str, sequence: int) -> tuple[float, dict[str, Any]]:
        async def found() -> tuple[float, dict[str, Any]] | None:
            return next((each for each in self.events.get(subject, ()) if each[1]["sequence"] == sequence), None)

        event: tuple[float, dict[str, Any]] = await until(found, PATIENCE_SECONDS)
        return event


async def _all_pass(checks: Checks, path: str, headers: dict[str, str]) -> list[Client]:
    clients = [Client(port, path, headers, pause_seconds=0.01) for port in checks.check_ports]
    for client in clients:
        task = asyncio.create_task(client.run())
        checks.tasks.append(task)
    for client in clients:

        async def passes(client: Client = client) -> bool:
            return bool(client.answers) and client.answers[-1].status == 200

        await until(passes, PATIENCE_SECONDS)
    return clients


async def test_nothing_passes_anywhere_after_a_cut_is_said_to_be_in_force_though_one_stood_still(checks: Checks) -> None:
    heard = Heard()
    listener = await checks.bus.listen(("enforcement.change_applied.v1",), heard.hear)
    caller, product = await checks.application(), await checks.product(rate_requests=100_000, burst=100_000)
    subscription_id = await checks.subscribe(caller, product)
    clients = await _all_pass(checks, f"{product.base_path}/pets", caller.headers)
    await heard.of(subscription_id, 1)
    frozen = checks.children[1]
    frozen.freeze()
    frozen_at = time.monotonic()
    await checks.subscribe(caller, product, "CANCELLED", subscription_id)
    cut_at = time.monotonic()
    # It comes while one stands still: that one is waited for no longer than it could do harm.
    in_force_at, told = await heard.of(subscription_id, 2)
    assert told["instances"] == 2
    await asyncio.sleep(max(frozen_at + FROZEN_SECONDS - time.monotonic(), 0))
    thawed_at = time.monotonic()
    frozen.resume_if_frozen()

    async def refuses() -> bool:
        return all(client.answers[-1].status == 403 for client in clients)

    await until(refuses, PATIENCE_SECONDS)
    # What was sent after it was in force, to any instance, did not pass; the one that stood still let nothing pass again.
    for number, client in enumerate(clients):
        assert client.last_passed().sent <= in_force_at, number
        assert client.first_refused_after(cut_at) > cut_at
    assert clients[1].last_passed().answered <= thawed_at

    async def acknowledged() -> bool:
        instances = await checks.instances()
        return len(instances) == 3 and all(each["epoch"] >= told["epoch"] and each["is_fresh"] for each in instances)

    await until(acknowledged, PATIENCE_SECONDS)
    await listener.close()


async def test_an_instance_that_is_killed_holds_up_the_next_change_for_as_long_as_it_could_have_been_fresh(
    checks: Checks,
) -> None:
    heard = Heard()
    listener = await checks.bus.listen(("enforcement.change_applied.v1",), heard.hear)
    caller, product = await checks.application(), await checks.product()
    subscription_id = await checks.subscribe(caller, product)
    _, told = await heard.of(subscription_id, 1)
    assert told["instances"] == 3
    checks.kill(0)
    await checks.subscribe(caller, product, "CANCELLED", subscription_id)
    _, told = await heard.of(subscription_id, 2)
    assert told["instances"] == 2
    await listener.close()
