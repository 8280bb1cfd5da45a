"""Notifications with its sender at work, for each test anew."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from chassis.local import LocalBus
from chassis.mongo import Store
from services.identity.keys import make_missing_keys
from services.notifications.main import build
from services.notifications.settings import NotificationsSettings
from tests.passports import make_verifier
from tests.services.stage import Stage
from tests.services.webhooks.hooks import Hooks, MovingClock

MakeHooks = Callable[..., Awaitable[Hooks]]


@pytest.fixture
async def make_hooks(reused_store: Callable[..., Any], tmp_path: Path) -> AsyncIterator[MakeHooks]:
    """Start notifications: ``await make_hooks(webhook_seconds=1)``; ``beside`` is one that shares database and clock."""
    keys = tmp_path / "keys"
    verifier = make_verifier(keys)
    make_missing_keys(keys)
    async with AsyncExitStack() as stack:
        bus = LocalBus(tmp_path / "bus.sqlite")
        await bus.start()
        stack.push_async_callback(bus.close)

        async def make(beside: Hooks | None = None, **settings: Any) -> Hooks:
            clock = beside.clock if beside else MovingClock()
            store: Store = beside.stage.service.store if beside else reused_store("notifications", clock)
            wanted = NotificationsSettings(shared_key_file=keys / "notices.key", **{"webhook_loopback": True, **settings})
            service = build(wanted, bus, store, verifier)
            await service.declare()
            hooks = Hooks(Stage(service, keys), clock, dict(beside.secrets) if beside else {})
            await hooks.sender.start()
            stack.push_async_callback(hooks.sender.close)
            return hooks

        yield make


@pytest.fixture
async def hooks(make_hooks: MakeHooks) -> Hooks:
    """Notifications, which may send to this machine."""
    return await make_hooks()
