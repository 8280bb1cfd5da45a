"""A stage for each test."""

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


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[LocalBus]:
    bus = LocalBus(tmp_path / "bus.sqlite")
    await bus.start()
    yield bus
    await bus.close()


@pytest.fixture
def clock() -> FixedClock:
    """A clock that moves only when told to, from 2030-01-01."""
    return FixedClock()


@pytest.fixture
async def stage(make_store: Callable[..., Any], bus: LocalBus, tmp_path: Path, clock: FixedClock) -> Stage:
    """The service that has heard of nothing, and in which it is what time the clock says."""
    keys = tmp_path / "keys"
    verifier = make_verifier(keys)
    make_keys(keys)
    service = build(AuditSettings(keys_dir=keys, look_every_seconds=0.2), bus, make_store("audit", clock), verifier)
    await service.declare()
    return Stage(service, keys)
