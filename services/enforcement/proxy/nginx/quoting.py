"""How texts stand in nginx's configuration."""

import json

from chassis.errors import HELP_BASE
from services.enforcement.proxy import plane as shared

_DOLLAR = "${portico_dollar}"


class PathNotUsable(ValueError):  # noqa: N818 - named as the fact that it reports
    """What has this character in its name cannot stand in nginx's configuration; choose another name."""


def quoted(text: str) -> str:
    """Return a text as one word of the configuration, with nothing in it that means a variable. Raises ``PathNotUsable``."""
    if "$" in text or "\n" in text:
        raise PathNotUsable(PathNotUsable.__doc__)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(text: str) -> str:
    """Return a text as a part of a word between double quotes, in which it means itself. Raises ``PathNotUsable``."""
    if "\n" in text:
        raise PathNotUsable(PathNotUsable.__doc__)
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("$", _DOLLAR)


def problem(code: str, status: int) -> str:
    """Return a problem document of the proxy's own, as what a place returns."""
    sentence = shared.SAYS[code]
    kind = HELP_BASE + code.lower().replace("_", "-")
    told = {"type": kind, "title": sentence, "detail": sentence, "status": status, "code": code, "request_id": "$request_id"}
    return f"'{json.dumps(told, separators=(',', ':'))}'"
