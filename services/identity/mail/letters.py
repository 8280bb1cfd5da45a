"""The letters that people get: one text file for each kind and language, its first line the subject.

A text names its values in double braces; a value that a text asks for and nobody gives is an error, and so is a kind without a
text in one of the languages. Values of strangers are names that were checked to be one line.
"""

from functools import cache
from pathlib import Path

import jinja2

from services.identity.inputs import DEFAULT_LANGUAGE
from services.identity.mail.domain import Letter

_FOLDER = Path(__file__).with_name("letters")
_TEXTS = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER),
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # noqa: S701 - plain text, never HTML
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


@cache
def kinds() -> tuple[str, ...]:
    """Return the kinds of letters that there are."""
    return tuple(sorted({path.name.partition(".")[0] for path in _FOLDER.glob("*.txt")}))


def write_letter(kind: str, to: str, *, language: str = DEFAULT_LANGUAGE, **values: object) -> Letter:
    """Return a letter of this kind in a language."""
    text = _TEXTS.get_template(f"{kind}.{language}.txt").render(values)
    subject, _, body = text.partition("\n")
    return Letter(to, subject.strip(), body.lstrip("\n"))
