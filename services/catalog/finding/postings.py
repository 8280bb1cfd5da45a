"""Postings: for each word and each stem, where it stands and how much it weighs there. Pure, in memory.

A place is a small number that its owner gives out; place and weight are packed into four bytes, so that a hundred thousand words
of ten thousand products are a few megabytes.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping

TITLE, TAG, SUMMARY, OPERATION = 8, 4, 2, 1
# A word as it was written, another form of it, the beginning of a longer one: each of them counts more than the next; and what
# stands in a title counts more than what stands in a tag however it is matched, and so on.
WHOLE, FORM, BEGINNING = 8, 7, 5
_WEIGHT_BITS = 4
_WEIGHT = (1 << _WEIGHT_BITS) - 1


class Postings:
    """Words and stems, with their places."""

    def __init__(self) -> None:
        self._places: dict[str, array[int]] = {}
        self._stems: dict[str, array[int]] = {}
        self._ordered: list[str] = []
        self._new: list[str] = []

    def add(self, place: int, words: Mapping[str, int], stems: Mapping[str, int]) -> None:
        """Note the words and stems of a place with their weights."""
        for word, weight in words.items():
            places = self._places.get(word)
            if places is None:
                places = self._places[word] = array("I")
                self._new.append(word)
            places.append(place << _WEIGHT_BITS | weight)
        for stem, weight in stems.items():
            self._stems.setdefault(stem, array("I")).append(place << _WEIGHT_BITS | weight)

    def matching(self, word: str, stems: Iterable[str]) -> dict[int, int]:
        """Return the places where a word stands, in some form or as a beginning, with the best score at each."""
        best: dict[int, int] = {}
        _count(best, self._places.get(word, ()), WHOLE)
        for stem in stems:
            _count(best, self._stems.get(stem, ()), FORM)
        for longer in self._beginning_with(word):
            _count(best, self._places[longer], BEGINNING)
        return best

    def _beginning_with(self, word: str) -> Iterable[str]:
        """Return the words that are longer than a word and begin with it."""
        if self._new:
            self._ordered = sorted([*self._ordered, *self._new])
            self._new = []
        start = bisect_left(self._ordered, word)
        end = bisect_left(self._ordered, word + "\U0010ffff", lo=start)
        found = self._ordered[start:end]
        return found[1:] if found and found[0] == word else found

    def size(self) -> tuple[int, int]:
        """Return how many different words and stems there are, and how many places they have together."""
        every = [*self._places.values(), *self._stems.values()]
        return len(every), sum(len(each) for each in every)


def _count(best: dict[int, int], places: Iterable[int], factor: int) -> None:
    known = best.get
    for packed in places:
        place, score = packed >> _WEIGHT_BITS, (packed & _WEIGHT) * factor
        if score > known(place, 0):
            best[place] = score
