"""A stage for each test."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from chassis.clock import FixedClock
from chassis.local import LocalBus
from services.subscriptions.main import build
from services.subscriptions.settings import SubscriptionsSettings
from tests.passports import make_verifier
from tests.services.stage import Stage
from tests.services.subscriptions.announcements import whole_offer


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[LocalBus]:
    bus = LocalBus(tmp_path / "bus.sqlite")
    await bus.start()
    yield bus
    await bus.close()


@pytest.fixture
async def empty_stage(reused_store: Callable[..., Any], bus: LocalBus, tmp_path: Path) -> Stage:
    """The service that has heard of nothing."""
    return await _empty(reused_store, bus, tmp_path / "keys", patience_seconds=0.2)


@pytest.fixture
async def patient_stage(reused_store: Callable[..., Any], bus: LocalBus, tmp_path: Path) -> Stage:
    """The service that has heard of nothing and waits long for what it will hear."""
    return await _empty(reused_store, bus, tmp_path / "keys", patience_seconds=10)


async def _empty(
    reused_store: Callable[..., Any], bus: LocalBus, keys: Path, *, patience_seconds: float, clock: FixedClock | None = None
) -> Stage:
    settings = SubscriptionsSettings(patience_seconds=patience_seconds)
    service = build(settings, bus, reused_store("subscriptions", clock), make_verifier(keys))
    await service.declare()
    return Stage(service, keys)


@pytest.fixture
async def stage(empty_stage: Stage) -> Stage:
    """The service that knows an application, a published product and its plans."""
    await empty_stage.hear(*whole_offer())
    return empty_stage


@pytest.fixture
def clock() -> FixedClock:
    """A clock that moves only when told to, from 2030-01-01."""
    return FixedClock()


@pytest.fixture
async def empty_clocked_stage(reused_store: Callable[..., Any], bus: LocalBus, tmp_path: Path, clock: FixedClock) -> Stage:
    """The service that has heard of nothing, and in which it is what time the clock says."""
    return await _empty(reused_store, bus, tmp_path / "keys", patience_seconds=0.2, clock=clock)


@pytest.fixture
async def clocked_stage(empty_clocked_stage: Stage) -> Stage:
    """The stage in whose service it is what time the clock says."""
    await empty_clocked_stage.hear(*whole_offer())
    return empty_clocked_stage
