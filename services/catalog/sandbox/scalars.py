"""Texts and numbers that a schema accepts. Pure."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jsonschema_rs

from services.catalog.sandbox.patterns import TooDifficultError, text_for

_LONGEST = 4000
_BACKTRACKING = 20_000

FORMATS = {
    "date-time": "2030-01-31T12:00:00Z",
    "date": "2030-01-31",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "person@example.org",
    "idn-email": "person@example.org",
    "hostname": "example.org",
    "idn-hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/",
    "url": "https://example.org/",
    "iri": "https://example.org/",
    "uri-reference": "/example",
    "iri-reference": "/example",
    "uri-template": "/example/{id}",
    "json-pointer": "/example",
    "relative-json-pointer": "0",
    "regex": "^.*$",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "byte": "ZXhhbXBsZQ==",
    "binary": "",
    "decimal": "1.00",
    "int32": "1",
    "int64": "1",
}


@functools.lru_cache(maxsize=2000)
def _checker(pattern: str) -> Any:
    options = jsonschema_rs.FancyRegexOptions(backtrack_limit=_BACKTRACKING)
    try:
        return jsonschema_rs.validator_for({"type": "string", "pattern": pattern}, pattern_options=options, offline=True)
    except (ValueError, jsonschema_rs.ValidationError):
        return None


def _whole(value: object, default: int) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 10**9 else default


@functools.lru_cache(maxsize=2000)
def _text_by_pattern(pattern: str, least: int, most: int) -> str | None:
    checker = _checker(pattern)
    if checker is None:
        return None
    for extra in dict.fromkeys((0, 1, 2, 3, least, max(least - 1, 0), max(least - 2, 0))):
        try:
            text = text_for(pattern, min(extra, _LONGEST))
        except TooDifficultError:
            return None
        if least <= len(text) <= most and checker.is_valid(text):
            return text
    return None


def text(schema: Mapping[str, Any]) -> str:
    """Return a text for a schema: by its pattern, else its format, else a plain one, as long as it asks for."""
    least, most = min(_whole(schema.get("minLength"), 0), _LONGEST), _whole(schema.get("maxLength"), _LONGEST)
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        found = _text_by_pattern(pattern, least, most)
        if found is not None:
            return found
    kind = schema.get("format")
    plain = FORMATS.get(kind, "string") if isinstance(kind, str) else "string"
    return (plain + "x" * (least - len(plain)))[:most]


def number(schema: Mapping[str, Any], *, is_whole: bool) -> int | float:
    """Return a number within the schema's bounds, a multiple of what it asks for."""
    low, high = _bounds(schema, step=1 if is_whole else 0.5)
    multiple = schema.get("multipleOf")
    step = multiple if isinstance(multiple, int | float) and multiple > 0 else None
    value: int | float = 1 if is_whole else 1.0
    if low is not None and value < low:
        value = low
    if high is not None and value > high:
        value = high
    if step is not None:
        value = _multiple(value, step, math.ceil)
        if high is not None and value > high:
            value = _multiple(high, step, math.floor)
    if is_whole:
        whole = math.ceil(value)
        return whole if high is None or whole <= high else math.floor(high)
    return value


def _multiple(value: float, step: float, to_whole: Callable[[float], int]) -> float:
    """Return the multiple of a step that is next to a number, or the number itself where there are too many steps to count."""
    try:
        return to_whole(value / step) * step
    except OverflowError:
        return value


def _bounds(schema: Mapping[str, Any], step: float) -> tuple[float | None, float | None]:
    """Return the least and the greatest number; exclusive bounds come as booleans (3.0) or as numbers (3.1)."""
    low, high = _number(schema.get("minimum")), _number(schema.get("maximum"))
    under, over = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    low_open, high_open = _number(under), _number(over)
    if under is True and low is not None:
        low_open = low
    if over is True and high is not None:
        high_open = high
    if low_open is not None and high_open is not None and high_open - low_open <= step:
        middle = (low_open + high_open) / 2
        return middle, middle
    if low_open is not None:
        low = max(low_open + step, low if low is not None else -math.inf)
    if high_open is not None:
        high = min(high_open - step, high if high is not None else math.inf)
    return low, high


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
