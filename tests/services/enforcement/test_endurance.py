"""What stays exact while a real proxy is killed, its log is renamed, and enforcement itself is restarted."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.local import LocalBus
from services.enforcement.calls.shipper import Rotation
from services.enforcement.main import build
from services.enforcement.proxy.plane import Kind
from services.enforcement.settings import EnforcementSettings
from tests.services.enforcement.stage import DataPlaneStage, Issuer, free_port, until
from tests.services.enforcement.upstream import Upstream

pytestmark = pytest.mark.processes


@pytest.fixture
async def lone(
    issuer: Issuer, bus: LocalBus, make_store: Callable[..., Any], tmp_path: Path, proxy: Kind
) -> AsyncIterator[DataPlaneStage]:
    """A data plane for one test alone, with one application that may call one product."""
    upstream = Upstream()
    settings = EnforcementSettings(
        keys_dir=issuer.folder,
        data_plane=tmp_path / "plane",
        proxy=proxy,
        proxy_port=free_port(),
        sandbox_address=await upstream.start(),
        drain_seconds=1,
    )
    service = build(settings, bus, make_store("enforcement"))
    lone = DataPlaneStage(bus, issuer, service, settings=settings, upstream=upstream)
    await lone.start()
    yield lone
    await lone.close()
    await upstream.close()


class Caller:
    """Calls without pause until told to stop, and remembers what was answered."""

    def __init__(self, stage: DataPlaneStage, path: str, headers: dict[str, str]) -> None:
        self._stage, self._path, self._headers = stage, path, headers
        self.answered: list[str] = []
        self._task = asyncio.create_task(self._call())

    async def _call(self) -> None:
        while True:
            try:
                answer = await self._stage.call("GET", self._path, self._headers)
            except httpx.TransportError:
                await asyncio.sleep(0.01)
            else:
                self.answered.append(answer.headers["x-request-id"])

    async def until_answered(self, count: int) -> None:
        async def is_enough() -> bool:
            return len(self.answered) >= count

        await until(is_enough)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def _caller(stage: DataPlaneStage) -> Caller:
    client, product = await stage.application(), await stage.product()
    await stage.subscribe(client, product)
    await stage.call_until(200, "GET", f"{product.base_path}/pets", client.headers)
    return Caller(stage, f"{product.base_path}/pets", client.headers)


async def _all_recorded(stage: DataPlaneStage, caller: Caller) -> None:
    async def are_recorded() -> bool:
        return set(caller.answered) <= {record["id"] for record in stage.records}

    await until(are_recorded)
    ids = [record["id"] for record in stage.records]
    assert len(ids) == len(set(ids))
    assert [batch["batch"] for batch in stage.batches] == list(range(1, len(stage.batches) + 1))


async def test_a_proxy_that_is_ended_and_started_again_has_written_down_every_call(lone: DataPlaneStage) -> None:
    caller = await _caller(lone)
    for _ in range(2):
        await caller.until_answered(len(caller.answered) + 50)
        await lone.stop_proxy()
        await lone.start_proxy()
    await caller.until_answered(len(caller.answered) + 50)
    await caller.stop()
    await _all_recorded(lone, caller)

    async def is_complete() -> bool:
        newest = lone.batches[-1]
        return bool(newest["calls_total"] == newest["records_total"] == len(lone.records))

    await until(is_complete)


async def test_a_proxy_that_is_killed_loses_at_most_what_it_had_not_flushed(lone: DataPlaneStage) -> None:
    caller = await _caller(lone)
    await caller.until_answered(50)
    await asyncio.sleep(0.5)
    flushed = list(caller.answered[:50])
    await lone.stop_proxy(signal.SIGKILL)
    await lone.start_proxy()
    await caller.until_answered(len(caller.answered) + 20)
    await caller.stop()
    kept = caller.answered[-20:]
    caller.answered = flushed + kept
    await _all_recorded(lone, caller)


async def test_a_log_that_is_renamed_under_traffic_loses_and_doubles_nothing(lone: DataPlaneStage) -> None:
    shipper = lone.shipper
    shipper._rotation = Rotation(shipper._source, lone.folder / "log" / "calls.log", at_bytes=5_000)
    caller = await _caller(lone)
    await caller.until_answered(400)
    first = (lone.folder / "log" / "calls.log").stat().st_ino

    async def was_renamed() -> bool:
        path = lone.folder / "log" / "calls.log"
        return path.exists() and path.stat().st_ino != first

    await until(was_renamed)
    await caller.until_answered(len(caller.answered) + 100)
    await caller.stop()
    await _all_recorded(lone, caller)


async def test_the_shipper_goes_on_where_it_stopped(lone: DataPlaneStage) -> None:
    caller = await _caller(lone)
    await caller.until_answered(20)
    shipper = lone.shipper
    await shipper.close()
    await caller.until_answered(60)
    await shipper.start()
    await caller.stop()
    await _all_recorded(lone, caller)
