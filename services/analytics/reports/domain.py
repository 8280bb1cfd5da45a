"""What a question about usage is, and into which roll-ups it is cut."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from chassis.errors import FieldProblem, Invalid
from services.analytics.rollups.domain import EPOCH, SANDBOX, Period, ceil_to, floor_to, within_environment
from services.analytics.sketch import Sketch

MOST_POINTS = 1_500
MOST_POINTS_TOGETHER = 15_000
LONGEST = timedelta(days=5 * 366)
_EARLIEST = EPOCH.replace(year=2000)
_LATEST = EPOCH.replace(year=2200)
_ONE_MINUTE = timedelta(minutes=1)
NONE = "NONE"
"""The key of the group of calls that lack what they are grouped by."""


class QuestionNotAnswerable(Invalid):
    """The question about usage cannot be answered as it is put."""

    def __init__(self, *problems: FieldProblem) -> None:
        super().__init__("; ".join(f"{each.field}: {each.message}" for each in problems), fields=problems)


class GroupBy(StrEnum):
    """What the calls of a report can be grouped by."""

    STATUS = "STATUS"
    OPERATION = "OPERATION"
    APPLICATION = "APPLICATION"
    PRODUCT = "PRODUCT"
    VERSION = "VERSION"
    PLAN = "PLAN"
    ORGANIZATION = "ORGANIZATION"
    REJECTION = "REJECTION"
    ENVIRONMENT = "ENVIRONMENT"


GROUPED_FIELDS: Mapping[GroupBy, tuple[str, ...]] = {
    GroupBy.STATUS: ("status",),
    GroupBy.OPERATION: ("version_id", "operation_id"),
    GroupBy.APPLICATION: ("application_id",),
    GroupBy.PRODUCT: ("product_id",),
    GroupBy.VERSION: ("version_id",),
    GroupBy.PLAN: ("plan_id",),
    GroupBy.ORGANIZATION: ("organization_id",),
    GroupBy.REJECTION: ("rejection",),
    GroupBy.ENVIRONMENT: ("environment",),
}


class Scope(NamedTuple):
    """Whose calls: ``by`` is ``organization_id``, ``application_id``, ``product_id`` or ``platform``."""

    by: str
    id: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is put, not checked yet."""

    start: datetime
    end: datetime
    interval: Period | None
    group_by: GroupBy | None
    time_zone: str
    status: tuple[int, ...]
    product_id: str | None
    application_id: str | None
    environment: str | None
    rejection: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question that can be answered.

    ``borders`` cut the window into the points of the series (two borders, one point, where no series is asked for). The window
    begins and ends at whole minutes: ``from`` was rounded down and ``to`` up, so that no call asked for is left out.
    """

    borders: tuple[datetime, ...]
    has_series: bool
    group_by: GroupBy | None
    query: Mapping[str, Any]

    @property
    def start(self) -> datetime:
        """Return the first moment of the window."""
        return self.borders[0]

    @property
    def end(self) -> datetime:
        """Return the first moment after the window."""
        return self.borders[-1]

    def point_of(self, moment: datetime) -> int:
        """Return the number of the point that a moment of the window belongs to."""
        return bisect_right(self.borders, moment) - 1


def to_question(asked: Asked) -> Question:
    """Return the question, checked and cut into points. Raises ``QuestionNotAnswerable`` naming each field and its mend."""
    problems = [*_problems_of_window(asked), *_problems_of_filters(asked)]
    if problems:
        raise QuestionNotAnswerable(*problems)
    start = floor_to(asked.start.astimezone(UTC), _ONE_MINUTE)
    end = ceil_to(asked.end.astimezone(UTC), _ONE_MINUTE)
    query = _query(asked)
    if asked.interval is None:
        return Question((start, end), has_series=False, group_by=asked.group_by, query=query)
    borders = _borders(start, end, asked.interval, ZoneInfo(asked.time_zone))
    return Question(borders, has_series=True, group_by=asked.group_by, query=query)


def _query(asked: Asked) -> dict[str, Any]:
    query: dict[str, Any] = {}
    if asked.status:
        query["status"] = {"$in": sorted(set(asked.status))}
    if asked.rejection is not None:
        query["rejection"] = None if asked.rejection == NONE else asked.rejection
    if asked.environment is not None:
        query["$and"] = [within_environment(asked.environment)]
    named = {"product_id": asked.product_id, "application_id": asked.application_id}
    return query | {name: value for name, value in named.items() if value is not None}


def require_few_points(question: Question, reports: int) -> None:
    """Refuse a series for more reports than can be shown together. Raises ``QuestionNotAnswerable``."""
    if question.has_series and reports * (len(question.borders) - 1) > MOST_POINTS_TOGETHER:
        mend = f"at most {MOST_POINTS_TOGETHER} points together: take a longer interval, or ask for fewer things at once"
        raise QuestionNotAnswerable(FieldProblem("interval", mend))


def _problems_of_window(asked: Asked) -> list[FieldProblem]:
    problems = []
    for name, moment in (("from", asked.start), ("to", asked.end)):
        if moment.tzinfo is None:
            problems.append(FieldProblem(name, "give the offset from UTC too, such as 2030-01-31T00:00:00Z"))
        elif not _EARLIEST <= moment <= _LATEST:
            problems.append(FieldProblem(name, "give a time between the years 2000 and 2200"))
    if problems:
        return problems
    if asked.start >= asked.end:
        return [FieldProblem("to", "give a time after `from`")]
    if asked.end - asked.start > LONGEST:
        return [FieldProblem("from", f"ask for at most {LONGEST.days} days")]
    if asked.interval and (asked.end - asked.start) / asked.interval.length > MOST_POINTS:
        longest = asked.interval.length * MOST_POINTS
        mend = f"at most {MOST_POINTS} points: take a longer interval, or at most {longest} of time"
        return [FieldProblem("interval", mend)]
    return []


@cache
def _time_zones() -> frozenset[str]:
    # Finding them out opens every file of the time zone database.
    return frozenset(available_timezones())


def _problems_of_filters(asked: Asked) -> list[FieldProblem]:
    problems = []
    if asked.time_zone not in _time_zones():
        problems.append(FieldProblem("time_zone", "give a name of the IANA time zone database, such as Europe/Riga"))
    if not all(100 <= each <= 599 for each in asked.status):
        problems.append(FieldProblem("status", "give HTTP statuses, from 100 to 599"))
    return problems


def _borders(start: datetime, end: datetime, interval: Period, zone: ZoneInfo) -> tuple[datetime, ...]:
    borders = [start]
    while borders[-1] < end:
        borders.append(min(_next_border(borders[-1], interval, zone), end))
    return tuple(borders)


def _next_border(moment: datetime, interval: Period, zone: ZoneInfo) -> datetime:
    """Return the next moment at which a minute, hour or day begins by the zone's clocks."""
    if interval is Period.MINUTE:
        return moment + _ONE_MINUTE
    local = moment.astimezone(zone)
    if interval is Period.HOUR:
        return moment + timedelta(hours=1) - timedelta(minutes=local.minute)
    midnight = datetime.combine(local.date() + timedelta(days=1), time(), zone)
    return ceil_to(midnight.astimezone(UTC), _ONE_MINUTE)


Ranges = list[tuple[datetime, datetime]]


def cut(borders: Sequence[datetime]) -> dict[Period, Ranges]:
    """Return which roll-ups add up to the points: of each point the whole days, then the whole hours, then the minutes.

    No call is counted by two of them, and none is left out. Neighbouring ranges of one period are joined.
    """
    ranges: dict[Period, Ranges] = {period: [] for period in Period}
    for start, end in pairwise(borders):
        _cut_into(ranges, start, end, (Period.DAY, Period.HOUR, Period.MINUTE))
    return {period: _joined(found) for period, found in ranges.items() if found}


def _cut_into(ranges: dict[Period, Ranges], start: datetime, end: datetime, periods: Sequence[Period]) -> None:
    if start >= end:
        return
    period, *finer = periods
    first, last = ceil_to(start, period.length), floor_to(end, period.length)
    if first >= last:
        _cut_into(ranges, start, end, finer)
        return
    ranges[period].append((first, last))
    _cut_into(ranges, start, first, finer)
    _cut_into(ranges, last, end, finer)


def _joined(ranges: Ranges) -> Ranges:
    joined: Ranges = []
    for start, end in sorted(ranges):
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


@dataclass(slots=True)
class Tally:
    """What is counted for one figure set of a report."""

    calls: int = 0
    sandbox: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    by_status: dict[int, int] = field(default_factory=dict)
    latency: Sketch = field(default_factory=Sketch)

    def add(self, rollup: Mapping[str, Any]) -> None:
        """Count a roll-up's calls."""
        status, calls = rollup["status"], rollup["calls"]
        self.calls += calls
        self.sandbox += calls if rollup["environment"] == SANDBOX else 0
        self.bytes_in += rollup["bytes_in"]
        self.bytes_out += rollup["bytes_out"]
        self.by_status[status] = self.by_status.get(status, 0) + calls
        self.latency.merge((int(bucket), count) for bucket, count in rollup["latency"].items())

    def figures(self) -> dict[str, int | float | None]:
        """Return the figures; success, client errors and server errors add up to the calls."""
        p50, p90, p95, p99 = self.latency.quantiles((0.5, 0.9, 0.95, 0.99))
        return {
            "calls": self.calls,
            "success": self._between(0, 400),
            "client_errors": self._between(400, 500),
            "server_errors": self._between(500, 1000),
            "unauthorized": self.by_status.get(401, 0),
            "forbidden": self.by_status.get(403, 0),
            "not_found": self.by_status.get(404, 0),
            "rate_limited": self.by_status.get(429, 0),
            "sandbox": self.sandbox,
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "latency_p50_ms": p50,
            "latency_p90_ms": p90,
            "latency_p95_ms": p95,
            "latency_p99_ms": p99,
        }

    def _between(self, least: int, below: int) -> int:
        return sum(count for status, count in self.by_status.items() if least <= status < below)


GroupKey = tuple[Any, ...]


class Report:
    """The figures of one scope: in all, point by point, and group by group."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.totals = Tally()
        self.points = [Tally() for _ in question.borders[1:]] if question.has_series else []
        self.groups: dict[GroupKey, Tally] = {}
        self._fields = GROUPED_FIELDS[question.group_by] if question.group_by else ()

    def add(self, rollup: Mapping[str, Any]) -> None:
        """Count a roll-up that lies within one point of the question."""
        self.totals.add(rollup)
        if self.points:
            self.points[self.question.point_of(rollup["start"])].add(rollup)
        if self._fields:
            key = tuple(rollup[name] for name in self._fields)
            group = self.groups.get(key)
            if group is None:
                group = self.groups[key] = Tally()
            group.add(rollup)

    def ordered_groups(self) -> list[tuple[GroupKey, Tally]]:
        """Return the groups, those with the most calls first."""
        return sorted(self.groups.items(), key=lambda each: (-each[1].calls, [str(part) for part in each[0]]))
