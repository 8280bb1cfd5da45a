"""The worker that takes waiting mails to the mail server, outside of any transaction."""

from chassis.mongo import Store
from chassis.repeating import Repeating
from chassis.smtp import MailServer, compose, hand_in
from chassis.telemetry import log
from services.identity.mail.actions import PostOffice, send_due
from services.identity.mail.domain import Letter

_POLL_SECONDS = 1.0
_log = log("identity.mail")


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
        # The same on every try, so that a mail handed in twice can be shown once.
        message_id, now = f"<{mail_id}@{self._server.domain}>", self._store.clock.now()
        message = compose(self._server, letter.to, subject=letter.subject, text=letter.text, message_id=message_id, at=now)
        await hand_in(self._server, message, letter.to)
