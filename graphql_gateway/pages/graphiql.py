"""GraphiQL at ``/graphql``, from files of this machine: `make graphiql` fetches them, and nothing is loaded from elsewhere."""

from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from graphql_gateway.pages.page import Page

FILES: Mapping[str, str] = {
    "react.production.min.js": "text/javascript",
    "react-dom.production.min.js": "text/javascript",
    "graphiql.min.js": "text/javascript",
    "graphiql.min.css": "text/css",
}
# GraphiQL's stylesheet holds its fonts and images, and its editors write styles into the page.
_NEEDED = {"script-src": "'self'", "style-src": "'self' 'unsafe-inline'", "font-src": "data:"}
_FOR_EVER = "public, max-age=31536000, immutable"


class Graphiql:
    """The page and the files it loads; where the files are missing, a page that says how to get them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._page = Page("graphiql.html", _NEEDED)
        self._missing = Page("graphiql-missing.html")

    def page(self) -> Response:
        """Return the page that can be shown now: the files may arrive while the gateway runs."""
        addresses = {name: self._address(name) for name in FILES}
        if None in addresses.values():
            return self._missing.response()
        return self._page.response({name: address for name, address in addresses.items() if address is not None})

    def routes(self) -> list[BaseRoute]:
        """Return the route of the files."""

        async def file(request: Request) -> Response:
            name = request.path_params["name"]
            address = self._address(name) if name in FILES else None
            if address is None:
                return PlainTextResponse("There is no such file.", 404)
            # Only the address that the page names now stands for exactly this content.
            is_current = address.endswith(f"?{request.url.query}")
            headers = {"cache-control": _FOR_EVER if is_current else "no-cache", "x-content-type-options": "nosniff"}
            return FileResponse(self._folder / name, headers=headers, media_type=FILES[name])

        return [Route("/graphiql/{name}", file, methods=["GET"])]

    def _address(self, name: str) -> str | None:
        """Return the address of a file as it is now: another one after the file has changed. None where it is missing."""
        try:
            found = (self._folder / name).stat()
        except OSError:
            return None
        return f"/graphiql/{name}?v={found.st_mtime_ns:x}-{found.st_size:x}"
