"""A stage for each test, with a clock that stands still."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from chassis.clock import FixedClock
from chassis.local import LocalBus
from portico.keys import make_keys
from services.audit.main import build
from services.audit.settings import AuditSettings
from tests.passports import make_verifier
from tests.services.stage import Stage


@pytest.fixture(scope="session")
def make_stage(make_store: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Make the service: ``await make_stage(clock)``. Its bus is not started: announcements are handed to its reactions."""

    async def make(clock: FixedClock | None = None) -> Stage:
        folder: Path = tmp_path_factory.mktemp("audit")
        verifier = make_verifier(folder / "keys")
        make_keys(folder / "keys")
        store = make_store("audit", clock or FixedClock())
        settings = AuditSettings(keys_dir=folder / "keys", look_every_seconds=0.2)
        service = build(settings, LocalBus(folder / "bus.sqlite"), store, verifier)
        await service.store.ensure_indexes(service.indexes)
        return Stage(service, folder / "keys")

    return make


@pytest.fixture
def clock() -> FixedClock:
    """A clock that moves only when told to, from 2030-01-01."""
    return FixedClock()


@pytest.fixture
async def stage(make_stage: Callable[..., Any], clock: FixedClock) -> Stage:
    """The service that has heard of nothing, and in which it is what time the clock says."""
    stage: Stage = await make_stage(clock)
    return stage


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[LocalBus]:
    """A bus that runs, for those who declare what they need of it."""
    bus = LocalBus(tmp_path / "bus.sqlite")
    await bus.start()
    yield bus
    await bus.close()
