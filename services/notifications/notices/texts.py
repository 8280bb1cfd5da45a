"""The words of notices: one table of texts for each language. What was told is kept as values, and put into words when read.

A name stands in quotation marks behind its noun, which is in the right case; so a name that is not known leaves a whole sentence.
"""

import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

_FOLDER = Path(__file__).with_name("texts")
_SENTENCES = jinja2.Environment(
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # noqa: S701 - plain text, never HTML
)
REASON_LENGTH = 500
NAME_LENGTH = 80
SAID_LENGTH = 4000
QUOTED = ("recipient", "provider", "application", "legal_name", "owner", "former_owner")
CODES = ("document", "role")
PLAIN = ("until", "due", "moment", "number", "request_id", "registration_number", "days_left", "percent", "by", "by_portal")


@dataclass(frozen=True, slots=True)
class Said:
    """What a notice says in a language: its title, its text in paragraphs, and what its link is called."""

    title: str
    paragraphs: tuple[str, ...]
    action: str

    @property
    def text(self) -> str:
        """Return the text as one."""
        return "\n\n".join(self.paragraphs)


@cache
def texts_in(language: str) -> Mapping[str, Mapping[str, str]]:
    """Return the texts of a language by kind of notice."""
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text("utf-8"))


@cache
def _sentence(language: str, kind: str) -> jinja2.Template:
    return _SENTENCES.from_string(texts_in(language)[kind]["text"])


def one_line(text: str | None, most: int) -> str:
    """Return a foreign text in one line, without what cannot be printed, and not longer than is good."""
    signs = ("".join(" " if unicodedata.category(each)[0] in "CZ" else each for each in text or "")).split()
    line = " ".join(signs)
    return line if len(line) <= most else f"{line[: most - 1]}…"


def say(kind: str, link: str, values: Mapping[str, Any], language: str) -> Said:
    """Return what a notice says in a language; ``values`` are those that were kept, any of which may be missing."""
    texts = texts_in(language)
    words = texts["words"]

    def quoted(name: str | None) -> str:
        line = one_line(name, NAME_LENGTH)
        return f" {words['opening']}{line}{words['closing']}" if line else ""

    titles = values.get("product_in") or {}
    product = quoted(titles.get(language.upper(), values.get("product")))
    filled: dict[str, Any] = {name: values.get(name) for name in PLAIN}
    filled |= {name: quoted(values.get(name)) for name in QUOTED}
    filled |= {name: quoted(words.get(values.get(name) or "")) for name in CODES}
    filled |= {
        "product": product,
        "version": quoted(values.get("label")),
        "certificate": one_line(values.get("certificate"), NAME_LENGTH * 2),
        "services": (values.get("services") or "")[:SAID_LENGTH].strip(),
        "reasons": _listed(values.get("reasons") or (), texts["parts"]),
    }
    subject = texts[kind]["subject"]
    about = product or filled["legal_name"] or (filled["recipient"] if kind.startswith("owner_") else "")
    text = _sentence(language, kind).render(filled)
    paragraphs = tuple(each.strip() for each in text.split("\n\n") if each.strip())
    reason = _reason(values.get("reason"), language)
    if reason:
        paragraphs = (*paragraphs, f"{texts['frame']['reason']}: {reason}")
    return Said(f"{subject}:{about}" if about else subject, paragraphs, texts["links"][link])


def _reason(reason: str | None, language: str) -> str:
    """Return a reason as somebody wrote it; what the platform itself gives as one is told in the reader's language."""
    return one_line(texts_in(language).get("reasons", {}).get(reason or "", reason), REASON_LENGTH)


def _listed(reasons: Any, parts: Mapping[str, str]) -> str:
    lines = (f"* {parts.get(each['part'], parts['OTHER'])}: {one_line(each['message'], REASON_LENGTH)}" for each in reasons)
    return "\n".join(lines)
