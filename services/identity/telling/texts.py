"""The words of the letters: one table of texts for each language, put into the one frame that all these letters have.

A name stands in quotation marks behind its noun, which is in the right case; so a name that is not known leaves a whole sentence.
"""

import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from services.identity.telling.domain import NAME_LENGTH, REASON_LENGTH, News, Telling, path_to

_FOLDER = Path(__file__).with_name("texts")
_SENTENCES = jinja2.Environment(
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # noqa: S701 - plain text, never HTML
)
FRAME = "told"


@dataclass(frozen=True, slots=True)
class Names:
    """What things are called, as far as it is known here."""

    recipient: str | None = None
    provider: str | None = None
    application: str | None = None
    product: str | None = None
    product_in: Mapping[str, str] = field(default_factory=dict)


@cache
def texts_in(language: str) -> Mapping[str, Mapping[str, str]]:
    """Return the texts of a language by kind of letter."""
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text("utf-8"))


@cache
def _sentence(language: str, kind: str) -> jinja2.Template:
    return _SENTENCES.from_string(texts_in(language)[kind]["text"])


def one_line(text: str | None, most: int) -> str:
    """Return a foreign text in one line, without what cannot be printed, and not longer than is good."""
    signs = ("".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in text or "")).split()
    line = " ".join(signs)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def words_of(telling: Telling, news: News, names: Names, language: str) -> dict[str, Any]:
    """Return what the frame of the letters takes, beside the name of whom it goes to."""
    texts = texts_in(language)
    words = texts["words"]

    def quoted(name: str | None) -> str:
        line = one_line(name, NAME_LENGTH)
        return f" {words['opening']}{line}{words['closing']}" if line else ""

    product = quoted(names.product_in.get(language.upper(), names.product))
    values = {
        "recipient": quoted(names.recipient),
        "provider": quoted(names.provider),
        "application": quoted(names.application),
        "product": product,
        "document": quoted(words.get(news.text("kind") or "")),
        "role": quoted(words.get(news.text("role") or "")),
        "version": quoted(news.text("label")),
        "until": news.day("sunset_at") or news.day("valid_to"),
        "due": news.day("due_at"),
    }
    subject = texts[telling.kind]["subject"]
    reason = news.text("reason") or news.text("note")
    return {
        "subject": f"{subject}:{product}" if product else subject,
        "text": _sentence(language, telling.kind).render(values),
        "reason": one_line(texts.get("reasons", {}).get(reason or "", reason), REASON_LENGTH),
        "link": texts["links"][telling.link],
        "path": path_to(telling.place, news),
    }
