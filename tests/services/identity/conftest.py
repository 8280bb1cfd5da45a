from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.services.identity.filing import Bureau
from tests.services.identity.world import Team, World
from tests.services.mail_server import MovingClock

MakeWorld = Callable[..., Awaitable[World]]


@pytest.fixture(scope="session")
async def world(make_store: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """One identity for the tests that do not move its clock or stop its parts."""
    clock = MovingClock()
    made = World(make_store("identity", clock, is_kept=True), tmp_path_factory.mktemp("identity"), clock)
    await made.start()
    yield made
    await made.close()


@pytest.fixture(scope="session")
async def team(world: World) -> Team:
    """An organization with a member in each role, which no test changes."""
    return await world.team()


@pytest.fixture
async def make_world(make_store: Any, tmp_path: Path) -> AsyncIterator[MakeWorld]:
    """Make an identity of one's own: ``await make_world(session_idle_seconds=60)``."""
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> World:
            clock = MovingClock()
            made = World(make_store("identity", clock), tmp_path, clock, **settings)
            await made.start()
            stack.push_async_callback(made.close)
            return made

        yield make


@pytest.fixture(scope="module")
async def bureau(make_store: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bureau]:
    """An identity with an operator, for the tests of one file."""
    clock = MovingClock()
    made = World(make_store("identity", clock), tmp_path_factory.mktemp("bureau"), clock)
    await made.start()
    yield await Bureau.open(made)
    await made.close()
