"""Enforcement as it runs: its service on a real database and the local bus, a real proxy in front, a tiny upstream behind."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from chassis.local import LocalBus
from services.enforcement.main import build
from services.enforcement.proxy.command import NginxMissing, nginx_binary
from services.enforcement.proxy.plane import Kind
from services.enforcement.settings import EnforcementSettings
from tests.passports import make_verifier
from tests.services.enforcement.stage import DataPlaneStage, Issuer, Stage, free_port
from tests.services.enforcement.upstream import Upstream


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer(tmp_path_factory.mktemp("keys"))


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[LocalBus]:
    bus = LocalBus(tmp_path / "bus.sqlite")
    await bus.start()
    yield bus
    await bus.close()


@pytest.fixture
async def stage(issuer: Issuer, bus: LocalBus, make_store: Callable[..., Any]) -> AsyncIterator[Stage]:
    """The service without a proxy: it only checks."""
    settings = EnforcementSettings(keys_dir=issuer.folder, data_plane=None)
    service = build(settings, bus, make_store("enforcement"))
    await service.declare()
    await service.start()
    yield Stage(bus, issuer, service)
    await service.close()


@pytest.fixture(scope="module", params=["envoy", "nginx"])
def proxy(request: pytest.FixtureRequest) -> Kind:
    """The proxy that a test runs on: all that is promised of the data plane holds on each."""
    kind: Kind = request.param
    if kind == "nginx":
        try:
            nginx_binary()
        except NginxMissing as missing:
            pytest.skip(str(missing))
    return kind


@pytest.fixture(scope="module")
async def plane(
    issuer: Issuer, make_store: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, proxy: Kind
) -> AsyncIterator[DataPlaneStage]:
    """The whole data plane, started once for a file of tests and a proxy."""
    folder = tmp_path_factory.mktemp("plane")
    bus = LocalBus(folder / "bus.sqlite")
    await bus.start()
    upstream = Upstream()
    settings = EnforcementSettings(
        keys_dir=issuer.folder,
        data_plane=folder / "plane",
        proxy=proxy,
        proxy_port=free_port(),
        sandbox_address=await upstream.start(),
        upstream_timeout_seconds=1.0,
        upstream_loopback=True,
        upstream_calls=4,
    )
    service = build(settings, bus, make_store("enforcement"), verifier=make_verifier(issuer.folder))
    stage = DataPlaneStage(bus, issuer, service, settings=settings, upstream=upstream)
    await stage.start()
    yield stage
    await stage.close()
    await upstream.close()
    await bus.close()
