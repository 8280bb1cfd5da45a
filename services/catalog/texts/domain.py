"""What is true of texts in several languages."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Protocol, TypeVar

from chassis.errors import FieldProblem, Invalid


class Language(StrEnum):
    """The languages that texts are written in."""

    LV = "LV"
    RU = "RU"
    EN = "EN"


DEFAULT = Language.EN


class LanguageTwice(Invalid):
    """There is one text in each language; name each language once."""

    def __init__(self, field: str, language: Language) -> None:
        super().__init__(
            f"{field}: {language.value} comes twice; give one text in each language.",
            fields=[FieldProblem(field, f"{language.value} comes twice, give one text in each language")],
        )


class InALanguage(Protocol):
    """Something written in one language."""

    @property
    def language(self) -> Language:
        """Return the language."""
        ...


T = TypeVar("T", bound=InALanguage)


def require_each_once(texts: Iterable[InALanguage], field: str) -> None:
    """Refuse texts of which two are in one language. Raises ``LanguageTwice``."""
    seen: set[Language] = set()
    for text in texts:
        if text.language in seen:
            raise LanguageTwice(field, text.language)
        seen.add(text.language)


def in_order(texts: Iterable[T]) -> tuple[T, ...]:
    """Return the texts in the order of the languages, so that the same texts are the same whatever order they came in."""
    order = list(Language)
    return tuple(sorted(texts, key=lambda text: order.index(text.language)))


def chosen(texts: Sequence[T], asked: Language, main: Language = DEFAULT) -> T:
    """Return the text to show: in the language asked for, else in the main one, else in English, else whichever there is."""
    by_language = {text.language: text for text in texts}
    for language in (asked, main, DEFAULT):
        if language in by_language:
            return by_language[language]
    return texts[0]
