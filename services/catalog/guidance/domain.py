"""What is true of guidance: one page for each step, and one more for each step of each product."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from chassis.errors import NotFound
from services.catalog.events import GuidanceRemoved, GuidanceWritten
from services.catalog.texts.domain import DEFAULT, Language, chosen, in_order, require_each_once

LONGEST = 20_000


class Step(StrEnum):
    """The steps of the two procedures: A of an agency's data services, B of a bank's products."""

    A1 = "A1"
    A2 = "A2"
    A3 = "A3"
    A4 = "A4"
    A5 = "A5"
    A6 = "A6"
    A7 = "A7"
    A8 = "A8"
    B1 = "B1"
    B2 = "B2"
    B3 = "B3"
    B4 = "B4"
    B5 = "B5"
    B6 = "B6"
    B7 = "B7"
    B8 = "B8"
    B9 = "B9"
    B10 = "B10"


class NoSuchGuidance(NotFound):
    """There is no such page."""


@dataclass(frozen=True, slots=True)
class GuidanceText:
    """A page in one language, as its author wrote it: Markdown, which whoever shows it has to make harmless."""

    language: Language
    markdown: str


@dataclass(frozen=True, slots=True)
class GuidancePage:
    """The page of a step: the platform's, or what the provider of a product adds to it."""

    id: str
    step: Step
    texts: tuple[GuidanceText, ...]
    changed_at: datetime
    product_id: str | None = None
    organization_id: str | None = None
    main_language: Language = DEFAULT

    def text_in(self, language: Language) -> GuidanceText:
        """Return the text to show to whoever asks for a language."""
        return chosen(self.texts, language, self.main_language)

    def write(self, texts: Iterable[GuidanceText], now: datetime) -> tuple["GuidancePage", GuidanceWritten | None]:
        """Return the page with these texts and no others, and what to announce: nothing where nothing is different.

        Raises ``LanguageTwice``.
        """
        written = in_order(texts)
        require_each_once(written, "texts")
        if written == self.texts:
            return self, None
        page = replace(self, texts=written, changed_at=now)
        return page, page.written()

    def written(self) -> GuidanceWritten:
        """Return the announcement of what the page says."""
        return GuidanceWritten(**self._announced(), languages=tuple(each.language.value for each in self.texts))

    def removed(self) -> GuidanceRemoved:
        """Return the announcement that the page is gone."""
        return GuidanceRemoved(**self._announced())

    def _announced(self) -> dict[str, Any]:
        return {
            "page_id": self.id,
            "step": self.step.value,
            "product_id": self.product_id,
            "organization_id": self.organization_id,
        }


def texts_from(rows: Iterable[Mapping[str, Any]]) -> tuple[GuidanceText, ...]:
    """Return the texts that plain data holds."""
    return tuple(GuidanceText(Language(row["language"]), row["markdown"]) for row in rows)
