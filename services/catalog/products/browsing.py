"""Finding products: the public catalogue, searching it, and a provider's own shelf. Reads alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.errors import FieldProblem
from chassis.mongo import Reader
from chassis.paging import Page, PageNotReadable
from services.catalog.products import repository
from services.catalog.products.domain import Product
from services.catalog.products.words import fold, rank, terms_of


@dataclass(frozen=True, slots=True)
class Filter:
    """What to show of the public catalogue."""

    search: str | None = None
    sensitivity: str | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of products, each with its sort key (one row more than asked for where there are more), and how many there are."""

    products: Sequence[tuple[Product, tuple[str | int, str]]]
    total: int


def _title_key(page: Page) -> repository.SortKey | None:
    if page.after is None:
        return None
    title, product_id = page.after
    if not isinstance(title, str) or not isinstance(product_id, str):
        raise _foreign_cursor()
    return title, product_id


def _foreign_cursor() -> PageNotReadable:
    problem = FieldProblem("after", "give the endCursor of a page of this very list")
    return PageNotReadable(f"after: {problem.message}", fields=[problem])


def title_key(product: Product) -> repository.SortKey:
    """Return the key by which products stand in order of their titles."""
    return fold(product.description.title), product.id


async def browse(reader: Reader, wanted: Filter, page: Page) -> Shelf:
    """Return a page of the public catalogue: by title, or the best finds first."""
    if wanted.search and wanted.search.strip():
        return await _search(reader, wanted, page)
    after = _title_key(page)
    found, total = await repository.public_page(reader, wanted.sensitivity, wanted.tag, after=after, limit=page.first + 1)
    return Shelf([(product, title_key(product)) for product in found], total)


async def _search(reader: Reader, wanted: Filter, page: Page) -> Shelf:
    terms = terms_of(wanted.search or "")
    if not terms:
        return Shelf([], 0)
    ranked = rank(terms, await repository.words_beginning(reader, terms))
    public = await repository.public_among(reader, [each for _, each in ranked], wanted.sensitivity, wanted.tag)
    keys = [(-score, product_id) for score, product_id in ranked if product_id in public]
    total = len(keys)
    if page.after is not None:
        score, last = page.after
        if not isinstance(score, int) or not isinstance(last, str):
            raise _foreign_cursor()
        keys = [key for key in keys if key > (score, last)]
    shown = keys[: page.first + 1]
    products = await repository.by_ids(reader, [product_id for _, product_id in shown])
    return Shelf([(products[key[1]], key) for key in shown if key[1] in products], total)


async def shelves_of(reader: Reader, organization_ids: Sequence[str], page: Page) -> dict[str, Shelf]:
    """Return a page of each organization's products by title: members see drafts too, strangers what is public."""
    own = [each for each in organization_ids if reader.principal.is_member(each)]
    foreign = [each for each in organization_ids if not reader.principal.is_member(each)]
    keys = await repository.sort_keys_of_organizations(reader, own, foreign)
    after = _title_key(page)
    pages = {
        organization_id: [key for key in mine if after is None or key > after][: page.first + 1]
        for organization_id, mine in keys.items()
    }
    products = await repository.by_ids(reader, [product_id for mine in pages.values() for _, product_id in mine])
    return {
        organization_id: Shelf([(products[key[1]], key) for key in mine if key[1] in products], len(keys[organization_id]))
        for organization_id, mine in pages.items()
    }
