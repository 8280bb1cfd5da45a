"""Permissions as the check sees them: which operations, from when to when, and how many calls beside the plan's quota."""

from typing import NamedTuple

from services.enforcement.limits.counting import Granted
from services.enforcement.limits.quotas import Quota
from services.enforcement.state.copies import Fields

GRANTED = "GRANTED"
_NANOSECONDS = 1_000_000_000
_EVER = 2**63


class Permission(NamedTuple):
    """What is remembered of a permission that was granted. ``operations`` None means the whole product."""

    id: str
    operations: frozenset[str] | None
    from_ns: int
    until_ns: int
    quota: Quota | None


class Permit(NamedTuple):
    """A permission, and how calls are counted against it, as a lease holds it."""

    permission: Permission
    granted: Granted

    def covers(self, operation_id: str, wall_ns: int) -> bool:
        """Say whether it permits an operation at a moment."""
        _, operations, from_ns, until_ns, _ = self.permission
        return from_ns <= wall_ns < until_ns and (operations is None or operation_id in operations)


def permission_of(identifier: str, fields: Fields) -> Permission:
    """Return the permission that a copy tells of."""
    operations = fields["operations"]
    begins, ends, calls = fields["valid_from"], fields["valid_to"], fields["quota_calls"]
    return Permission(
        identifier,
        None if operations is None else frozenset(operations),
        0 if begins is None else _in_nanoseconds(begins),
        _EVER if ends is None else _in_nanoseconds(ends),
        None if calls is None else Quota(calls, fields["quota_period"]),
    )


def _in_nanoseconds(seconds: float) -> int:
    """Return a moment that is told to the millisecond, without what a fraction cannot hold."""
    return round(seconds * 1000) * (_NANOSECONDS // 1000)


def permits_for(permits: tuple[Permit, ...], operation_id: str, wall_ns: int) -> list[Permit]:
    """Return the permissions that permit the operation now: the first with calls left is counted against."""
    return [each for each in permits if each.covers(operation_id, wall_ns)]
