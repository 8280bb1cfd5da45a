"""A line of the proxy's access log as a record of one call."""

from typing import Any, NamedTuple
from urllib.parse import unquote

import orjson

from services.enforcement.checks.answers import VERDICT_FIELDS
from services.enforcement.events import CallRecord
from services.enforcement.proxy.envoy import NO_RUN
from services.enforcement.proxy.replies import OAUTH_ROUTE, UPSTREAM_TIMEOUT, UPSTREAM_UNAVAILABLE, read_route_name

CALLER_WENT_AWAY = 499
_BEGINNING = b'{"bytes_in":'  # Envoy writes the fields in the order of their names
_BY_FLAG = {
    "NR": "API_NOT_FOUND",
    "UAEX": "CHECK_UNAVAILABLE",
    **dict.fromkeys(UPSTREAM_TIMEOUT, "UPSTREAM_TIMEOUT"),
    **dict.fromkeys(UPSTREAM_UNAVAILABLE, "UPSTREAM_UNAVAILABLE"),
}
_NOBODY: dict[str, str | None] = dict.fromkeys(VERDICT_FIELDS)


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


def _record(logged: dict[str, Any]) -> CallRecord:
    flags = str(logged["flags"] or "-").split(",")
    known = _read_verdict(logged["verdict"], str(logged.get("route") or ""))
    duration_us = logged["duration_us"]
    duration_ms = duration_us / 1000 if duration_us is not None else float(logged["duration_ms"] or 0)
    status = int(logged["status"] or 0)
    # A request that was refused before its headers were put in order still carries the id that its sender made up.
    is_ours = known is not _NOBODY or "NR" in flags or "UAEX" in flags
    return CallRecord(
        id=str((is_ours and logged["request_id"]) or logged["unique_id"]),
        at=int(logged["started"]) + round(duration_ms),
        status=status or CALLER_WENT_AWAY,
        bytes_in=int(logged["bytes_in"]),
        bytes_out=int(logged["bytes_out"]),
        duration_ms=duration_ms,
        **{**known, "rejection": known["rejection"] or _rejection(flags, status, logged["details"])},
    )


def _read_verdict(verdict: str | None, route: str) -> dict[str, Any]:
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
    if status and details != "via_upstream":
        return "CALL_NOT_READABLE"
    return None
