"""A cast for each test: the real service on the real database, with a mail server before it and one behind it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from chassis.clock import FixedClock
from chassis.local import LocalBus
from services.notifications.incoming.listener import Listener
from services.notifications.main import build
from services.notifications.settings import NotificationsSettings
from tests.passports import make_verifier
from tests.services.notifications.support.cast import ADDRESS, Cast, Postbox, make_key_file
from tests.services.stage import Stage


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[LocalBus]:
    bus = LocalBus(tmp_path / "bus.sqlite")
    await bus.start()
    yield bus
    await bus.close()


@pytest.fixture
def authority() -> str:
    """Whose word about senders is taken: nobody's, unless a test says so."""
    return ""


@pytest.fixture
async def cast(reused_store: Callable[..., Any], bus: LocalBus, tmp_path: Path, authority: str) -> AsyncIterator[Cast]:
    clock, postbox = FixedClock(), Postbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(postbox, enable_SMTPUTF8=True), "127.0.0.1", 0)
    key_file = make_key_file(tmp_path)
    settings = NotificationsSettings(
        shared_key_file=key_file,
        portal_url="https://portal.example",
        smtp_port=server.sockets[0].getsockname()[1],
        mail_from="Portico <no-reply@portal.example>",
        support_address=ADDRESS,
        support_smtp_port=0,
        support_mail_authority=authority,
    )
    service = build(settings, bus, reused_store("notifications", clock), make_verifier(tmp_path / "keys"))
    await service.declare()
    listener = next(each for each in service.workers if isinstance(each, Listener))
    await listener.start()
    yield Cast(Stage(service, tmp_path / "keys"), key_file, clock, postbox)
    await listener.close()
    server.close()
    await server.wait_closed()


@pytest.fixture
async def known_cast(cast: Cast) -> Cast:
    """Everybody and everything has been announced."""
    await cast.everybody_is_known()
    return cast
