"""The mails of a conversation: its words in three languages, and how a mail is put together, in plain text and in HTML."""

import html
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

DEFAULT_LANGUAGE = "en"
_BEFORE_MARKER = "##- "
_AFTER_MARKER = " -##"


@cache
def _all_words() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text("utf-8"))


def words_in(language: str) -> Mapping[str, str]:
    """Return the words in a language, or in English where there are none."""
    return _all_words().get(language) or _all_words()[DEFAULT_LANGUAGE]


def marker_in(language: str) -> str:
    """Return the line above which an answer is to be written."""
    return f"{_BEFORE_MARKER}{words_in(language)['marker']}{_AFTER_MARKER}"


@cache
def markers() -> tuple[str, ...]:
    """Return what such lines say, in all languages."""
    return tuple(each["marker"] for each in _all_words().values())


def answer_in(language: str, author: str, text: str, *, files: Sequence[str], link: str) -> tuple[str, str]:
    """Return an answer as it is mailed, in plain text and in HTML."""
    words = words_in(language)
    lines = [marker_in(language), "", words["wrote"].format(author=author), "", text, ""]
    if files:
        lines += [words["files"], *(f"* {each}" for each in files), ""]
    lines += [words["how"], f"{words['link']}: {link}", ""]
    named = "".join(f"<li>{html.escape(each)}</li>" for each in files)
    parts = (
        f'<p style="color:#777">{html.escape(marker_in(language))}</p>',
        f"<p>{html.escape(words['wrote'].format(author=author))}</p>",
        f'<div style="white-space:pre-wrap">{html.escape(text)}</div>',
        f"<p>{html.escape(words['files'])}</p><ul>{named}</ul>" if files else "",
        f'<p>{html.escape(words["how"])}<br><a href="{html.escape(link)}">{html.escape(words["link"])}</a></p>',
    )
    return "\n".join(lines), f'<!doctype html><html lang="{language}"><body>{"".join(parts)}</body></html>'


def received_in(language: str, subject: str, link: str) -> tuple[str, str, str]:
    """Return the subject and both texts of the mail that says that a question has come."""
    words = words_in(language)
    text = "\n".join([marker_in(language), "", words["received"], "", f"{words['link']}: {link}", ""])
    shown = (
        f'<p style="color:#777">{html.escape(marker_in(language))}</p><p>{html.escape(words["received"])}</p>'
        f'<p><a href="{html.escape(link)}">{html.escape(words["link"])}</a></p>'
    )
    return (
        f"{words['received_subject']}: {subject}",
        text,
        f'<!doctype html><html lang="{language}"><body>{shown}</body></html>',
    )
