"""A naive recount of calls: straight from the records, sharing nothing with the service."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.services.analytics.announcements import Record, moment_of


def environment_of(record: Record) -> str | None:
    """What was told; before there was anything to tell, the sandbox answered for every version."""
    if record.get("environment"):
        return str(record["environment"])
    return "SANDBOX" if record["version_id"] else None


GROUP_KEYS: dict[str, Callable[[Record], str]] = {
    "STATUS": lambda record: str(record["status"]),
    "OPERATION": lambda record: (
        "NONE" if record["version_id"] is None else f"{record['version_id']}/{record['operation_id'] or 'NONE'}"
    ),
    "APPLICATION": lambda record: record["application_id"] or "NONE",
    "PRODUCT": lambda record: record["product_id"] or "NONE",
    "VERSION": lambda record: record["version_id"] or "NONE",
    "PLAN": lambda record: record["plan_id"] or "NONE",
    "ORGANIZATION": lambda record: record["organization_id"] or "NONE",
    "REJECTION": lambda record: record["rejection"] or "NONE",
    "ENVIRONMENT": lambda record: environment_of(record) or "NONE",
}
EXACT = ("calls", "success", "client_errors", "server_errors", "unauthorized", "forbidden", "not_found", "rate_limited")
LATENCIES = {"latency_p50_ms": 0.5, "latency_p90_ms": 0.9, "latency_p95_ms": 0.95, "latency_p99_ms": 0.99}


def within(records: Iterable[Record], start: datetime, end: datetime) -> list[Record]:
    """Those that ended in the window, whose ends are taken as whole minutes outwards."""
    first = start.replace(second=0, microsecond=0)
    last = end.replace(second=0, microsecond=0)
    last += timedelta(minutes=1) if last < end else timedelta()
    return [each for each in records if first <= moment_of(each) < last]


def check_figures(found: dict[str, Any], records: Sequence[Record]) -> None:
    """Compare a figure set with the records that it is about."""
    statuses = [each["status"] for each in records]
    expected = {
        "calls": len(records),
        "success": sum(each < 400 for each in statuses),
        "client_errors": sum(400 <= each < 500 for each in statuses),
        "server_errors": sum(each >= 500 for each in statuses),
        "unauthorized": statuses.count(401),
        "forbidden": statuses.count(403),
        "not_found": statuses.count(404),
        "rate_limited": statuses.count(429),
        "sandbox": sum(environment_of(each) == "SANDBOX" for each in records),
        "bytes_in": sum(each["bytes_in"] for each in records),
        "bytes_out": sum(each["bytes_out"] for each in records),
    }
    assert {name: found[name] for name in expected} == expected
    ordered = sorted(each["duration_ms"] for each in records)
    for name, rank in LATENCIES.items():
        if not ordered:
            assert found[name] is None
            continue
        exact = ordered[math.floor(rank * (len(ordered) - 1))]
        assert math.isclose(found[name], exact, rel_tol=0.01 * (1 + 1e-6)), name


def check_row(row: dict[str, Any], records: Sequence[Record], group_by: str | None) -> None:
    """Compare a whole report with the records within its window."""
    check_figures(row["totals"], records)
    if row["series"]:
        starts = [datetime.fromisoformat(each["start"]) for each in row["series"]]
        ends = [*starts[1:], datetime.fromisoformat(row["to"])]
        for point, start, end in zip(row["series"], starts, ends, strict=True):
            check_figures(point, [each for each in records if start <= moment_of(each) < end])
    if group_by is None:
        assert row["groups"] == []
        return
    groups: dict[str, list[Record]] = defaultdict(list)
    for each in records:
        groups[GROUP_KEYS[group_by](each)].append(each)
    assert {each["key"] for each in row["groups"]} == set(groups)
    assert len(row["groups"]) == len(groups)
    for group in row["groups"]:
        check_figures(group, groups[group["key"]])
    counted = [group["calls"] for group in row["groups"]]
    assert counted == sorted(counted, reverse=True)
