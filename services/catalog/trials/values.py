"""Parameters: from the texts that somebody gives to values, and from values to what is written. Pure.

How a value is written is said by the document (``style``, ``explode``); OpenAPI takes the forms from RFC 6570.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

from services.catalog.trials.contract import Parameter

Says = Callable[[Any], bool | None]
_DELIMITERS = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}


def chosen(texts: Sequence[str], accepts: Says, is_of_type: Says) -> Any:
    """Return the value that texts stand for: of what they can be read as, the first that the schema accepts.

    One text may be the value itself, JSON, or the one item of a list; several are the items of a list. Where the schema accepts
    none of it, the first that is at least of its type is returned: digits stay a text where a text is asked for.
    """
    read = [_read(text) for text in texts]
    if len(texts) > 1:
        readings: list[Any] = [list(texts), read]
    else:
        readings = [texts[0], read[0], [texts[0]], [read[0]]]
    for fits in (accepts, is_of_type):
        for each in readings:
            if fits(each) is not False:
                return each
    return read if len(texts) > 1 else read[0]


def _read(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return text


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def text_of(value: Any) -> str:
    """Return a value as it stands in a path, a query or a header: texts as they are, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _encoded(value: Any) -> str:
    return quote(text_of(value), safe="")


def _flat(value: dict[str, Any], between: str) -> list[str]:
    return [f"{_encoded(key)}{between}{_encoded(each)}" for key, each in value.items()]


def in_path(parameter: Parameter, value: Any) -> str:
    """Return a value as its place in the path takes it, percent-encoded."""
    prefix, separator = {"label": (".", "."), "matrix": (";", ";")}.get(parameter.style, ("", ","))
    name = _encoded(parameter.name)
    if parameter.is_json or not isinstance(value, list | dict):
        return f"{prefix}{name}={_encoded(value)}" if parameter.style == "matrix" else prefix + _encoded(value)
    if isinstance(value, dict):
        parts = _flat(value, "=") if parameter.explodes else _flat(value, ",")
        is_named = parameter.style == "matrix" and not parameter.explodes
    else:
        parts = [_encoded(each) for each in value]
        is_named = parameter.style == "matrix" and not parameter.explodes
        if parameter.style == "matrix" and parameter.explodes:
            parts = [f"{name}={each}" for each in parts]
    if not parameter.explodes:
        separator = ","
    return f"{prefix}{name}={separator.join(parts)}" if is_named else prefix + separator.join(parts)


def in_query(parameter: Parameter, value: Any) -> list[str]:
    """Return a value as pairs of the query, percent-encoded."""
    name = _encoded(parameter.name)
    if parameter.is_json or not isinstance(value, list | dict):
        return [f"{name}={_encoded(value)}"]
    if isinstance(value, dict):
        if parameter.style == "deepObject":
            return [f"{name}%5B{_encoded(key)}%5D={_encoded(each)}" for key, each in value.items()]
        return _flat(value, "=") if parameter.explodes else [f"{name}={','.join(_flat(value, ','))}"]
    if parameter.explodes:
        return [f"{name}={_encoded(each)}" for each in value]
    return [f"{name}={_DELIMITERS.get(parameter.style, ',').join(_encoded(each) for each in value)}"]


def in_header(parameter: Parameter, value: Any) -> str:
    """Return a value as a header has it."""
    if parameter.is_json or not isinstance(value, list | dict):
        return text_of(value)
    if isinstance(value, dict):
        between = "=" if parameter.explodes else ","
        return ",".join(f"{key}{between}{text_of(each)}" for key, each in value.items())
    return ",".join(text_of(each) for each in value)


def in_cookie(parameter: Parameter, value: Any) -> list[str]:
    """Return a value as cookies, percent-encoded."""
    return in_query(parameter, value)
