"""The worker that takes waiting mails to the mail server, outside of any transaction."""

import asyncio
from email.message import EmailMessage

from chassis import smtp
from chassis.mongo import Store
from chassis.repeating import Repeating
from chassis.smtp import MailServer, Undelivered
from chassis.telemetry import log
from services.notifications.mail.actions import Outgoing, PostOffice, send_next

_POLL_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_log = log("notifications.mail")


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
        await smtp.hand_in(self._server, self.compose(outgoing), outgoing.address)

    def compose(self, outgoing: Outgoing) -> EmailMessage:
        """Return a mail as it is handed in: the same on every try, all but its date."""
        letter, now = outgoing.letter, self._store.clock.now()
        message = smtp.compose(
            self._server, outgoing.address, subject=letter.subject, text=letter.text, message_id=outgoing.message_id, at=now
        )
        if letter.reply_to:
            message["Reply-To"] = letter.reply_to
        if letter.in_reply_to:
            message["In-Reply-To"] = letter.in_reply_to
        if letter.references:
            message["References"] = " ".join(letter.references)
        if letter.unsubscribe_url:
            message["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        if letter.html is not None:
            message.add_alternative(letter.html, subtype="html")
        return message
