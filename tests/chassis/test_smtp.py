"""What is handed in to a mail server, and what is understood of it when the server does not take it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope

from chassis.smtp import MailServer, Undelivered, compose, hand_in, to_ascii_address

NOBODY, LATER = "550 5.1.1 nobody of that name here", "451 4.3.0 later"
SIGN_IN, TOO_LARGE = "530 5.7.0 sign in first", "552 5.3.4 too large"


class Taking:
    """What a mail server says at each step, and what it has taken."""

    def __init__(self, **said: str) -> None:
        self.taken: list[Envelope] = []
        for step, answer in said.items():
            setattr(self, f"handle_{step}", self._saying(answer))

    def _saying(self, answer: str) -> Any:
        async def say(*_asked: Any) -> str:
            return answer

        return say

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd names it
        self.taken.append(envelope)
        return "250 kept"


@asynccontextmanager
async def serving(taking: Taking, *, takes_unicode: bool = True) -> AsyncIterator[MailServer]:
    def protocol() -> SMTP:
        return SMTP(taking, hostname="there", loop=asyncio.get_running_loop(), enable_SMTPUTF8=takes_unicode)

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    try:
        yield MailServer("127.0.0.1", server.sockets[0].getsockname()[1], "Portico <no-reply@portico.test>")
    finally:
        server.close()
        await server.wait_closed()


def letter(server: MailServer, to: str) -> EmailMessage:
    at = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    return compose(server, to, subject="Labdien", text="Laipni lūdzam!\n", message_id=f"<1@{server.domain}>", at=at)


async def refused(taking: Taking, to: str = "anna@example.com", *, takes_unicode: bool = True) -> Undelivered:
    async with serving(taking, takes_unicode=takes_unicode) as server:
        with pytest.raises(Undelivered) as caught:
            await hand_in(server, letter(server, to), to)
    assert not taking.taken
    return caught.value


async def test_a_mail_arrives_as_it_was_composed() -> None:
    taking = Taking()
    async with serving(taking) as server:
        await hand_in(server, letter(server, "anna@straße.example"), "anna@straße.example")
    [envelope] = taking.taken
    assert envelope.rcpt_tos == ["anna@xn--strae-oqa.example"]
    assert isinstance(envelope.content, bytes)
    came = message_from_bytes(envelope.content, _class=EmailMessage, policy=policy.default)
    assert came["Message-ID"] == "<1@portico.test>"
    assert came["From"] == "Portico <no-reply@portico.test>"
    assert came["Auto-Submitted"] == "auto-generated"
    assert came["Date"].datetime == datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    assert came.get_content().strip() == "Laipni lūdzam!"


@pytest.mark.parametrize(
    ("said", "reply_code", "is_about_address"),
    [
        ({"RCPT": NOBODY}, 550, True),
        ({"RCPT": LATER}, 451, True),
        ({"DATA": NOBODY}, 550, False),
        ({"DATA": LATER}, 451, False),
        ({"MAIL": TOO_LARGE}, 552, False),
        ({"MAIL": SIGN_IN}, None, False),
    ],
    ids=["no-such-address", "address-later", "mail", "mail-later", "too-large", "sender"],
)
async def test_only_what_is_said_of_the_very_mail_has_a_code(
    said: dict[str, str], reply_code: int | None, is_about_address: bool
) -> None:
    undelivered = await refused(Taking(**said))
    assert undelivered.reply_code == reply_code
    assert undelivered.is_about_address is is_about_address
    assert not undelivered.is_outage


async def test_an_address_that_the_server_cannot_write_down_is_no_outage() -> None:
    undelivered = await refused(Taking(), "jānis@example.com", takes_unicode=False)
    assert (undelivered.reply_code, undelivered.is_outage) == (None, False)


async def test_a_server_that_is_not_there_or_does_not_let_us_in_is_an_outage() -> None:
    async with serving(Taking()) as server:
        with pytest.raises(Undelivered) as not_let_in:
            await hand_in(replace(server, username="portico"), letter(server, "anna@example.com"), "anna@example.com")
    with pytest.raises(Undelivered) as gone:
        await hand_in(server, letter(server, "anna@example.com"), "anna@example.com")
    assert not_let_in.value.is_outage
    assert gone.value.is_outage


def test_a_domain_is_written_in_ascii_where_it_can_be() -> None:
    assert to_ascii_address("anna@straße.example") == "anna@xn--strae-oqa.example"
    assert to_ascii_address("no address") == "no address"
