"""The words by which the operator finds things: folded, cut, and asked for by how they begin. Pure."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

INDEXED = "words"
_LONGEST_WORD, _LONGEST_WHOLE, _MOST_WORDS, _MOST_SOUGHT = 40, 120, 60, 8
_WORD = re.compile(r"[^\W_]+")
_PAIRS = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2})+")


def fold(text: str) -> str:
    """Return the text in one line, without case and without marks over or under its letters, as people type in a hurry."""
    printable = "".join(" " if unicodedata.category(sign).startswith("C") else sign for sign in text)
    apart = unicodedata.normalize("NFKD", " ".join(printable.split()).casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign)).casefold()


def words_in(text: str) -> list[str]:
    """Return the folded words of a text, in order."""
    return [word[:_LONGEST_WORD] for word in _WORD.findall(fold(text))]


def words_of(texts: Iterable[str | None]) -> list[str]:
    """Return what a thing with these names and numbers is found by: each of them whole, then their words."""
    given = [text for text in texts if text]
    wholes = [fold(text)[:_LONGEST_WHOLE] for text in given]
    return list(dict.fromkeys([*wholes, *(word for text in given for word in words_in(text))]))[:_MOST_WORDS]


@dataclass(frozen=True, slots=True)
class Sought:
    """What somebody looks for: the text as it was given, folded whole, and its words."""

    text: str
    whole: str
    words: tuple[str, ...]

    @classmethod
    def read(cls, text: str) -> "Sought":
        """Read what was typed; pairs of digits as tools show numbers (`0a:1b`) are one number."""
        whole = fold(text)[:_LONGEST_WHOLE]
        if _PAIRS.fullmatch(whole):
            whole = whole.replace(":", "")
        return cls(text.strip(), whole, tuple(dict.fromkeys(words_in(whole)))[:_MOST_SOUGHT])

    @property
    def queries(self) -> list[dict[str, Any]]:
        """Return how to ask a collection, the surest first; each is answered from an index."""
        beginning: dict[str, Any] = {INDEXED: {"$regex": f"^{re.escape(self.whole)}"}}
        each = [{INDEXED: {"$regex": f"^{word}"}} for word in self.words]
        return [{"_id": self.text}, {INDEXED: self.whole}, beginning, *([{"$and": each}] if len(each) > 1 else [])]

    def rank(self, text: str) -> int | None:
        """Return how well a name or number answers: 0 is it, 1 begins with it, 2 has words that begin so, None does not."""
        whole = fold(text)
        if whole == self.whole:
            return 0
        if whole.startswith(self.whole):
            return 1
        words = words_in(text)
        is_like = bool(self.words) and all(any(word.startswith(each) for word in words) for each in self.words)
        return 2 if is_like else None
