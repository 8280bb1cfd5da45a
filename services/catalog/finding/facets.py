"""Facets: how many of the finds there are of each kind. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from services.catalog.categories.domain import Tree
from services.catalog.finding.index import Card

MOST_TAGS = 30
MOST_PROVIDERS = 50


@dataclass(frozen=True, slots=True)
class Facets:
    """How many finds there are, and of each kind: (name, how many), the most first."""

    total: int
    sensitivities: Sequence[tuple[str, int]]
    tags: Sequence[tuple[str, int]]
    categories: Sequence[tuple[str, int]]
    providers: Sequence[tuple[str, int]]


def count(cards: Sequence[Card], tree: Tree) -> Facets:
    """Count finds; what is in a category is in those above it too, once in each. A tag is written as most finds write it."""
    spellings = Counter(chain.from_iterable(card.tags.items() for card in cards))
    tags: Counter[str] = Counter()
    written: dict[str, str] = {}
    for (folded, tag), number in sorted(spellings.items(), key=lambda each: (-each[1], each[0])):
        tags[folded] += number
        written.setdefault(folded, tag)
    categories: Counter[str] = Counter()
    for category_ids, number in Counter(card.category_ids for card in cards).items():
        for category_id in {each for own in category_ids for each in tree.way_up(own)}:
            categories[category_id] += number
    return Facets(
        total=len(cards),
        sensitivities=_most_first(Counter(card.sensitivity for card in cards)),
        tags=[(written[folded], number) for folded, number in _most_first(tags)[:MOST_TAGS]],
        categories=_most_first(categories),
        providers=_most_first(Counter(card.organization_id for card in cards))[:MOST_PROVIDERS],
    )


def _most_first(counted: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda each: (-each[1], each[0]))
