"""Published versions, and where each stands in its life."""

from typing import NamedTuple

from services.enforcement.state.matching import Matcher


class Life(NamedTuple):
    """Where a version stands in its life; moments in seconds since 1970, and where its successor is called."""

    is_retired: bool = False
    deprecated_at: int | None = None
    sunset_at: int | None = None
    successor: str | None = None


IN_FORCE = Life()


class Version(NamedTuple):
    """A published version: below its base path it is called, or said to be retired."""

    id: str
    product_id: str
    product_slug: str
    base_path: str
    matcher: Matcher
    life: Life = IN_FORCE
