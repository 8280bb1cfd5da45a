"""What whoever asks may find: what is public, and nothing else, also of their own."""

from chassis.mongo import Reader
from chassis.paging import Page
from services.catalog.finding.facets import Facets, count
from services.catalog.finding.index import Card, Index, Narrowed, best_first, next_by_title
from services.catalog.finding.inputs import Sought
from services.catalog.finding.searching import Searcher
from services.catalog.products.access import visible_by_ids
from services.catalog.products.browsing import Shelf, foreign_cursor, title_key
from services.catalog.products.words import terms_of


def _narrowed(index: Index, wanted: Sought) -> Narrowed:
    return Narrowed(
        sensitivity=wanted.sensitivity,
        tags=wanted.folded_tags(),
        categories=None if wanted.category is None else index.tree.with_all_below(wanted.category),
        organization_id=wanted.provider,
    )


def _is_search(wanted: Sought) -> bool:
    return bool(wanted.search and wanted.search.strip())


def _found(index: Index, wanted: Sought) -> list[tuple[int, Card]]:
    return index.found(terms_of(wanted.search or ""), _narrowed(index, wanted))


async def browse(reader: Reader, searcher: Searcher, wanted: Sought, page: Page) -> Shelf:
    """Return a page of the public catalogue: by title, or the best finds first. Raises ``PageNotReadable``."""
    index = await searcher.index(reader)
    keys: list[tuple[int, str]] | list[tuple[str, str]]
    if _is_search(wanted):
        found = _found(index, wanted)
        total, keys = len(found), best_first(found, _score_key(page), page.first + 1)
    else:
        cards = index.by_title(_narrowed(index, wanted))
        total, keys = len(cards), next_by_title(cards, title_key(page), page.first + 1)
    products = await visible_by_ids(reader, [product_id for _, product_id in keys])
    return Shelf([(products[key[1]], key) for key in keys if key[1] in products], total)


def _score_key(page: Page) -> tuple[int, str] | None:
    if page.after is None:
        return None
    score, product_id = page.after
    if not isinstance(score, int) or not isinstance(product_id, str):
        raise foreign_cursor()
    return score, product_id


async def facets(reader: Reader, searcher: Searcher, wanted: Sought) -> tuple[Facets, Index]:
    """Return how many of the finds there are of each kind, and the index that was asked."""
    index = await searcher.index(reader)
    cards = [card for _, card in _found(index, wanted)] if _is_search(wanted) else index.by_title(_narrowed(index, wanted))
    return count(cards, index.tree), index
