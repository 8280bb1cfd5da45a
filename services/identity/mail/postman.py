"""The worker that takes waiting mails to the mail server, outside of any transaction."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime, parseaddr

import aiosmtplib

from chassis.mongo import Store
from chassis.repeating import Repeating
from chassis.telemetry import log
from services.identity.inputs import to_ascii_address
from services.identity.mail.actions import PostOffice, Undelivered, send_due
from services.identity.mail.domain import Letter

_POLL_SECONDS = 1.0
_SEND_SECONDS = 20.0
_log = log("identity.mail")


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in, and as whom. ``security`` is NONE, STARTTLS or TLS."""

    host: str
    port: int
    sender: str
    security: str = "NONE"
    username: str = ""
    password: str = ""


class Postman(Repeating):
    """Sends what waits, as soon as it may; what the mail server does not take now, it tries again later."""

    def __init__(self, store: Store, office: PostOffice, server: MailServer) -> None:
        super().__init__("identity.mail", every_seconds=_POLL_SECONDS, wanted=office.has_mail)
        self._store = store
        self._office = office
        self._server = server

    async def look(self) -> None:
        """Send what is due."""
        sent = 1
        while sent:
            sent, waiting = await send_due(self._store, self._office, self._send)
            if waiting:
                _log.warning("mails wait: the mail server did not take them", mails=waiting)

    async def _send(self, mail_id: str, letter: Letter) -> None:
        server = self._server
        message = self._compose(mail_id, letter)
        try:
            await aiosmtplib.send(
                message,
                recipients=[to_ascii_address(letter.to)],
                hostname=server.host,
                port=server.port,
                use_tls=server.security == "TLS",
                start_tls=server.security == "STARTTLS",
                username=server.username or None,
                password=server.password or None,
                timeout=_SEND_SECONDS,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise Undelivered("recipient refused", error.recipients[0].code) from error
        except aiosmtplib.SMTPResponseException as error:
            # Only what is said of the very mail is final; a server that refuses our sign-in is mended by its owner.
            is_about_mail = isinstance(error, aiosmtplib.SMTPDataError | aiosmtplib.SMTPSenderRefused)
            raise Undelivered("mail refused", error.code if is_about_mail else None) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise Undelivered(type(error).__name__) from error

    def _compose(self, mail_id: str, letter: Letter) -> EmailMessage:
        message = EmailMessage(policy=SMTPUTF8)
        message["From"] = self._server.sender
        message["To"] = to_ascii_address(letter.to)
        message["Subject"] = letter.subject
        message["Date"] = format_datetime(self._store.clock.now())
        # The same on every try, so that a mail handed in twice can be shown once.
        message["Message-ID"] = f"<{mail_id}@{parseaddr(self._server.sender)[1].partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(letter.text)
        return message
