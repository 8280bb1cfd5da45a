"""Guidance: the pages that lead through the steps of both procedures."""

from enum import Enum
from typing import Annotated

import strawberry

from graphql_gateway.engine.declare import Constant, Load, Parent, asks, does, planned, reads
from graphql_gateway.schema.described import enum, input_, type_
from graphql_gateway.schema.languages import Language
from graphql_gateway.schema.problems import Problem
from graphql_gateway.schema.scalars import DateTime
from graphql_gateway.schema.services import CATALOG

PAGES_SIZE = 18
PAGES_WEIGHT = 20.0  # each may be as long as 20,000 letters


@enum
class GuidanceStep(Enum):
    """A step of the procedures: A of an agency's data services, B of a bank's products."""

    A1 = "A1"
    A2 = "A2"
    A3 = "A3"
    A4 = "A4"
    A5 = "A5"
    A6 = "A6"
    A7 = "A7"
    A8 = "A8"
    B1 = "B1"
    B2 = "B2"
    B3 = "B3"
    B4 = "B4"
    B5 = "B5"
    B6 = "B6"
    B7 = "B7"
    B8 = "B8"
    B9 = "B9"
    B10 = "B10"


@type_
class GuidancePage:
    """The page of a step: the platform's, or what a product's provider adds to it."""

    id: strawberry.ID
    step: GuidanceStep
    product_id: strawberry.ID | None = reads(says="Null on the platform's own pages.")
    language: Language = reads(says="The language of the text: the one asked for, or the one that there is instead.")
    markdown: str = reads(says="Markdown as its author wrote it. It may contain HTML of any kind: show none of it as HTML.")
    languages: list[Language] = reads(size=3)
    changed_at: DateTime


def pages_of_product() -> Load:
    """Return the load of a product's pages."""
    return Load(CATALOG, "guidance_by_product", Parent("id"), weight=PAGES_WEIGHT, size=PAGES_SIZE)


@type_
class GuidanceQueries:
    """What may be asked of guidance, also without an account."""

    @asks(Load(CATALOG, "guidance", Constant(None), weight=PAGES_WEIGHT, size=PAGES_SIZE))
    def guidance(self, language: Language, step: GuidanceStep | None = None) -> list[GuidancePage] | None:
        """Read the platform's pages, of one step or of all."""
        planned(language, step)


@input_
class GuidanceTextInput:
    """A page in one language, in Markdown."""

    language: Language
    markdown: str


@input_
class WriteGuidanceInput:
    """All texts of a step's page, as they are to be: the platform's page where no product is named."""

    step: GuidanceStep
    texts: list[GuidanceTextInput]
    product_id: strawberry.ID | None = strawberry.UNSET


@input_
class RemoveGuidanceInput:
    """Which page goes: the platform's where no product is named."""

    step: GuidanceStep
    product_id: strawberry.ID | None = strawberry.UNSET


@type_
class RemovedGuidance:
    """The page that is gone."""

    id: strawberry.ID
    step: GuidanceStep
    product_id: strawberry.ID | None


@type_
class GuidanceMutations:
    """What the operator and providers do with guidance."""

    @does(CATALOG, "write_guidance")
    def write_guidance(
        self, input_: Annotated[WriteGuidanceInput, strawberry.argument(name="input")]
    ) -> Annotated[GuidancePage | Problem, strawberry.union("WriteGuidanceResult")]:
        """Write the page of a step."""
        planned(input_)

    @does(CATALOG, "remove_guidance")
    def remove_guidance(
        self, input_: Annotated[RemoveGuidanceInput, strawberry.argument(name="input")]
    ) -> Annotated[RemovedGuidance | Problem, strawberry.union("RemoveGuidanceResult")]:
        """Remove the page of a step."""
        planned(input_)
