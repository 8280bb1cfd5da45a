"""A provider's own shelf, and how pages of products are made. Reads alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from chassis.errors import FieldProblem
from chassis.mongo import Reader
from chassis.paging import Page, PageNotReadable
from services.catalog.products import repository
from services.catalog.products.domain import Product


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page of products, each with its sort key (one row more than asked for where there are more), and how many there are."""

    products: Sequence[tuple[Product, tuple[str | int, str]]]
    total: int


def title_key(page: Page) -> repository.SortKey | None:
    """Return the title and the id after which the page begins. Raises ``PageNotReadable``."""
    if page.after is None:
        return None
    title, product_id = page.after
    if not isinstance(title, str) or not isinstance(product_id, str):
        raise foreign_cursor()
    return title, product_id


def foreign_cursor() -> PageNotReadable:
    """Return the refusal of a cursor that belongs to another list."""
    problem = FieldProblem("after", "give the endCursor of a page of this very list")
    return PageNotReadable(f"after: {problem.message}", fields=[problem])


async def shelves_of(reader: Reader, organization_ids: Sequence[str], page: Page) -> dict[str, Shelf]:
    """Return a page of each organization's products by title: members see drafts too, strangers what is public."""
    own = [each for each in organization_ids if reader.principal.is_member(each)]
    foreign = [each for each in organization_ids if not reader.principal.is_member(each)]
    keys = await repository.sort_keys_of_organizations(reader, own, foreign)
    after = title_key(page)
    pages = {
        organization_id: [key for key in mine if after is None or key > after][: page.first + 1]
        for organization_id, mine in keys.items()
    }
    products = await repository.by_ids(reader, [product_id for mine in pages.values() for _, product_id in mine])
    return {
        organization_id: Shelf([(products[key[1]], key) for key in mine if key[1] in products], len(keys[organization_id]))
        for organization_id, mine in pages.items()
    }
