"""How to ask about products and plans over HTTP."""

from starlette.routing import BaseRoute

from chassis.paging import Page, connection, read_page
from chassis.web import Asked, Edge, Json, Routes, read_input
from services.catalog.products import access, actions, browsing
from services.catalog.products.browsing import Shelf
from services.catalog.products.inputs import ChangePlan, ChangeProduct, CreatePlan, CreateProduct, WithdrawPlan
from services.catalog.products.rows import Row, Rows, text_row
from services.catalog.texts.inputs import LanguageArgument


class ProductRoutes:
    """The handlers of this noun; ``rows`` makes what they answer."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    async def create_product(self, asked: Asked) -> Json:
        """Answer ``/do/create_product``."""
        wanted = asked.read(CreateProduct)
        product = await asked.transact(
            lambda tx: actions.create_product(tx, wanted.organization_id, wanted.slug, wanted.description())
        )
        return await self._rows.product(asked.reader(), product)

    async def change_product(self, asked: Asked) -> Json:
        """Answer ``/do/change_product``."""
        wanted = asked.read(ChangeProduct)
        product = await asked.transact(lambda tx: actions.change_product(tx, wanted.product_id, wanted.onto))
        return await self._rows.product(asked.reader(), product)

    async def create_plan(self, asked: Asked) -> Json:
        """Answer ``/do/create_plan``."""
        wanted = asked.read(CreatePlan)
        made = await asked.transact(lambda tx: actions.create_plan(tx, wanted.product_id, wanted.terms()))
        return self._rows.plan(*made, asked.reader().now)

    async def change_plan(self, asked: Asked) -> Json:
        """Answer ``/do/change_plan``."""
        wanted = asked.read(ChangePlan)
        changed = await asked.transact(lambda tx: actions.change_plan(tx, wanted.plan_id, wanted.terms()))
        return self._rows.plan(*changed, asked.reader().now)

    async def withdraw_plan(self, asked: Asked) -> Json:
        """Answer ``/do/withdraw_plan``."""
        wanted = asked.read(WithdrawPlan)
        withdrawn = await asked.transact(lambda tx: actions.withdraw_plan(tx, wanted.plan_id))
        return self._rows.plan(*withdrawn, asked.reader().now)

    async def products_by_organization(self, asked: Asked) -> list[Json]:
        """Answer ``/load/products_by_organization``: one page for each organization."""
        page = read_page(asked.args.get("first"), asked.args.get("after"), key_length=2)
        reader = asked.reader()
        shelves = await browsing.shelves_of(reader, asked.ids, page)
        # One query names the providers of all shelves.
        rows = await self._rows.by_id(reader, [product for shelf in shelves.values() for product, _ in shelf.products])
        empty = Shelf([], 0)
        return [to_connection(shelves.get(each, empty), rows, page) for each in asked.ids]

    async def products_by_id(self, asked: Asked) -> list[Json]:
        """Answer ``/load/products_by_id``."""
        found = await access.visible_by_ids(asked.reader(), asked.ids)
        rows = await self._rows.by_id(asked.reader(), list(found.values()))
        return [rows.get(each) for each in asked.ids]

    async def products_by_slug(self, asked: Asked) -> list[Json]:
        """Answer ``/load/products_by_slug``."""
        found = await access.visible_by_slugs(asked.reader(), asked.ids)
        rows = await self._rows.by_id(asked.reader(), list(found.values()))
        return [rows[found[each].id] if each in found else None for each in asked.ids]

    async def product_texts(self, asked: Asked) -> list[Json]:
        """Answer ``/load/product_texts``: what each product says in a language, or in the one that there is instead."""
        language = read_input(LanguageArgument, asked.args).language
        found = await access.visible_by_ids(asked.reader(), asked.ids)
        return [text_row(found[each].description.text_in(language)) if each in found else None for each in asked.ids]

    async def plans_by_id(self, asked: Asked) -> list[Json]:
        """Answer ``/load/plans_by_id``."""
        reader = asked.reader()
        found = await access.visible_plans(reader, asked.ids)
        return [self._rows.plan(*found[each], reader.now) if each in found else None for each in asked.ids]

    async def versions_by_id(self, asked: Asked) -> list[Json]:
        """Answer ``/load/versions_by_id``."""
        found = await access.visible_versions(asked.reader(), asked.ids)
        return [self._rows.version(*found[each]) if each in found else None for each in asked.ids]


def to_connection(shelf: Shelf, rows: dict[str, Row], page: Page) -> Json:
    """Return a shelf as a page of rows."""
    keys = {product.id: key for product, key in shelf.products}
    shown = [rows[product.id] for product, _ in shelf.products]
    return connection(shown, page, lambda row: keys[row["id"]], total=shelf.total)


def routes(edge: Edge, rows: Rows) -> list[BaseRoute]:
    """Return the routes of this noun."""
    r, handlers = Routes(edge), ProductRoutes(rows)
    r.do("create_product", handlers.create_product)
    r.do("change_product", handlers.change_product)
    r.do("create_plan", handlers.create_plan)
    r.do("change_plan", handlers.change_plan)
    r.do("withdraw_plan", handlers.withdraw_plan)
    r.load("products_by_organization", handlers.products_by_organization)
    r.load("products_by_id", handlers.products_by_id)
    r.load("products_by_slug", handlers.products_by_slug)
    r.load("product_texts", handlers.product_texts)
    r.load("plans_by_id", handlers.plans_by_id)
    r.load("versions_by_id", handlers.versions_by_id)
    return r.collected
