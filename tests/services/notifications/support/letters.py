"""Mails to support as people and machines send them, over real SMTP, and what went out."""

import re
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import pytest

from tests.services.notifications.support.cast import ADDRESS, Cast, address_of

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
TOKEN = re.compile(r"support\+[0-9a-f]{32}@portal\.example")


def mail(
    text: str = "All of them.", *, sender: str = "usr_asker", to: str = ADDRESS, subject: str = "Re: Calls fail", **headers: str
) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender if "@" in sender else f"Somebody <{address_of(sender)}>"
    message["To"], message["Subject"] = to, subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


async def send(cast: Cast, message: EmailMessage, *, envelope_sender: str = "mta@people.example") -> None:
    await aiosmtplib.send(
        message,
        sender=envelope_sender,
        recipients=[message["To"]],
        hostname="127.0.0.1",
        port=cast.smtp_port,
        start_tls=False,
        timeout=60,
    )


async def send_from_nobody(cast: Cast, message: EmailMessage) -> None:
    """Send as mail servers send their reports: with an empty return path."""
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=cast.smtp_port, start_tls=False, timeout=60) as smtp:
        await smtp.mail("")
        await smtp.rcpt(message["To"])
        await smtp.data(message.as_bytes())


async def refused(cast: Cast, message: EmailMessage, **more: Any) -> int:
    with pytest.raises(aiosmtplib.SMTPException) as caught:
        await send(cast, message, **more)
    error: Any = caught.value
    code: int = error.recipients[0].code if isinstance(error, aiosmtplib.SMTPRecipientsRefused) else error.code
    return code


async def answered(cast: Cast, text: str = "Which call?", **changes: Any) -> tuple[str, EmailMessage]:
    """Open a request and answer it; return its id and the mail that the asker gets."""
    key = (await cast.opened(**changes))["id"]
    assert (await cast.reply(cast.staff, key, text)).status == 200
    await cast.post_all()
    return key, next(each for each in cast.postbox.to("usr_asker") if each["Reply-To"])


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


async def unassigned(cast: Cast) -> list[dict[str, Any]]:
    return [each for each in await cast.queue() if each["mail_from"]]
