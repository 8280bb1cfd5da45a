"""Facets: how many of the finds there are of each kind. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

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
    """Count finds; what is in a category is in those above it too, once in each."""
    tags = Counter(tag for card in cards for tag in card.tags)
    written: dict[str, str] = {}
    for card in cards:
        for folded, tag in card.tags.items():
            written[folded] = min(tag, written.get(folded, tag))
    ways = {each: tree.way_up(each) for each in tree.by_id}
    categories = Counter(
        category_id for card in cards for category_id in {each for own in card.category_ids for each in ways.get(own, ())}
    )
    return Facets(
        total=len(cards),
        sensitivities=_most_first(Counter(card.sensitivity for card in cards)),
        tags=[(written[folded], number) for folded, number in _most_first(tags)[:MOST_TAGS]],
        categories=_most_first(categories),
        providers=_most_first(Counter(card.organization_id for card in cards))[:MOST_PROVIDERS],
    )


def _most_first(counted: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counted.items(), key=lambda each: (-each[1], each[0]))
