"""What to do about a field that cannot be read, in plain words: the library that reads input speaks of its own types."""

from collections.abc import Mapping
from typing import Any

_PLAIN = {
    "missing": "this is missing",
    "extra_forbidden": "there is no such field: leave it out",
    "string_type": "give a text",
    "bool_type": "give true or false",
    "bool_parsing": "give true or false",
    "int_type": "give a whole number",
    "int_parsing": "give a whole number",
    "int_from_float": "give a whole number",
    "float_type": "give a number",
    "float_parsing": "give a number",
    "list_type": "give a list",
    "tuple_type": "give a list",
    "dict_type": "give an object",
    "model_type": "give an object",
    "model_attributes_type": "give an object",
    "datetime_type": "give a moment, as in 2027-01-31T12:00:00Z",
    "datetime_parsing": "give a moment, as in 2027-01-31T12:00:00Z",
    "datetime_from_date_parsing": "give a moment, as in 2027-01-31T12:00:00Z",
    "timezone_aware": "give a moment with its offset from UTC, as in 2027-01-31T12:00:00Z",
}
_BOUND = {
    "string_too_short": ("min_length", "give at least {} characters"),
    "too_short": ("min_length", "give at least {}"),
    "too_long": ("max_length", "give at most {}"),
    "string_too_long": ("max_length", "give at most {} characters"),
    "greater_than_equal": ("ge", "give {} or more"),
    "greater_than": ("gt", "give more than {}"),
    "less_than_equal": ("le", "give {} or less"),
    "less_than": ("lt", "give less than {}"),
    "enum": ("expected", "give one of {}"),
    "literal_error": ("expected", "give one of {}"),
}


def mend_of(problem: Mapping[str, Any]) -> str:
    """Return what mends one of pydantic's problems. A rule of ours says so itself."""
    kind, bounds = str(problem["type"]), problem.get("ctx") or {}
    if kind in _PLAIN:
        return _PLAIN[kind]
    if kind == "string_too_short" and bounds["min_length"] == 1:
        return "this may not be empty"
    if kind in _BOUND:
        name, words = _BOUND[kind]
        return words.format(str(bounds[name]).replace("'", ""))
    return str(problem["msg"]).removeprefix("Value error, ")
