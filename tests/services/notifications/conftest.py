"""Newsrooms: one for the tests of a file, and some of one's own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.services.mail_server import MovingClock
from tests.services.notifications.newsroom import Newsroom, Portal

MakeRoom = Callable[[], Awaitable[Newsroom]]


@pytest.fixture(scope="module")
async def portal(make_store: Any, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Portal]:
    """A portal for the tests of one file; what they tell is told there for good."""
    clock = MovingClock()
    room = Newsroom(make_store("notifications", clock), tmp_path_factory.mktemp("notifications"), clock)
    await room.start()
    yield await Portal.open(room)
    await room.close()


@pytest.fixture
async def make_room(make_store: Any, tmp_path: Path) -> AsyncIterator[MakeRoom]:
    """Make a newsroom of one's own, which has heard of nothing."""
    async with AsyncExitStack() as stack:

        async def make() -> Newsroom:
            clock = MovingClock()
            room = Newsroom(make_store("notifications", clock), tmp_path, clock)
            await room.start()
            stack.push_async_callback(room.close)
            return room

        yield make
