"""A stage for each test, with a clock that moves only when told to."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from chassis.clock import FixedClock
from chassis.local import LocalBus
from services.recertification.main import build
from services.recertification.settings import RecertificationSettings
from tests.passports import make_verifier
from tests.services.recertification.hearing import CampaignStage, everything


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[LocalBus]:
    bus = LocalBus(tmp_path / "bus.sqlite")
    await bus.start()
    yield bus
    await bus.close()


@pytest.fixture
async def make_stage(reused_store: Callable[..., Any], bus: LocalBus, tmp_path: Path) -> Callable[..., Any]:
    """Make the service that has heard of nothing, with settings of one's own."""

    async def make(**settings: Any) -> CampaignStage:
        clock = FixedClock()
        keys = tmp_path / "keys"
        service = build(RecertificationSettings(**settings), bus, reused_store("recertification", clock), make_verifier(keys))
        await service.declare()
        return CampaignStage(service, keys, clock)

    return make


@pytest.fixture
async def empty_stage(make_stage: Callable[..., Any]) -> CampaignStage:
    """The service that has heard of nothing."""
    stage: CampaignStage = await make_stage()
    return stage


@pytest.fixture
async def stage(empty_stage: CampaignStage) -> CampaignStage:
    """The service that knows two holders and two providers, and what they hold."""
    await empty_stage.hear(*everything())
    return empty_stage
