"""A mail server for tests, and a clock that can be moved."""

import asyncio
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP

from chassis.clock import SystemClock
from services.identity.inputs import address_key


class MovingClock:
    """The machine's clock, and a way to move it on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead


class Inbox:
    """A mail server that keeps what it is given, or refuses it."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer = "250 kept"
        self.takes_unicode = True
        self.server: asyncio.Server | None = None
        self.port = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd names it
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, _class=EmailMessage, policy=policy.default))
        return self.answer

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(
            lambda: SMTP(self, hostname="inbox", loop=loop, enable_SMTPUTF8=self.takes_unicode), "127.0.0.1", self.port
        )
        self.port = self.server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self.server is not None:
            self.server.close()
            await self.server.wait_closed()
            self.server = None

    def to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if address_key(mail["To"]) == address_key(address)]

    async def newest_to(self, address: str, *, count: int = 1) -> EmailMessage:
        for _ in range(500):
            if len(self.to(address)) >= count:
                return self.to(address)[-1]
            await asyncio.sleep(0.02)
        raise AssertionError(f"no mail to {address}")
