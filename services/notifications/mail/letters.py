"""The one frame that all letters have: plain text and HTML from the same words, with one thing to do."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jinja2

from services.notifications.mail.domain import Letter

_FRAMES = Path(__file__).with_name("frames")


def _frames(*, is_html: bool) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FRAMES),
        undefined=jinja2.StrictUndefined,
        autoescape=is_html,  # noqa: S701 - the other one is plain text
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


_PLAIN, _HTML = _frames(is_html=False), _frames(is_html=True)


@dataclass(frozen=True, slots=True)
class Words:
    """What a letter says: to whom, in paragraphs, with at most one thing to do; ``footer`` says what is said of all such letters.

    Whatever others have written may stand in it: in HTML it is text, never markup.
    """

    subject: str
    name: str
    paragraphs: tuple[str, ...]
    language: str
    action: str | None = None
    action_url: str | None = None
    footer: str | None = None
    footer_url: str | None = None


def write_letter(words: Words, **headers: Any) -> Letter:
    """Return a letter; ``headers`` are more fields of ``Letter``, such as ``reply_to`` or ``references``."""
    one_line = replace(words, subject=" ".join(words.subject.split()))
    values = {name: getattr(one_line, name) for name in Words.__dataclass_fields__}
    text = _PLAIN.get_template("letter.txt").render(values)
    html = _HTML.get_template("letter.html").render(values)
    return Letter(one_line.subject, text, html, **headers)
