"""A gateway over canned services."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from chassis.calls import AsgiCaller
from chassis.clock import SystemClock
from graphql_gateway.main import SERVICES, build
from graphql_gateway.settings import GatewaySettings
from tests.gateway.canned import VISITOR, Running, Wire, World


@pytest.fixture
def world() -> World:
    """Canned services."""
    return World()


@pytest.fixture
def start_gateway(world: World) -> Any:
    """Start a gateway with settings of its own: ``async with start_gateway(development=True) as running``."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[Running]:
        wire = Wire()
        caller = AsgiCaller({name: world.app(name) for name in SERVICES})
        gateway = build(GatewaySettings(**{"cookie_secure": False, **settings}), caller, wire, SystemClock())  # type: ignore[arg-type]
        await gateway.start()
        assert await gateway.sessions.visitor() == VISITOR
        transport = httpx.ASGITransport(gateway.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://portico.test") as http:
            yield Running(gateway, world, wire, http)
        await gateway.close()

    return start


@pytest.fixture
async def running(start_gateway: Any) -> AsyncIterator[Running]:
    """A gateway as it runs in production, but for cookies over plain HTTP."""
    async with start_gateway() as each:
        yield each
