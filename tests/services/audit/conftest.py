"""A stage for each test, with a clock that stands still."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chassis.clock import FixedClock
from chassis.local import LocalBus
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
        store = make_store("audit", clock or FixedClock())
        service = build(AuditSettings(), LocalBus(folder / "bus.sqlite"), store, verifier)
        await service.store.ensure_indexes(service.indexes)
        return Stage(service, folder / "keys")

    return make


@pytest.fixture
async def stage(make_stage: Callable[..., Any]) -> Stage:
    stage: Stage = await make_stage()
    return stage
