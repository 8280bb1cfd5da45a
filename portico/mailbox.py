"""The development mailbox: takes every mail by SMTP, keeps the last ones, and shows them on a page and as JSON.

It listens on loopback and stands in for the mail system of a real place. It delivers nothing but answers to mails that want one:
those go by SMTP to where the platform takes mail.
"""

import asyncio
import email
import email.policy
import email.utils
import html
import re
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
from aiosmtpd.smtp import SMTP, Envelope, Session
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from chassis.clock import Clock
from chassis.ids import new_id
from chassis.smtp import MailServer, Undelivered, hand_in
from chassis.telemetry import log

_log = log("mailbox")
_KEPT = 500
_LARGEST_MAIL_BYTES = 2 * 2**20
_LINK = re.compile(r"https?://[^\s<>&\"']+")
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Mailbox</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}}pre{{white-space:pre-wrap}}
article{{border-top:1px solid #888;padding:1rem 0}}</style><h1>Mailbox</h1><p>Mail that the platform has sent, the newest first.
As JSON: <a href="/api/messages">/api/messages</a>, for one address: <code>/api/messages?to=…</code></p>{articles}</html>"""

_ANSWER = """<form method="post" action="/api/messages/{mail_id}/answer"><textarea name="text" rows="3" cols="60" required>
</textarea><br><button>Answer this mail</button></form>"""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it was received."""

    id: str
    received_at: str
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str
    reply_to: str = ""
    message_id: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the mail as the JSON interface shows it."""
        return {
            "id": self.id,
            "received_at": self.received_at,
            "from": self.sender,
            "to": list(self.to),
            "subject": self.subject,
            "text": self.text,
            "links": _LINK.findall(self.text),
            "reply_to": self.reply_to,
            "message_id": self.message_id,
        }


class Mailbox:
    """The mail kept, in memory and in one file a mail."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._mails: list[Mail] = []
        self.answers_to: int | None = None  # the port where the platform takes mail

    def open(self) -> None:
        """Read what a former run has kept."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self._folder.glob("*.json"))[-_KEPT:]:
            try:
                document = orjson.loads(path.read_bytes())
                sender, to, subject, text = (document[name] for name in ("from", "to", "subject", "text"))
                more = {name: str(document.get(name, "")) for name in ("reply_to", "message_id")}
                self._mails.append(Mail(document["id"], document["received_at"], sender, tuple(to), subject, text, **more))
            except (ValueError, KeyError) as failure:
                _log.warning("a kept mail cannot be read and is passed over", file=str(path), problem=str(failure))

    def take(self, sender: str, to: list[str], content: bytes) -> None:
        """Keep a mail; the oldest ones give way. Raises ``OSError`` and keeps nothing when it cannot be written."""
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        body = message.get_body(("plain", "html"))
        mail = Mail(
            id=new_id("mail"),
            received_at=self._clock.now().isoformat().replace("+00:00", "Z"),
            sender=sender,
            to=tuple(each.lower() for each in to),
            subject=str(message.get("subject", "")),
            text="" if body is None else body.get_content().strip(),
            reply_to=str(message.get("reply-to", "")),
            message_id=str(message.get("message-id", "")),
        )
        draft = self._folder / ".draft"
        draft.write_bytes(orjson.dumps(mail.to_json()))
        draft.replace(self._folder / f"{mail.id}.json")
        self._mails.append(mail)
        while len(self._mails) > _KEPT:
            (self._folder / f"{self._mails.pop(0).id}.json").unlink(missing_ok=True)

    def find(self, to: str | None = None) -> list[Mail]:
        """Return the mails, the newest first, of one address or of all."""
        return [each for each in reversed(self._mails) if to is None or to.lower() in each.to]

    async def answer(self, mail_id: str, text: str) -> bool:
        """Hand in an answer to a mail, as whoever got it, quoting it as mail programs do; say whether that mail wants one.

        Raises ``Undelivered`` where the answer is not taken.
        """
        mail = next((each for each in self._mails if each.id == mail_id and each.reply_to), None)
        if mail is None or self.answers_to is None:
            return False
        quoted = "\n".join(f"> {line}" for line in mail.text.splitlines())
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = mail.to[0], mail.reply_to, f"Re: {mail.subject}"
        message["Message-ID"], message["In-Reply-To"] = f"<{new_id('mail')}@mailbox.localhost>", mail.message_id
        message["Date"] = email.utils.format_datetime(self._clock.now())
        message.set_content(f"{text}\n\nOn {mail.received_at}, {mail.sender} wrote:\n{quoted}\n")
        await hand_in(
            MailServer("127.0.0.1", self.answers_to, sender=mail.to[0]), message, email.utils.parseaddr(mail.reply_to)[1]
        )
        return True

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - named by aiosmtpd
        """Take one mail from SMTP."""
        content = envelope.content or b""
        try:
            self.take(envelope.mail_from or "", envelope.rcpt_tos, content if isinstance(content, bytes) else content.encode())
        except OSError as failure:
            _log.warning("a mail could not be kept", problem=str(failure))
            return "452 4.3.1 nothing can be kept now; try again later"
        return "250 kept"

    async def listen(self) -> asyncio.Server:
        """Begin to take mail on a free loopback port."""

        def protocol() -> SMTP:
            return SMTP(
                self, data_size_limit=_LARGEST_MAIL_BYTES, enable_SMTPUTF8=True, ident="portico mailbox", hostname="localhost"
            )

        return await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)


def mailbox_app(mailbox: Mailbox) -> Starlette:
    """Return the page and the JSON interface; only requests addressed to this machine are answered."""

    async def messages(request: Request) -> Response:
        return JSONResponse([each.to_json() for each in mailbox.find(request.query_params.get("to"))])

    async def page(_request: Request) -> Response:
        articles = "".join(_article(each) for each in mailbox.find()[:100]) or "<p>Nothing has been sent yet.</p>"
        return HTMLResponse(
            _PAGE.format(articles=articles), headers={"content-security-policy": "default-src 'self' 'unsafe-inline'"}
        )

    async def answer(request: Request) -> Response:
        if not _is_from_here(request):
            return JSONResponse({"problem": "answers are handed in from the mailbox's own page, or by a program"}, 403)
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        try:
            is_taken = await mailbox.answer(request.path_params["mail_id"], form.get("text", [""])[0].strip())
        except Undelivered as failure:
            return JSONResponse({"problem": f"the answer was not taken: {failure.__cause__}"}, 502)
        if not is_taken:
            return JSONResponse({"problem": "there is no such mail that wants an answer"}, 404)
        return RedirectResponse("/", 303)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/api/messages", messages),
            Route("/api/messages/{mail_id}/answer", answer, methods=["POST"]),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1", "[::1]"])],
    )


def _is_from_here(request: Request) -> bool:
    """Say whether no page of elsewhere asks: a browser names the page's origin in whatever it posts."""
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


def _article(mail: Mail) -> str:
    text = _LINK.sub(lambda found: f'<a href="{found.group()}">{found.group()}</a>', html.escape(mail.text))
    to = html.escape(", ".join(mail.to))
    form = _ANSWER.format(mail_id=html.escape(mail.id)) if mail.reply_to else ""
    return f"<article><h2>{html.escape(mail.subject)}</h2><p>{mail.received_at} · to {to}</p><pre>{text}</pre>{form}</article>"
