"""A stage for each test."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from chassis.local import LocalBus
from services.catalog.main import build, build_sandbox
from services.catalog.settings import CatalogSettings
from tests.passports import make_verifier
from tests.services.catalog.stage import OTHER, PATIENT, PLAIN, PROVIDER, Stage, created


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[LocalBus]:
    bus = LocalBus(tmp_path / "bus.sqlite")
    await bus.start()
    yield bus
    await bus.close()


@pytest.fixture
async def empty_stage(reused_store: Callable[..., Any], bus: LocalBus, tmp_path: Path) -> Stage:
    """The catalogue that has heard of nothing."""
    settings, store = CatalogSettings(calls_url="https://calls.example/", **PATIENT), reused_store("catalog")
    service = build(settings, bus, store, make_verifier(tmp_path / "keys"))
    await service.declare()
    return Stage(service, build_sandbox(settings, store), tmp_path / "keys")


@pytest.fixture
async def stage(empty_stage: Stage) -> Stage:
    """The catalogue with a provider and two organizations that are none."""
    stage = empty_stage
    await stage.hear(created(PROVIDER, "Agency"), created(OTHER, "Others"), created(PLAIN, "Plain"))
    (await stage.operator.do("grant_provider_standing", organization_id=PROVIDER)).result  # noqa: B018 - asserts that it went well
    return stage
