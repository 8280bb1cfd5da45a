"""Facets: how many of the products that are found there are of each kind."""

from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import Constant, Load, asks, planned, reads
from graphql_gateway.schema.categories import Category
from graphql_gateway.schema.described import type_
from graphql_gateway.schema.products import ProductFilter, Provider, Sensitivity

FACET_SIZE = 20


@type_
class SensitivityCount:
    """How many of the products are so sensitive."""

    sensitivity: Sensitivity
    count: int


@type_
class TagCount:
    """How many of the products have a tag."""

    tag: str
    count: int


@type_
class CategoryCount:
    """How many of the products are in a category or below it."""

    category: Category
    count: int


@type_
class ProviderCount:
    """How many of the products are a provider's."""

    provider: Provider
    count: int


@type_
class ProductFacets:
    """How many products are found, and of each kind; what most of them are comes first, what none of them is is left out."""

    total: int
    sensitivities: list[SensitivityCount] = reads(size=3)
    tags: list[TagCount] = reads(size=FACET_SIZE, says="The most frequent ones, at most 30.")
    categories: list[CategoryCount] = reads(size=FACET_SIZE)
    providers: list[ProviderCount] = reads(size=FACET_SIZE, says="Those with the most products, at most 50.")


@type_
class FacetQueries:
    """What may be counted in the catalogue, also without an account."""

    @asks(Load("catalog", "product_facets", Constant(None), spread="filter", weight=3.0))
    def product_facets(
        self,
        search: str | None = None,
        filter_: Annotated[ProductFilter | None, strawberry.argument(name="filter")] = None,
    ) -> ProductFacets | None:
        """Count what `products` finds with the same search and the same filter."""
        planned(search, filter_)
