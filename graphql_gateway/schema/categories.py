"""Categories: the small tree into which what is offered is put."""

from typing import Annotated, Any

import strawberry

from graphql_gateway.engine.declare import Constant, Load, Parent, asks, does, later, loads, planned, reads
from graphql_gateway.schema.described import input_, type_
from graphql_gateway.schema.languages import Language
from graphql_gateway.schema.nodes import Node
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.services import CATALOG

TREE_SIZE = 50


@type_
class CategoryName:
    """What a category is called in one language."""

    language: Language
    name: str


@type_
class Category(Node):
    """A place in the tree of categories."""

    slug: str
    name: str = reads(says="Its name in English, or in whichever language there is.")
    names: list[CategoryName] = reads(size=3)
    parent_id: strawberry.ID | None = reads(says="Null at the top.")
    parent: Any = loads(Load(CATALOG, "categories_by_id", Parent("parent_id")), later("categories", "Category"))

    @asks(Load(CATALOG, "category_names", Parent("id")))
    def text(self, language: Language) -> CategoryName | None:
        """Name it in a language, or in English or whichever there is instead."""
        planned(language)


def categories_of_product() -> Load:
    """Return the load of the categories that a product is in."""
    return Load(CATALOG, "categories_by_ids", Parent("category_ids"), size=3)


@type_
class CategoryQueries:
    """What may be asked of categories, also without an account."""

    @asks(Load(CATALOG, "categories", Constant(None), size=TREE_SIZE))
    def categories(self) -> list[Category] | None:
        """Read the whole tree, each category after its parent."""
        planned()


@input_
class CategoryNameInput:
    """A category's name in one language."""

    language: Language
    name: str


@input_
class CreateCategoryInput:
    """A new category: at the top where no parent is named."""

    slug: str
    names: list[CategoryNameInput]
    parent_id: strawberry.ID | None = strawberry.UNSET


@input_
class ChangeCategoryInput:
    """All of a category, as it is to be: at the top where no parent is named."""

    category_id: strawberry.ID
    slug: str
    names: list[CategoryNameInput]
    parent_id: strawberry.ID | None = strawberry.UNSET


@input_
class RemoveCategoryInput:
    """Which category goes; its products stay."""

    category_id: strawberry.ID


@type_
class RemovedCategory:
    """The category that is gone."""

    category_id: strawberry.ID


@type_
class CategoryMutations:
    """What the operator does with categories."""

    @does(CATALOG, "create_category")
    def create_category(
        self, input_: Annotated[CreateCategoryInput, strawberry.argument(name="input")]
    ) -> Annotated[Category | Problem, strawberry.union("CreateCategoryResult")]:
        """Add a category to the tree."""
        planned(input_)

    @does(CATALOG, "change_category")
    def change_category(
        self, input_: Annotated[ChangeCategoryInput, strawberry.argument(name="input")]
    ) -> Annotated[Category | Problem, strawberry.union("ChangeCategoryResult")]:
        """Name a category otherwise, or put it elsewhere."""
        planned(input_)

    @does(CATALOG, "remove_category")
    def remove_category(
        self, input_: Annotated[RemoveCategoryInput, strawberry.argument(name="input")]
    ) -> Annotated[RemovedCategory | Problem, strawberry.union("RemoveCategoryResult")]:
        """Take a category out of the tree."""
        planned(input_)
