"""A line of the proxy's access log as a record of one call."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote

import orjson

from services.enforcement.checks.answers import VERDICT_FIELDS
from services.enforcement.events import CallRecord
from services.enforcement.proxy.envoy.replies import UPSTREAM_TIMEOUT, UPSTREAM_UNAVAILABLE, read_route_name
from services.enforcement.proxy.plane import NO_RUN, OAUTH_ROUTE

CALLER_WENT_AWAY = 499
VIA_UPSTREAM = "via_upstream"
_LESS_THAN_A_MILLISECOND = 0.5
_MOST_REMEMBERED = 10_000
_BEGINNING = b'{"bytes_in":'  # Envoy writes the fields in the order of their names, and nginx this one first
_BY_FLAG = {
    "NR": "API_NOT_FOUND",
    "UAEX": "CHECK_UNAVAILABLE",
    **dict.fromkeys(UPSTREAM_TIMEOUT, "UPSTREAM_TIMEOUT"),
    **dict.fromkeys(UPSTREAM_UNAVAILABLE, "UPSTREAM_UNAVAILABLE"),
}
_NOBODY: Mapping[str, str | None] = dict.fromkeys(VERDICT_FIELDS)


class Line(NamedTuple):
    """One request and the run of the proxy that it went through; ``record`` is None where it was no call but for a token."""

    run: str
    record: CallRecord | None


def read_line(line: bytes) -> Line | None:
    """Return what a line of the log says, or None where it is not one that the proxy finished writing."""
    # A proxy that was killed may leave half a line, and the next one writes behind it: what counts is the last beginning.
    begins_at = line.rfind(_BEGINNING)
    try:
        logged = orjson.loads(line[begins_at:] if begins_at > 0 else line)
        is_call = logged.get("route") != OAUTH_ROUTE
        return Line(str(logged["run"] or NO_RUN), _record(logged) if is_call else None)
    except (KeyError, TypeError, ValueError):
        return None


class _Measured(NamedTuple):
    """What the proxy itself knows of a call."""

    id: str
    at: int
    duration_ms: float
    bytes_in: int
    bytes_out: int


def _record(logged: dict[str, Any]) -> CallRecord:
    flags = str(logged["flags"] or "-").split(",")
    known = _read_verdict(logged["verdict"], str(logged.get("route") or ""))
    status = int(logged["status"] or 0)
    details = logged["details"]
    measured = _by_nginx(logged) if "ended" in logged else _by_envoy(logged, known, flags)
    rejection = known["rejection"] or _rejection(flags, status, details)
    return CallRecord(status=status or CALLER_WENT_AWAY, **measured._asdict(), **{**known, "rejection": rejection})


def _by_envoy(logged: dict[str, Any], known: Mapping[str, Any], flags: list[str]) -> _Measured:
    duration_us = logged["duration_us"]
    duration_ms = duration_us / 1000 if duration_us is not None else float(logged["duration_ms"] or 0)
    # A request that was refused before its headers were put in order still carries the id that its sender made up.
    is_ours = known is not _NOBODY or "NR" in flags or "UAEX" in flags
    return _Measured(
        id=str((is_ours and logged["request_id"]) or logged["unique_id"]),
        at=int(logged["started"]) + round(duration_ms),
        duration_ms=duration_ms,
        bytes_in=int(logged["bytes_in"]),
        bytes_out=int(logged["bytes_out"]),
    )


def _by_nginx(logged: dict[str, Any]) -> _Measured:
    """Return what nginx knows: the moment of the end, and durations in whole milliseconds.

    It counts what was read with the head, and what was sent with the marks between a body's pieces. The body's length is what
    the caller announced or sent, unless less has come; and what the upstream answered, unless less was sent on.
    """
    is_passed = logged["details"] == VIA_UPSTREAM
    bytes_in, bytes_out = int(logged["bytes_in"]), int(logged["bytes_out"])
    answered = str(logged["answered"]).rpartition(" ")[2]  # where it was asked again, the last answer counts
    if is_passed and answered.isdigit():
        bytes_out = min(bytes_out, int(answered))
    return _Measured(
        id=str(logged["request_id"]),
        at=round(float(logged["ended"]) * 1000),
        duration_ms=float(logged["seconds"]) * 1000 or _LESS_THAN_A_MILLISECOND,
        bytes_in=min(bytes_in, int(logged["bytes_read"])) if is_passed else 0,
        bytes_out=bytes_out,
    )


@lru_cache(_MOST_REMEMBERED)
def _read_verdict(verdict: str | None, route: str) -> Mapping[str, Any]:
    # The calls of one application to one operation have the same.
    if not verdict:
        # Nobody has decided on it: what its route tells is all that is known.
        told = read_route_name(route)
        return {**_NOBODY, **told} if told else _NOBODY
    values = [unquote(part) or None for part in verdict.split("|")]
    # A line from before an upgrade may lack what has come to be told since.
    return {**_NOBODY, **dict(zip(VERDICT_FIELDS, values, strict=False))}


def _rejection(flags: list[str], status: int, details: str | None) -> str | None:
    for flag in flags:
        if flag in _BY_FLAG:
            return _BY_FLAG[flag]
    if status and details != VIA_UPSTREAM:
        return "CALL_NOT_READABLE"
    return None
