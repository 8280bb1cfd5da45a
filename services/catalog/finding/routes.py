"""How to search over HTTP."""

from starlette.routing import BaseRoute

from chassis.paging import read_page
from chassis.web import Asked, Edge, Json, Routes, read_input
from services.catalog.categories.routes import category_row
from services.catalog.finding import access
from services.catalog.finding.inputs import Browse, Sought
from services.catalog.finding.searching import Searcher
from services.catalog.products.routes import to_connection
from services.catalog.products.rows import Rows
from services.catalog.providers.actions import names_of


class FindingRoutes:
    """The handlers of this noun."""

    def __init__(self, rows: Rows, searcher: Searcher) -> None:
        self._rows = rows
        self._searcher = searcher

    async def products(self, asked: Asked) -> list[Json]:
        """Answer ``/load/products``: the same page of the public catalogue for every key."""
        wanted = read_input(Browse, asked.args)
        page = read_page(wanted.first, wanted.after, key_length=2)
        reader = asked.reader()
        shelf = await access.browse(reader, self._searcher, wanted, page)
        rows = await self._rows.by_id(reader, [product for product, _ in shelf.products])
        return [to_connection(shelf, rows, page)] * len(asked.keys)

    async def product_facets(self, asked: Asked) -> list[Json]:
        """Answer ``/load/product_facets``: the same counts for every key."""
        wanted = read_input(Sought, asked.args)
        reader = asked.reader()
        facets, index = await access.facets(reader, self._searcher, wanted)
        names = await names_of(reader, [organization_id for organization_id, _ in facets.providers])
        row = {
            "total": facets.total,
            "sensitivities": [{"sensitivity": name, "count": number} for name, number in facets.sensitivities],
            "tags": [{"tag": name, "count": number} for name, number in facets.tags],
            "categories": [
                {"category": category_row(index.tree.by_id[each]), "count": number} for each, number in facets.categories
            ],
            "providers": [
                {"provider": {"id": each, "name": names.get(each, "")}, "count": number} for each, number in facets.providers
            ],
        }
        return [row] * len(asked.keys)


def routes(edge: Edge, rows: Rows, searcher: Searcher) -> list[BaseRoute]:
    """Return the routes of this noun."""
    r, handlers = Routes(edge), FindingRoutes(rows, searcher)
    r.load("products", handlers.products)
    r.load("product_facets", handlers.product_facets)
    return r.collected
