"""The worker that takes mail by SMTP, for a mail server that forwards to it. It sends nothing and relays for nobody."""

import asyncio
import contextlib
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from chassis.errors import Refusal, TooMany, Unavailable
from chassis.tasks import bounded
from chassis.telemetry import log
from services.notifications.incoming.actions import Desk, require_target, take_mail
from services.notifications.incoming.domain import LARGEST_MAIL_BYTES, MailNotReadable, NoSuchMailbox
from services.notifications.support.domain import TooManyOpenSupportRequests

_AT_ONCE = 4
_MOST_RECIPIENTS = 10
_IDLE_SECONDS = 60
_CLOSE_SECONDS = 5.0
_log = log("notifications.incoming")


class _Handler:
    """Answers a mail server; a refusal for good is 5xx, and what may pass another time 4xx."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def handle_RCPT(self, _server: SMTP, _session: Session, envelope: Envelope, *told: Any) -> str:  # noqa: N802 - as below
        """Say whether mail is taken for an address, the first that is told here."""
        address = str(told[0])
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        try:
            await require_target(self._desk, address)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the other side gets an answer that it understands
            return _answer_to(failure)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - named by aiosmtpd
        """Take one mail for all whom it is for."""
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        async with self._turns:
            for address in dict.fromkeys(envelope.rcpt_tos):
                try:
                    await take_mail(self._desk, address, envelope.mail_from, raw)
                except Exception as failure:  # noqa: BLE001 - as above
                    return _answer_to(failure)
        return "250 2.0.0 taken"


def _answer_to(failure: Exception) -> str:
    if isinstance(failure, NoSuchMailbox):
        return "550 5.1.1 there is nobody here by that name"
    if isinstance(failure, MailNotReadable):
        return "554 5.6.0 the mail cannot be read"
    if isinstance(failure, TooMany | TooManyOpenSupportRequests):
        return "452 4.2.2 too much has come; try again later"
    if isinstance(failure, Unavailable):
        return "451 4.3.0 it cannot be taken now; try again later"
    if isinstance(failure, Refusal):
        return f"550 5.7.1 {failure.message}"
    _log.error("a mail could not be taken", exc_info=failure)
    return "451 4.3.0 it cannot be taken now; try again later"


class Listener:
    """Listens at a port; 0 takes a free one, which ``port`` tells."""

    def __init__(self, desk: Desk, host: str, port: int) -> None:
        self._handler = _Handler(desk)
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int | None:
        """Return the port where mail is taken, or None while it is not."""
        return self._server.sockets[0].getsockname()[1] if self._server is not None else None

    async def start(self) -> None:
        """Begin to take mail."""

        def protocol() -> SMTP:
            return SMTP(
                self._handler,
                data_size_limit=LARGEST_MAIL_BYTES,
                enable_SMTPUTF8=True,
                ident="portico support",
                hostname="localhost",
                timeout=_IDLE_SECONDS,
            )

        self._server = await asyncio.get_running_loop().create_server(protocol, self._host, self._port)

    async def close(self) -> None:
        """Take no more mail; what is being taken is either taken or comes again."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(TimeoutError):
                await bounded(self._server.wait_closed(), _CLOSE_SECONDS)
            self._server = None
