"""What the routes of finding take."""

from typing import Annotated

from pydantic import Field

from services.catalog.products.domain import Sensitivity
from services.catalog.products.words import fold
from services.catalog.texts.inputs import Id, Input

_Tag = Annotated[str, Field(max_length=40)]


class Sought(Input):
    """What is looked for: words, and what the finds are narrowed down by."""

    search: Annotated[str, Field(max_length=200)] | None = None
    sensitivity: Sensitivity | None = None
    tag: _Tag | None = None
    tags: Annotated[tuple[_Tag, ...], Field(max_length=20)] | None = None
    category: Id | None = None
    provider: Id | None = None

    def folded_tags(self) -> tuple[str, ...]:
        """Return the tags that each find has to have, as the index knows them."""
        tags = [*(self.tags or ()), *([self.tag] if self.tag is not None else ())]
        return tuple(dict.fromkeys(fold(tag) for tag in tags))


class Browse(Sought):
    """The arguments of ``products``."""

    first: int | None = None
    after: str | None = None
