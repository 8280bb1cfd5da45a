"""The words by which products are found: folding, cutting into words, weighing and ranking. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

TITLE, TAG, SUMMARY, OPERATION = 8, 4, 2, 1
MAX_TERMS = 8
MAX_WORDS = 2000
_LONGEST = 40
_WORD = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def fold(text: str) -> str:
    """Return the text without case and without marks over or under its letters."""
    apart = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in apart if not unicodedata.combining(sign)).casefold()


def slug_of(text: str, longest: int) -> str:
    """Return the text as part of a path: Latin letters, digits and single hyphens; empty where nothing of it is left."""
    return re.sub(r"[^a-z0-9]+", "-", fold(text)).strip("-")[:longest].rstrip("-")


def words_in(text: str) -> list[str]:
    """Return the folded words of a text, in order."""
    return [word[:_LONGEST] for word in _WORD.findall(fold(text))]


def terms_of(search: str) -> list[str]:
    """Return what to look for: the search's different words, at most ``MAX_TERMS``."""
    return list(dict.fromkeys(words_in(search)))[:MAX_TERMS]


def weigh(*texts: tuple[int, str]) -> dict[str, int]:
    """Return each word of the weighted texts with the greatest weight it has among them."""
    weights: dict[str, int] = {}
    for weight, text in texts:
        for word in words_in(text):
            weights[word] = max(weight, weights.get(word, 0))
    return dict(list(weights.items())[:MAX_WORDS])


def weigh_description(title: str, tags: Iterable[str], summary: str) -> dict[str, int]:
    """Return the words by which a product's own description finds it."""
    return weigh((TITLE, title), *((TAG, tag) for tag in tags), (SUMMARY, summary))


def weigh_operations(operations: Iterable[Mapping[str, object]]) -> dict[str, int]:
    """Return the words by which a version's operations find their product: ids (cut at humps too), paths, summaries, tags."""
    texts: list[str] = []
    for operation in operations:
        operation_id = str(operation["operation_id"])
        tags = operation["tags"]
        assert isinstance(tags, Sequence)
        texts += [operation_id, _HUMP.sub(" ", operation_id), str(operation["path"]), str(operation["summary"] or ""), *tags]
    return weigh(*((OPERATION, text) for text in texts))


def rank(terms: Sequence[str], found: Iterable[tuple[str, str, int]]) -> list[tuple[int, str]]:
    """Return (score, product id) of the products that hold every term as the beginning of a word, best first.

    ``found`` are (product id, word, weight). A whole word counts twice as much as a beginning; of several words the best counts.
    """
    best: dict[str, dict[str, int]] = {}
    for product_id, word, weight in found:
        scores = best.setdefault(product_id, {})
        for term in terms:
            if word.startswith(term):
                scores[term] = max(scores.get(term, 0), weight * 2 if word == term else weight)
    whole = [(sum(scores.values()), product_id) for product_id, scores in best.items() if len(scores) == len(terms)]
    return sorted(whole, key=lambda each: (-each[0], each[1]))
