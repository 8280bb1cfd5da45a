"""The one door to mail servers: a mail is written down as they take it, and handed in over SMTP."""

from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime, parseaddr

import aiosmtplib
from email_validator import EmailNotValidError, validate_email

_COMMAND_SECONDS = 20.0
_TOO_LARGE = 552


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in, and as whom. ``security`` is NONE, STARTTLS or TLS."""

    host: str
    port: int
    sender: str
    security: str = "NONE"
    username: str = ""
    password: str = ""

    @property
    def domain(self) -> str:
        """Return the domain of whom mails come from."""
        return parseaddr(self.sender)[1].partition("@")[2]


class Undelivered(Exception):  # noqa: N818 - what a sender reports
    """The mail server did not take the mail.

    ``reply_code`` is what it answered about this very mail, for now or for good; ``is_about_address`` says that it does not know
    whom it is for; ``is_outage`` that no mail could be handed in now.
    """

    def __init__(
        self, reason: str, reply_code: int | None = None, *, is_about_address: bool = False, is_outage: bool = False
    ) -> None:
        super().__init__(reason)
        self.reply_code = reply_code
        self.is_about_address = is_about_address
        self.is_outage = is_outage


def to_ascii_address(address: str) -> str:
    """Return the address as every mail server takes it, where it has such a form (its domain in ASCII)."""
    try:
        read = validate_email(address, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return address
    return read.ascii_email or address


def compose(server: MailServer, to: str, *, subject: str, text: str, message_id: str, at: datetime) -> EmailMessage:
    """Return a mail that nobody wrote by hand; ``message_id`` is that header with its angle brackets."""
    message = EmailMessage(policy=SMTPUTF8)
    message["From"] = server.sender
    message["To"] = to_ascii_address(to)
    message["Subject"] = subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message


async def hand_in(server: MailServer, message: EmailMessage, to: str) -> None:
    """Hand a mail in for an address. Raises ``Undelivered``, from what the mail server said."""
    try:
        await aiosmtplib.send(
            message,
            recipients=[to_ascii_address(to)],
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "TLS",
            start_tls=server.security == "STARTTLS",
            username=server.username or None,
            password=server.password or None,
            timeout=_COMMAND_SECONDS,
        )
    except (aiosmtplib.SMTPException, OSError) as error:
        raise _undelivered(error) from error


def _undelivered(error: aiosmtplib.SMTPException | OSError) -> Undelivered:
    """Return what a failure says of the mail: for what is not said of the very mail, it is never given up for good."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            return Undelivered("recipient refused", error.recipients[0].code, is_about_address=True)
        case aiosmtplib.SMTPDataError():
            return Undelivered("mail refused", error.code)
        case aiosmtplib.SMTPSenderRefused():
            # All mails have the one sender: whoever owns the server mends that. Only how large a mail is, is its own.
            return Undelivered("sender refused", error.code if error.code == _TOO_LARGE else None)
        case aiosmtplib.SMTPServerDisconnected() | aiosmtplib.SMTPReadTimeoutError() | aiosmtplib.SMTPNotSupported():
            # A mail half handed in, or one that this server cannot take: others may well pass.
            return Undelivered(type(error).__name__)
        case _:
            return Undelivered(type(error).__name__, is_outage=True)
