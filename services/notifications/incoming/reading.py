"""Reading a mail: from its bytes to what somebody wrote. A mail is foreign matter: whatever is wrong with it is one refusal."""

import email
import email.policy
import hashlib
import re
import unicodedata
from email.message import EmailMessage, MIMEPart
from email.utils import getaddresses

from lxml import etree, html  # type: ignore[import-untyped]

from services.notifications.incoming.domain import MOST_PARTS, Mail, MailNotReadable, Part, is_automatic
from services.notifications.incoming.quoting import newly_written
from services.notifications.support.domain import SUBJECT_LENGTH, TEXT_LENGTH
from services.notifications.support.words import markers

_LONGEST_HTML = 500_000
_LONGEST_TEXT = 500_000
_NOT_SHOWN = frozenset({"script", "style", "head", "title", "template", "noscript"})
_BLOCKS = frozenset(
    {"p", "div", "blockquote", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section", "article"}
)
_BREAKS = frozenset({"br", "hr", "li", "tr"})
_MAIL_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_TAG = re.compile(r"<[^<>]*>")
_UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
WHOLE_TEXT = "mail.txt"


def read_mail(content: bytes, envelope_sender: str | None) -> Mail:
    """Return what a mail says. Raises ``MailNotReadable``."""
    try:
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        return _read(message, content, envelope_sender)
    except MailNotReadable:
        raise
    except Exception as error:  # the library raises nearly anything for headers that are wrong
        raise MailNotReadable from error


def _read(message: EmailMessage, content: bytes, envelope_sender: str | None) -> Mail:
    parts = _bounded_parts(message)
    body = _body(message)
    written = newly_written(body, markers())
    attached = [
        Part(each.get_filename() or _name_of(each), _payload(each))
        for each in parts
        if not each.is_multipart() and _is_attached(each)
    ]
    if len(written) > TEXT_LENGTH:
        attached.append(Part(WHOLE_TEXT, written.encode()))
        written = f"{written[: TEXT_LENGTH - 1]}…"
    return Mail(
        mail_id=_mail_id(message, content),
        sender=_sender(message),
        subject=" ".join(_printable(_text(message, "subject")).split())[:SUBJECT_LENGTH].strip() or "…",
        text=written or "…",
        parts=tuple(attached),
        is_automatic=is_automatic(
            auto_submitted=_text(message, "auto-submitted"),
            precedence=_text(message, "precedence"),
            list_id=message.get("list-id"),
            content_type=message.get_content_type(),
            envelope_sender=envelope_sender,
        ),
        authentication=tuple(" ".join(str(each).split()) for each in message.get_all("authentication-results", [])),
    )


def _bounded_parts(message: EmailMessage) -> list[EmailMessage]:
    parts: list[EmailMessage] = []
    for part in message.walk():
        if len(parts) >= MOST_PARTS:
            raise MailNotReadable("The mail has too many parts.")
        if isinstance(part, EmailMessage):
            parts.append(part)
    return parts


def _text(message: EmailMessage, name: str) -> str:
    return str(message.get(name, ""))


def _mail_id(message: EmailMessage, content: bytes) -> str:
    """Return the Message-ID, which goes into the headers of answers: one that is none is replaced by one of the contents."""
    found = _MAIL_ID.search(_text(message, "message-id"))
    return found.group() if found else f"<sha256.{hashlib.sha256(content).hexdigest()}@mail.invalid>"


def _sender(message: EmailMessage) -> str:
    """Return the one address that a mail says it comes from. Raises ``MailNotReadable``."""
    named = [address for _, address in getaddresses([str(each) for each in message.get_all("from", [])]) if address]
    if len(named) != 1 or "@" not in named[0]:
        raise MailNotReadable("The mail does not come from one address.")
    return named[0]


def _body(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    if part is not None:
        return _printable(_decoded(part)[:_LONGEST_TEXT])
    part = message.get_body(("html",))
    return "" if part is None else _printable(text_of(_decoded(part)))


def _decoded(part: MIMEPart) -> str:
    payload = _payload(part)
    try:
        return payload.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return payload.decode("utf-8", "replace")


def _payload(part: MIMEPart) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _is_attached(part: EmailMessage) -> bool:
    is_text = part.get_content_type() in ("text/plain", "text/html")
    return part.get_content_disposition() == "attachment" or bool(part.get_filename()) or not is_text


def _name_of(part: EmailMessage) -> str:
    return f"attachment.{part.get_content_subtype()}"


def _printable(text: str) -> str:
    whole = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")
    return "".join(each for each in whole if each in "\n\t" or unicodedata.category(each) not in _UNPRINTABLE)


def text_of(markup: str) -> str:
    """Return what a page of HTML shows as text, each block on lines of its own; what it quotes begins with ``>``."""
    parser = html.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True, encoding="utf-8")
    root = etree.fromstring(markup[:_LONGEST_HTML].encode("utf-8", "replace") or b"<p></p>", parser)
    if root is None:
        return ""
    pieces: list[str] = []
    hidden = quotes = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        name = element.tag if isinstance(element.tag, str) else ""
        step = 1 if event == "start" else -1
        hidden += step if name in _NOT_SHOWN else 0
        quotes += step if name == "blockquote" else 0
        if name in _BLOCKS or (name in _BREAKS and event == "start"):
            pieces.append("\n")
        if event == "start" and name == "li":
            pieces.append("* ")
        told = element.text if event == "start" else element.tail
        if told and not hidden:
            pieces.append(_flowing(told, quotes))
    # What is nested deeper than the parser goes is better read without its markup than not at all.
    return _tidy("".join(pieces)) or _tidy(_TAG.sub(" ", markup[:_LONGEST_HTML]))


def _flowing(text: str, quotes: int) -> str:
    words = " ".join(text.split())
    spaced = f"{' ' if text[:1].isspace() else ''}{words}{' ' if words and text[-1:].isspace() else ''}"
    return f"> {spaced}" if quotes and words else spaced


def _tidy(text: str) -> str:
    """Return the lines without what is left of the markup between them: at most one empty line at a time."""
    lines: list[str] = []
    for line in text.split("\n"):
        flat = " ".join(line.split())
        if flat or (lines and lines[-1]):
            lines.append(flat)
    return "\n".join(lines).strip()
