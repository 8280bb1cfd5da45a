"""A stage for each test, with a clock that stands still."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chassis.clock import FixedClock
from chassis.local import LocalBus
from services.analytics.main import build
from services.analytics.settings import AnalyticsSettings
from tests.passports import make_verifier
from tests.services.analytics.announcements import names
from tests.services.stage import Stage

NOW = datetime(2030, 3, 15, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def make_stage(make_store: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Make the service: ``await make_stage(clock)``. Its bus is not started: announcements are handed to its reactions."""

    async def make(clock: FixedClock | None = None, **settings: Any) -> Stage:
        folder: Path = tmp_path_factory.mktemp("analytics")
        verifier = make_verifier(folder / "keys")
        store = make_store("analytics", clock or FixedClock(NOW))
        service = build(AnalyticsSettings(**settings), LocalBus(folder / "bus.sqlite"), store, verifier)
        await service.store.ensure_indexes(service.indexes)
        return Stage(service, folder / "keys")

    return make


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
async def stage(make_stage: Callable[..., Any], clock: FixedClock) -> Stage:
    """The service that knows the names of things and no call yet."""
    stage: Stage = await make_stage(clock)
    await stage.hear(*names())
    return stage
