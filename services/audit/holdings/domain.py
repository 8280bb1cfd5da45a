"""What is true of holdings: each is a thing that somebody holds for some time, as its announcements tell.

What is kept of a thing are the facts that were announced about it, in their order; from when until when it was held, and how,
follows from all of them. So it does not matter in which order they arrive, nor how often, and one that comes late corrects what
was known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from chassis.errors import Invalid

FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)
MADE_OF_NAMES = "ORGANIZATION", "PRODUCT", "PLAN"


class Kind(StrEnum):
    """What is held. The first three are held by nobody: they are remembered for their names."""

    ORGANIZATION = "ORGANIZATION"
    PRODUCT = "PRODUCT"
    PLAN = "PLAN"
    MEMBER = "MEMBER"
    PLATFORM_ROLE = "PLATFORM_ROLE"
    PROVIDER = "PROVIDER"
    APPLICATION = "APPLICATION"
    CERTIFICATE = "CERTIFICATE"
    AGREEMENT = "AGREEMENT"
    PERMISSION = "PERMISSION"
    SUBSCRIPTION = "SUBSCRIPTION"


HELD = tuple(kind for kind in Kind if kind not in MADE_OF_NAMES)
OF_ORGANIZATIONS = tuple(kind for kind in HELD if kind not in ("MEMBER", "PLATFORM_ROLE"))
SEEN_BY_PROVIDERS = (Kind.AGREEMENT, Kind.PERMISSION, Kind.SUBSCRIPTION)
GROUNDS = (Kind.AGREEMENT, Kind.PERMISSION)


class MomentNotReached(Invalid):
    """Nobody knows yet who will have access then."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was held at a moment, of which kinds; ``about`` narrows by ids."""

    at: datetime
    kinds: tuple[Kind, ...]
    about: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fact:
    """How a thing has stood since an announcement; ``state`` None says that nobody holds it any more, or not yet."""

    sequence: int
    at: datetime
    state: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Change:
    """What an announcement says of one thing; ``about`` are the ids that never change.

    ``is_stated`` says that nothing happened: the fact tells how the thing stood when somebody asked for that.
    """

    kind: Kind
    thing_id: str
    about: Mapping[str, str | None]
    fact: Fact
    is_stated: bool = False

    @property
    def id(self) -> str:
        """Return the thing's own key: ids of different kinds never meet."""
        return f"{self.kind}:{self.thing_id}"


@dataclass(frozen=True, slots=True)
class Span:
    """For how long a thing was held in one state: from ``since`` on, and before ``until``."""

    since: datetime
    until: datetime
    state: Mapping[str, Any]


def with_fact(facts: Iterable[Fact], fact: Fact, *, is_stated: bool = False) -> list[Fact] | None:
    """Return the facts in order with one more, or None where nothing is learnt from it.

    What is only stated says nothing to whoever has heard as much, or more. It was stated after it happened: of two facts of one
    number the earlier is the one that counts.
    """
    known = list(facts)
    if any(each.sequence == fact.sequence and each.at <= fact.at for each in known):
        return None
    if is_stated and any(each.sequence >= fact.sequence for each in known):
        return None
    others = [each for each in known if each.sequence != fact.sequence]
    return sorted([*others, fact], key=lambda each: each.sequence)


def spans_of(facts: Iterable[Fact]) -> list[Span]:
    """Return the spans that follow from all facts, in order.

    A fact that says the same as the one before begins nothing new. Clocks of two machines may differ: then a fact counts from
    when the one before did. A state with ``valid_from`` or ``valid_to`` is held only in between, whether anybody announces that.
    """
    borders: list[tuple[datetime, Mapping[str, Any] | None]] = []
    for each in facts:
        at = max(each.at, borders[-1][0]) if borders else each.at
        if not borders or borders[-1][1] != each.state:
            borders.append((at, each.state))
    ends = [at for at, _ in borders[1:]] + [FOR_EVER]
    spans = [_within(since, until, state) for (since, state), until in zip(borders, ends, strict=True) if state is not None]
    return [each for each in spans if each.since < each.until]


def _within(since: datetime, until: datetime, state: Mapping[str, Any]) -> Span:
    begins, ends = state.get("valid_from"), state.get("valid_to")
    return Span(max(since, begins) if begins else since, min(until, ends) if ends else until, state)


@dataclass(frozen=True, slots=True)
class Holding:
    """A thing as it was held at a moment; ``until`` is None while that lasts."""

    id: str
    kind: Kind
    thing_id: str
    about: Mapping[str, str | None]
    state: Mapping[str, Any]
    since: datetime
    until: datetime | None

    def ending(self, at: datetime) -> "Holding":
        """Return the holding that ends when what it is in does."""
        until = at if self.until is None else min(at, self.until)
        return Holding(self.id, self.kind, self.thing_id, self.about, self.state, self.since, until)
