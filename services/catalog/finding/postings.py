"""Postings: for each word and each stem, where it stands, by how much it weighs there. Pure, in memory.

A place is a small number that its owner gives out. Places are kept in arrays of four bytes each, so that a million of them are a
few megabytes, and are put together by the interpreter's own loops.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

TITLE, TAG, SUMMARY, OPERATION = 8, 4, 2, 1
# A word as it was written, another form of it, the beginning of a longer one: each of them counts more than the next; and what
# stands in a title counts more than what stands in a tag however it is matched, and so on.
WHOLE, FORM, BEGINNING = 8, 7, 5
_WEIGHTS = (OPERATION, SUMMARY, TAG, TITLE)

Places = dict[str, "array[int]"]


class Postings:
    """Words and stems, with their places."""

    def __init__(self) -> None:
        self._words: dict[int, Places] = {weight: {} for weight in _WEIGHTS}
        self._stems: dict[int, Places] = {weight: {} for weight in _WEIGHTS}
        self._known: set[str] = set()
        self._ordered: list[str] = []
        self._new: list[str] = []

    def add(self, place: int, words: Mapping[str, int], stems: Mapping[str, int]) -> None:
        """Note the words and stems of a place with their weights."""
        _add(self._words, place, words)
        _add(self._stems, place, stems)
        new = words.keys() - self._known
        self._known |= new
        self._new.extend(new)

    def matching(self, word: str, stems: Iterable[str]) -> dict[int, int]:
        """Return the places where a word stands, in some form or as a beginning, with the best score at each."""
        scored = [*_scored(self._words, [word], WHOLE), *_scored(self._stems, stems, FORM)]
        scored += _scored(self._words, self._beginning_with(word), BEGINNING)
        best: dict[int, int] = {}
        for score, places in sorted(scored, key=lambda each: each[0]):  # the best score is written last
            best.update(dict.fromkeys(chain.from_iterable(places), score))
        return best

    def _beginning_with(self, word: str) -> Sequence[str]:
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
        every = [places for kept in (self._words, self._stems) for of_weight in kept.values() for places in of_weight.items()]
        return len({word for word, _ in every}), sum(len(places) for _, places in every)


def _add(kept: dict[int, Places], place: int, weights: Mapping[str, int]) -> None:
    for word, weight in weights.items():
        places = kept[weight].get(word)
        if places is None:
            kept[weight][word] = array("I", (place,))
        else:
            places.append(place)


def _scored(kept: dict[int, Places], words: Iterable[str], factor: int) -> list[tuple[int, list["array[int]"]]]:
    wanted = list(words)
    return [(weight * factor, [of[word] for word in wanted if word in of]) for weight, of in kept.items()]
