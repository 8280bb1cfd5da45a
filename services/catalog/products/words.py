"""Words: folding texts, cutting them into words, and what operations are called. Pure."""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

MAX_TERMS = 8
MAX_WORDS = 2000
_LONGEST = 40
_LONGEST_TEXT = 40_000
_WORD = re.compile(r"[^\W_]+")
_SHORT_I = "и\u0306"
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def fold(text: str) -> str:
    """Return the text without case and without marks over or under its letters, as people type who have no time for them.

    The Russian й stays: it is a letter of its own, and its keyboards have it; ё loses its dots. Folding again changes nothing.
    """
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text.casefold()).casefold())
    bare = "".join(sign for sign in apart.replace(_SHORT_I, "й") if not unicodedata.combining(sign))
    return bare.casefold()


def slug_of(text: str, longest: int) -> str:
    """Return the text as part of a path: Latin letters, digits and single hyphens; empty where nothing of it is left."""
    return re.sub(r"[^a-z0-9]+", "-", fold(text)).strip("-")[:longest].rstrip("-")


def words_in(text: str) -> list[str]:
    """Return the folded words of a text, in order."""
    return [word[:_LONGEST] for word in _WORD.findall(fold(text))]


def terms_of(search: str) -> list[str]:
    """Return what to look for: the search's different words, at most ``MAX_TERMS``."""
    return list(dict.fromkeys(words_in(search)))[:MAX_TERMS]


def text_of_operations(operations: Iterable[Mapping[str, object]]) -> str:
    """Return what a version's operations are found by: ids (cut at humps too), paths, summaries and tags, each word once."""
    texts: list[str] = []
    for operation in operations:
        operation_id = str(operation["operation_id"])
        tags = operation["tags"]
        assert isinstance(tags, Sequence)
        texts += [operation_id, _HUMP.sub(" ", operation_id), str(operation["path"]), str(operation["summary"] or ""), *tags]
    pieces = dict.fromkeys(" ".join(texts).split())
    return " ".join(itertools.islice(pieces, MAX_WORDS))[:_LONGEST_TEXT]
