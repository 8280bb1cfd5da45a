"""The worker that takes waiting mails to the mail server, outside of any transaction."""

import asyncio
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime, parseaddr

import aiosmtplib
from email_validator import EmailNotValidError, validate_email

from chassis.mongo import Store
from chassis.repeating import Repeating
from chassis.telemetry import log
from services.notifications.mail.actions import Outgoing, PostOffice, Undelivered, send_next

_POLL_SECONDS = 1.0
_COMMAND_SECONDS = 20.0
_LONGEST_PAUSE_SECONDS = 30.0
_log = log("notifications.mail")


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in, and as whom. ``security`` is NONE, STARTTLS or TLS."""

    host: str
    port: int
    sender: str
    security: str = "NONE"
    username: str = ""
    password: str = ""


def domain_of(sender: str) -> str:
    """Return the domain of whom mails come from."""
    return parseaddr(sender)[1].partition("@")[2]


def to_ascii_address(address: str) -> str:
    """Return the address as every mail server takes it, where it has such a form (its domain in ASCII)."""
    try:
        read = validate_email(address, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return address
    return read.ascii_email or address


class Postman(Repeating):
    """Sends what waits, as soon as it may; while the mail server does not answer, it looks again ever less often."""

    def __init__(self, store: Store, office: PostOffice, server: MailServer) -> None:
        super().__init__("notifications.mail", every_seconds=_POLL_SECONDS, wanted=office.has_mail)
        self._store = store
        self._office = office
        self._server = server
        self._pause_seconds = 0.0
        self._not_before = 0.0

    async def look(self) -> None:
        """Send what is due."""
        clock = asyncio.get_running_loop().time
        if clock() < self._not_before:
            return
        try:
            while await send_next(self._store, self._office, self._send):
                self._pause_seconds = 0.0
        except Undelivered as outage:
            self._pause_seconds = min(max(1.0, self._pause_seconds * 2), _LONGEST_PAUSE_SECONDS)
            self._not_before = clock() + self._pause_seconds
            _log.warning("mails wait: the mail server does not answer", reason=str(outage), pause_seconds=self._pause_seconds)

    async def _send(self, outgoing: Outgoing) -> None:
        server = self._server
        try:
            await aiosmtplib.send(
                self.compose(outgoing),
                recipients=[to_ascii_address(outgoing.address)],
                hostname=server.host,
                port=server.port,
                use_tls=server.security == "TLS",
                start_tls=server.security == "STARTTLS",
                username=server.username or None,
                password=server.password or None,
                timeout=_COMMAND_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise Undelivered("recipient refused", error.recipients[0].code, is_about_address=True) from error
        except (aiosmtplib.SMTPDataError, aiosmtplib.SMTPSenderRefused) as error:
            raise Undelivered("mail refused", error.code) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            # What is not said of the very mail is mended by the server's owner; a mail half handed in is only tried again.
            is_outage = not isinstance(error, aiosmtplib.SMTPServerDisconnected | aiosmtplib.SMTPReadTimeoutError)
            raise Undelivered(type(error).__name__, is_outage=is_outage) from error

    def compose(self, outgoing: Outgoing) -> EmailMessage:
        """Return a mail as it is handed in: the same on every try, all but its date."""
        letter = outgoing.letter
        message = EmailMessage(policy=SMTPUTF8)
        message["From"] = self._server.sender
        message["To"] = to_ascii_address(outgoing.address)
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(self._store.clock.now())
        message["Message-ID"] = outgoing.message_id
        message["Auto-Submitted"] = "auto-generated"
        if letter.reply_to:
            message["Reply-To"] = letter.reply_to
        if letter.in_reply_to:
            message["In-Reply-To"] = letter.in_reply_to
        if letter.references:
            message["References"] = " ".join(letter.references)
        if letter.unsubscribe_url:
            message["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        message.set_content(letter.text)
        if letter.html is not None:
            message.add_alternative(letter.html, subtype="html")
        return message
