"""The index of what is public: by which words each product is found, and what finds can be narrowed down by. Pure, in memory.

A changed product is added at a new place and its former place is left empty; once there are more empty places than products the
index is worn, and its owner makes a new one.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any

from services.catalog.categories.domain import Tree
from services.catalog.finding.postings import OPERATION, SUMMARY, TAG, TITLE, Postings
from services.catalog.finding.stems import languages_of, stems_of
from services.catalog.products.words import MAX_WORDS, fold, words_in
from services.catalog.texts.domain import Language

_EMPTY_PLACES_ALLOWED = 1000
_EVERY_LANGUAGE = frozenset(Language)
TitleKey = tuple[str, str]
ScoreKey = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a product without its words; ``tags`` are by their folded form."""

    product_id: str
    organization_id: str
    sort_title: str
    sensitivity: str
    tags: Mapping[str, str]
    category_ids: tuple[str, ...]

    @property
    def title_key(self) -> TitleKey:
        """Return the key by which products stand in order of their titles."""
        return self.sort_title, self.product_id


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which products: each that is given has to hold; ``tags`` all together; ``categories`` one of them."""

    sensitivity: str | None = None
    tags: tuple[str, ...] = ()
    categories: frozenset[str] | None = None
    organization_id: str | None = None

    def admits(self, card: Card) -> bool:
        """Say whether a product is among those."""
        return (
            (self.sensitivity is None or card.sensitivity == self.sensitivity)
            and all(tag in card.tags for tag in self.tags)
            and (self.categories is None or not self.categories.isdisjoint(card.category_ids))
            and (self.organization_id is None or card.organization_id == self.organization_id)
        )


class Index:
    """What is public, by words."""

    def __init__(self) -> None:
        self.tree = Tree(())
        self._cards: list[Card | None] = []
        self._places: dict[str, int] = {}
        self._postings = Postings()
        self._by_title: list[Card] | None = None
        self._categories: list[str] = []
        self._category_postings = Postings()
        self._in_category: dict[str, set[int]] = {}

    @property
    def is_worn(self) -> bool:
        """Say whether more places are empty than are not, and many."""
        empty = len(self._cards) - len(self._places)
        return empty > max(len(self._places), _EMPTY_PLACES_ALLOWED)

    def put(self, entry: Mapping[str, Any]) -> None:
        """Take an entry as it is now: it replaces what was known of the product."""
        self._by_title = None
        former = self._places.pop(entry["_id"], None)
        if former is not None:
            self._take_out(former)
        if entry["is_public"]:
            self._add(entry)

    def _take_out(self, place: int) -> None:
        card = self._cards[place]
        assert card is not None
        self._cards[place] = None
        for category_id in card.category_ids:
            self._in_category[category_id].discard(place)

    def _add(self, entry: Mapping[str, Any]) -> None:
        place = len(self._cards)
        card = Card(
            product_id=entry["_id"],
            organization_id=entry["organization_id"],
            sort_title=entry["sort_title"],
            sensitivity=entry["sensitivity"],
            tags={fold(tag): tag for tag in entry["tags"]},
            category_ids=tuple(entry["category_ids"]),
        )
        self._cards.append(card)
        self._places[card.product_id] = place
        self._postings.add(place, *_weighed(_texts_of(entry)))
        for category_id in card.category_ids:
            self._in_category.setdefault(category_id, set()).add(place)

    def put_categories(self, tree: Tree) -> None:
        """Take the categories as they are now."""
        self.tree, self._categories, self._category_postings = tree, [], Postings()
        for category in tree.by_id.values():
            names = [(TAG, each.name, languages_of(each.name, [each.language])) for each in category.names]
            self._category_postings.add(len(self._categories), *_weighed(names))
            self._categories.append(category.id)

    def by_title(self, narrowed: Narrowed) -> list[Card]:
        """Return products in order of their titles."""
        if self._by_title is None:
            self._by_title = sorted((each for each in self._cards if each is not None), key=lambda card: card.title_key)
        return self._by_title if narrowed == Narrowed() else [card for card in self._by_title if narrowed.admits(card)]

    def found(self, terms: Sequence[str], narrowed: Narrowed) -> list[tuple[int, Card]]:
        """Return (score, product) of the products that hold every term, in no order."""
        scores: dict[int, int] | None = None
        for term in terms:
            matching = self._matching(term)
            if scores is None:
                scores = matching
            else:
                scores = {place: score + matching[place] for place, score in scores.items() if place in matching}
        hits = ((score, self._cards[place]) for place, score in (scores or {}).items())
        if narrowed == Narrowed():
            return [(score, card) for score, card in hits if card is not None]
        return [(score, card) for score, card in hits if card is not None and narrowed.admits(card)]

    def _matching(self, term: str) -> dict[int, int]:
        stems = stems_of(term, _EVERY_LANGUAGE)
        best = self._postings.matching(term, stems)
        for number, score in self._category_postings.matching(term, stems).items():
            for category_id in self.tree.with_all_below(self._categories[number]):
                for place in self._in_category.get(category_id, ()):
                    best[place] = max(score, best.get(place, 0))
        return best

    def size(self) -> tuple[int, int, int]:
        """Return how many products, different words and places there are."""
        return len(self._places), *self._postings.size()


def best_first(found: Iterable[tuple[int, Card]], after: ScoreKey | None, limit: int) -> list[ScoreKey]:
    """Return the keys of the best finds after a key: the greatest scores first."""
    keys = ((-score, card.product_id) for score, card in found)
    return nsmallest(limit, keys if after is None else (key for key in keys if key > after))


def next_by_title(cards: Sequence[Card], after: TitleKey | None, limit: int) -> list[TitleKey]:
    """Return the keys of products after a key; the products come in order of their titles."""
    start = 0 if after is None else bisect_right(cards, after, key=lambda card: card.title_key)
    return [card.title_key for card in cards[start : start + limit]]


def _texts_of(entry: Mapping[str, Any]) -> list[tuple[int, str, frozenset[Language]]]:
    """Return (weight, text, languages) of everything that a product is found by, what weighs most first."""
    said = [(Language(each["language"]), each["title"], each["summary"]) for each in entry["texts"]]
    spoken = [language for language, _, _ in said]
    shown = entry.get("operations") or {}
    operations = [shown[version_id] for version_id in entry["versions"] if version_id in shown]
    return [
        *((TITLE, title, languages_of(title, [language])) for language, title, _ in said),
        *((TAG, tag, languages_of(tag, spoken)) for tag in entry["tags"]),
        *((SUMMARY, summary, languages_of(summary, [language])) for language, _, summary in said),
        *((OPERATION, text, languages_of(text, [Language.EN])) for text in operations),
    ]


def _weighed(texts: Iterable[tuple[int, str, frozenset[Language]]]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the words and the stems of texts, each with the greatest weight that it has among them; so many words at most."""
    words: dict[str, int] = {}
    stems: dict[str, int] = {}
    for weight, text, languages in texts:
        for word in words_in(text):
            if word not in words and len(words) >= MAX_WORDS:
                continue
            if weight > words.get(word, 0):
                words[word] = weight
            for stem in stems_of(word, languages):
                if weight > stems.get(stem, 0):
                    stems[stem] = weight
    return words, stems
