"""What a permission is about: which operations, from when until when, how many calls; and what is asked, with its reasons."""

from dataclasses import dataclass
from datetime import datetime

from chassis.errors import FieldProblem, Invalid


class MoreThanAsked(Invalid):
    """Only operations that were asked for can be granted."""

    def __init__(self, operations: list[str]) -> None:
        mend = f"leave out what was not asked for: {', '.join(operations)}" if operations else "name the operations"
        super().__init__(fields=[FieldProblem("operations", mend)])


class OperationNotPublished(Invalid):
    """The product has no such operation in a published version."""

    def __init__(self, operations: list[str]) -> None:
        super().__init__(fields=[FieldProblem("operations", f"not published: {', '.join(operations)}")])


class ValidityNotUsable(Invalid):
    """A permission ends in the future, and after its beginning."""

    def __init__(self, mend: str) -> None:
        super().__init__(fields=[FieldProblem("valid_to", mend)])


class QuotaNotWhole(Invalid):
    """A quota has a number of calls and a period."""

    def __init__(self, field: str) -> None:
        super().__init__(fields=[FieldProblem(field, "give it, too, or no quota")])


@dataclass(frozen=True, slots=True)
class Quota:
    """How many calls in a period."""

    calls: int
    period: str


def quota_of(calls: int | None, period: str | None) -> Quota | None:
    """Return the quota that is given, or None where none is. Raises ``QuotaNotWhole``."""
    if calls is None and period is None:
        return None
    if calls is None or period is None:
        raise QuotaNotWhole("quota_period" if period is None else "quota_calls")
    return Quota(calls, period)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a permission is about: operations (None: the whole product), from when until when (None: no end), how many calls."""

    operations: tuple[str, ...] | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    quota: Quota | None = None

    def require_published(self, operations: frozenset[str]) -> None:
        """Raise ``OperationNotPublished`` unless each operation that is named is one of these."""
        unknown = [each for each in self.operations or () if each not in operations]
        if unknown:
            raise OperationNotPublished(unknown)

    def require_within(self, asked: "Scope") -> None:
        """Raise ``MoreThanAsked`` unless each operation was asked for."""
        if asked.operations is None:
            return
        if self.operations is None:
            raise MoreThanAsked([])
        more = [each for each in self.operations if each not in asked.operations]
        if more:
            raise MoreThanAsked(more)

    def require_ahead(self, now: datetime) -> None:
        """Raise ``ValidityNotUsable`` unless it ends in the future and after its beginning."""
        if self.valid_to is None:
            return
        if self.valid_to <= now:
            raise ValidityNotUsable("give a moment in the future, or none")
        if self.valid_from is not None and self.valid_to <= self.valid_from:
            raise ValidityNotUsable("give a moment after the beginning, or none")


@dataclass(frozen=True, slots=True)
class Wish:
    """What an organization asks for, what for, and by which right; a provider that was not asked may leave these two out."""

    scope: Scope
    purpose: str | None
    legal_basis: str | None
