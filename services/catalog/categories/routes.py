"""How to ask about categories over HTTP."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes, read_input
from services.catalog.categories import access, actions
from services.catalog.categories.domain import Category, CategoryName, Tree
from services.catalog.texts.domain import Language
from services.catalog.texts.inputs import Id, Input, LanguageArgument, Slug, one_line

_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60), AfterValidator(one_line)]


class NameInput(Input):
    """A category's name in one language."""

    language: Language
    name: _Name


Names = Annotated[tuple[NameInput, ...], Field(min_length=1, max_length=len(Language))]


def _names(wanted: tuple[NameInput, ...]) -> tuple[CategoryName, ...]:
    return tuple(CategoryName(each.language, each.name) for each in wanted)


class CreateCategory(Input):
    """The input of ``create_category``: at the top where no parent is named."""

    slug: Slug
    names: Names
    parent_id: Id | None = None


class ChangeCategory(Input):
    """The input of ``change_category``: all of the category, as it is to be."""

    category_id: Id
    slug: Slug
    names: Names
    parent_id: Id | None = None

    def onto(self, present: Category) -> Category:
        """Return the category as it is to be."""
        return Category(present.id, self.slug, _names(self.names), self.parent_id)


class RemoveCategory(Input):
    """The input of ``remove_category``."""

    category_id: Id


def category_row(category: Category) -> dict[str, Any]:
    """Return a category as a row."""
    return {
        "id": category.id,
        "slug": category.slug,
        "parent_id": category.parent_id,
        "names": [{"language": each.language.value, "name": each.name} for each in category.names],
        "name": category.name_in(Language.EN).name,
    }


async def create_category(asked: Asked) -> Json:
    """Answer ``/do/create_category``."""
    wanted = asked.read(CreateCategory)
    names = _names(wanted.names)
    return category_row(await asked.transact(lambda tx: actions.create_category(tx, wanted.slug, names, wanted.parent_id)))


async def change_category(asked: Asked) -> Json:
    """Answer ``/do/change_category``."""
    wanted = asked.read(ChangeCategory)
    return category_row(await asked.transact(lambda tx: actions.change_category(tx, wanted.category_id, wanted.onto)))


async def remove_category(asked: Asked) -> Json:
    """Answer ``/do/remove_category``."""
    wanted = asked.read(RemoveCategory)
    await asked.transact(lambda tx: actions.remove_category(tx, wanted.category_id))
    return {"category_id": wanted.category_id}


async def categories(asked: Asked) -> list[Json]:
    """Answer ``/load/categories``: the whole tree for every key, each category after its parent."""
    tree = await access.tree_to_see(asked.reader())
    return [[category_row(each) for each in tree.in_order()]] * len(asked.keys)


async def categories_by_id(asked: Asked) -> list[Json]:
    """Answer ``/load/categories_by_id``: for each id the category."""
    return _each(asked.ids, await access.tree_to_see(asked.reader()))


async def categories_by_ids(asked: Asked) -> list[Json]:
    """Answer ``/load/categories_by_ids``: for each list of ids those of them that are categories."""
    tree = await access.tree_to_see(asked.reader())
    lists = [[each for each in key if isinstance(each, str)] if isinstance(key, list) else [] for key in asked.keys]
    return [[row for row in _each(ids, tree) if row is not None] for ids in lists]


def _each(category_ids: list[str], tree: Tree) -> list[Json]:
    return [category_row(tree.by_id[each]) if each in tree.by_id else None for each in category_ids]


async def category_names(asked: Asked) -> list[Json]:
    """Answer ``/load/category_names``: for each category its name in a language, or in the one that there is instead."""
    wanted = read_input(LanguageArgument, asked.args)
    tree = await access.tree_to_see(asked.reader())
    names = {each: tree.by_id[each].name_in(wanted.language) for each in asked.ids if each in tree.by_id}
    return [{"language": names[each].language.value, "name": names[each].name} if each in names else None for each in asked.ids]


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes of this noun."""
    r = Routes(edge)
    r.do("create_category", create_category)
    r.do("change_category", change_category)
    r.do("remove_category", remove_category)
    r.load("categories", categories)
    r.load("categories_by_id", categories_by_id)
    r.load("categories_by_ids", categories_by_ids)
    r.load("category_names", category_names)
    return r.collected
