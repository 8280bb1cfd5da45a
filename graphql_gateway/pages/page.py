"""A page that is one file, answered with a policy that lets run what stands in it and nothing else."""

import base64
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from starlette.responses import HTMLResponse

_HERE = Path(__file__).parent
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
_NOTHING_ELSE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; connect-src 'self'"


class Page:
    """One of the files beside this module; ``more`` is what its policy allows beside its own scripts and styles.

    ``{{style}}`` in a file stands for the one style of all pages: it is put in before the policy is written.
    """

    def __init__(self, name: str, more: Mapping[str, str] | None = None) -> None:
        self._html = (_HERE / name).read_text("utf-8").replace("{{style}}", (_HERE / "style.css").read_text("utf-8"))
        allowed = {"script-src": "", "style-src": "", "img-src": "data:", **(more or {})}
        for kind, text in _INLINE.findall(self._html):
            # Beside a digest, 'unsafe-inline' would mean nothing: a page has the one or the other.
            if "'unsafe-inline'" not in allowed[f"{kind}-src"]:
                allowed[f"{kind}-src"] += f" '{_digest(text)}'"
        self._policy = "; ".join([_NOTHING_ELSE, *(f"{kind} {what.strip()}" for kind, what in allowed.items() if what)])

    def response(self, filled: Mapping[str, str] | None = None) -> HTMLResponse:
        """Return the page, with ``{{name}}`` replaced; nothing of the request stands in it."""
        html = self._html
        for name, value in (filled or {}).items():
            html = html.replace(f"{{{{{name}}}}}", value)
        headers = {
            "content-security-policy": self._policy,
            "cache-control": "no-cache",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
        }
        return HTMLResponse(html, headers=headers)


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
