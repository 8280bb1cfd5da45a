"""The whole way once: announced on the bus, counted, told, asked for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chassis.bus import Message
from chassis.clock import FixedClock
from chassis.local import LocalBus
from chassis.messages import read
from services.analytics.main import build
from services.analytics.settings import AnalyticsSettings
from tests.passports import make_verifier
from tests.services.analytics.announcements import batch, call, names
from tests.services.analytics.conftest import NOW
from tests.services.stage import Stage

BATCHES = 20


@pytest.fixture
async def running(make_store: Callable[..., Any], clock: FixedClock, tmp_path: Path) -> AsyncIterator[tuple[Stage, LocalBus]]:
    bus = LocalBus(tmp_path / "bus.sqlite")
    await bus.start()
    service = build(AnalyticsSettings(), bus, make_store("analytics", clock), make_verifier(tmp_path / "keys"))
    await service.declare()
    await service.start()
    yield Stage(service, tmp_path / "keys"), bus
    await service.close()
    await bus.close()


async def test_calls_announced_are_calls_counted(running: tuple[Stage, LocalBus]) -> None:
    stage, bus = running
    told: list[Any] = []
    all_told = asyncio.Event()

    async def hear(message: Message) -> None:
        told.append(read(message.body))
        if len(told) == BATCHES:
            all_told.set()

    listener = await bus.listen(["analytics.usage_recorded.v1"], hear)
    announced = [
        batch(number, [call(NOW - timedelta(minutes=number))] * 3, counted=3 * number, read_through=NOW)
        for number in range(1, BATCHES + 1)
    ]
    await bus.publish(names())
    await bus.publish([*announced, *announced[::-1]])
    await asyncio.wait_for(all_told.wait(), 20)
    await listener.close()
    assert [each.sequence for each in told] == list(range(1, BATCHES + 1))
    window = {"from": (NOW - timedelta(hours=1)).isoformat(), "to": (NOW + timedelta(seconds=1)).isoformat()}
    (row,) = (await stage.person(org_consumer="OBSERVER").load("usage", [{"organization_id": "org_consumer"}], **window)).rows
    assert (row["totals"]["calls"], row["completeness"], row["lag_seconds"]) == (3 * BATCHES, 1.0, 0.0)
    assert await bus.dead_letters("analytics.ingest_calls") == []
    at_once = {each.queue: each.prefetch for each in stage.service.wired_reactions()}
    assert at_once["analytics.ingest_calls"] == 1
