"""A stage for each test."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

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
async def empty_stage(make_store: Callable[..., Any], bus: LocalBus, tmp_path: Path) -> Stage:
    """The service that has heard of nothing."""
    verifier = make_verifier(tmp_path / "keys")
    service = build(SubscriptionsSettings(patience_seconds=0.2), bus, make_store("subscriptions"), verifier)
    await service.declare()
    return Stage(service, tmp_path / "keys")


@pytest.fixture
async def stage(empty_stage: Stage) -> Stage:
    """The service that knows an application, a published product and its plans."""
    await empty_stage.hear(*whole_offer())
    return empty_stage
