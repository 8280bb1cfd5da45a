"""A line of the proxy's access log as a record of one call.

Every call passes here, so a record is plain JSON from the beginning: a dictionary with the fields of ``CallRecord``, each of the
type that it names. What the calls of one application to one operation have in common is read once.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote

import orjson

from services.enforcement.checks.answers import VERDICT_FIELDS
from services.enforcement.proxy.envoy.replies import UPSTREAM_TIMEOUT, UPSTREAM_UNAVAILABLE, read_route_name
from services.enforcement.proxy.plane import NO_RUN, OAUTH_ROUTE
from services.enforcement.state.upstreams import PRODUCTION, SANDBOX

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
_NOBODY: Mapping[str, None] = dict.fromkeys(VERDICT_FIELDS)
_ENVIRONMENTS = (None, PRODUCTION, SANDBOX)

Record = dict[str, Any]
"""One call, with the fields of ``CallRecord``."""


class Line(NamedTuple):
    """One request and the run of the proxy that it went through; ``record`` is None where it was no call but for a token."""

    run: str
    record: Record | None


def read_line(line: bytes) -> Line | None:
    """Return what a line of the log says, or None where it is not one that the proxy finished writing."""
    # A proxy that was killed may leave half a line, and the next one writes behind it: what counts is the last beginning.
    begins_at = line.rfind(_BEGINNING)
    try:
        logged = orjson.loads(line[begins_at:] if begins_at > 0 else line)
        run = str(logged["run"] or NO_RUN)
        if logged.get("route") == OAUTH_ROUTE:
            return Line(run, None)
        return Line(run, _by_nginx(logged) if "ended" in logged else _by_envoy(logged))
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


class _Known(NamedTuple):
    """What many calls have in common: ``told`` are fields of their records."""

    told: Record
    has_our_id: bool


def _by_envoy(logged: dict[str, Any]) -> Record:
    known = _known(logged["verdict"], logged.get("route"), logged["status"], (logged["flags"], logged["details"]))
    duration_us = logged["duration_us"]
    duration_ms = duration_us / 1000 if duration_us is not None else float(logged["duration_ms"] or 0)
    return {
        "id": str((known.has_our_id and logged["request_id"]) or logged["unique_id"]),
        "at": int(logged["started"]) + round(duration_ms),
        **known.told,
        "bytes_in": int(logged["bytes_in"]),
        "bytes_out": int(logged["bytes_out"]),
        "duration_ms": duration_ms,
    }


def _by_nginx(logged: dict[str, Any]) -> Record:
    """Return a record of what nginx knows: the moment of the end, and durations in whole milliseconds.

    It counts what was read with the head, and what was sent with the marks between a body's pieces. The body's length is what
    the caller announced or sent, unless less has come; and what the upstream answered, unless less was sent on.
    """
    details = logged["details"]
    known = _known(logged["verdict"], logged.get("route"), logged["status"], (logged["flags"], details))
    is_passed = details == VIA_UPSTREAM
    bytes_in, bytes_out = int(logged["bytes_in"]), int(logged["bytes_out"])
    answered = str(logged["answered"]).rpartition(" ")[2]  # where it was asked again, the last answer counts
    if is_passed and answered.isdigit():
        bytes_out = min(bytes_out, int(answered))
    return {
        "id": str(logged["request_id"]),
        "at": round(float(logged["ended"]) * 1000),
        **known.told,
        "bytes_in": min(bytes_in, int(logged["bytes_read"])) if is_passed else 0,
        "bytes_out": bytes_out,
        "duration_ms": float(logged["seconds"]) * 1000 or _LESS_THAN_A_MILLISECOND,
    }


@lru_cache(_MOST_REMEMBERED)
def _known(verdict: str | None, route: str | None, status: int | str, ended: tuple[str | None, str | None]) -> _Known:
    flags, details = ended
    said = (flags or "-").split(",")
    if verdict:
        values = verdict.split("|")
        if "%" in verdict:
            values = [unquote(part) for part in values]
        told: Record = {name: value or None for name, value in zip(VERDICT_FIELDS, values, strict=False)}
    else:
        told = {**read_route_name(route or "")}  # nobody has decided on it: what its route tells is all that is known
    has_our_id = bool(told) or "NR" in said or "UAEX" in said
    if len(told) < len(VERDICT_FIELDS):  # a line from before an upgrade may lack what has come to be told since
        told = {**_NOBODY, **told}
    if told["environment"] not in _ENVIRONMENTS:
        raise ValueError("there is no such environment")
    answered = int(status or 0)
    told["rejection"] = told["rejection"] or _rejection(said, answered, details)
    told["status"] = answered or CALLER_WENT_AWAY
    # A request that was refused before its headers were put in order still carries the id that its sender made up.
    return _Known(told, has_our_id)


def _rejection(flags: list[str], status: int, details: str | None) -> str | None:
    for flag in flags:
        if flag in _BY_FLAG:
            return _BY_FLAG[flag]
    if status and details != VIA_UPSTREAM:
        return "CALL_NOT_READABLE"
    return None
