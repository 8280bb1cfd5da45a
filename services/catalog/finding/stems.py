"""Stems: what the forms of one word have in common, so that each form finds the others. Pure.

A stem says of which language it is, because the same letters are cut differently in each. Words come folded, as the index and a
search fold them; Latvian is therefore cut without its marks.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from snowballstemmer import stemmer

from services.catalog.texts.domain import Language

_CYRILLIC = re.compile("[\u0430-\u044f]")
_LATVIAN_LETTERS = re.compile("[āčēģīķļņšūž]", re.IGNORECASE)
_MOST_KEPT = 30_000

# The endings of Latvian nouns and adjectives in all cases, as they look without marks; the longest first.
_LATVIAN_ENDINGS = (
    "ajiem", "ajam", "ajai", "ajos", "ajas", "aja", "ajo", "ais", "iem",
    "am", "ai", "as", "em", "ei", "es", "im", "ij", "is", "um", "us", "os", "ie",
    "a", "e", "i", "o", "u", "s",
)  # fmt: skip
_VOWELS = frozenset("aeiouy")
_SHORTEST = 3
_LABIALS = ("bj", "mj", "pj", "vj")
_english, _russian = stemmer("english"), stemmer("russian")


def looks_latvian(text: str) -> bool:
    """Say whether a text has letters that only Latvian has among our languages."""
    return _LATVIAN_LETTERS.search(text) is not None


def _latvian(word: str) -> str:
    """Return a folded Latvian word without its ending: at least three letters stay, one of them a vowel."""
    for ending in _LATVIAN_ENDINGS:
        stem = word[: -len(ending)]
        if len(stem) >= _SHORTEST and word.endswith(ending) and not _VOWELS.isdisjoint(stem):
            # In the genitive plural and the second declension a j comes in after labials: zeme, zemju.
            return stem[:-1] if stem.endswith(_LABIALS) and len(stem) > _SHORTEST else stem
    return word


def _stem(language: Language, word: str) -> str:
    if language is Language.RU:
        stem: str = _russian.stemWord(word)
    elif language is Language.LV:
        stem = _latvian(word)
    else:
        stem = _english.stemWord(word)
    return f"{language.value}:{stem}"


@lru_cache(maxsize=_MOST_KEPT)
def stems_of(word: str, languages: frozenset[Language]) -> tuple[str, ...]:
    """Return the stems of a folded word of a text in these languages; letters of Russian are Russian wherever they stand."""
    if not word.isalpha():
        return ()
    if _CYRILLIC.search(word):
        return (_stem(Language.RU, word),)
    return tuple(_stem(language, word) for language in (Language.EN, Language.LV) if language in languages)


def languages_of(text: str, said: Iterable[Language]) -> frozenset[Language]:
    """Return the languages by which a text's words are cut: those that it is said to be in, and Latvian where it looks so.

    What is not Russian in a Russian text are names, mostly English ones.
    """
    languages = frozenset(Language.EN if language is Language.RU else language for language in said)
    return languages | {Language.LV} if looks_latvian(text) else languages
