"""How to ask what was found out about files."""

from collections.abc import Mapping

from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.identity.files.access import Viewers
from services.identity.findings import access
from services.identity.findings.access import Finder, Found


class _Handlers:
    def __init__(self, viewers: Mapping[str, Viewers], finders: Mapping[str, Finder]) -> None:
        self._viewers = viewers
        self._finders = finders

    async def findings_by_file(self, asked: Asked) -> Json:
        found = await self._found(asked)
        return [found[key].finding if key in found else None for key in asked.ids]

    async def examinations_by_file(self, asked: Asked) -> Json:
        found = await self._found(asked)
        return [found[key].judging if key in found else None for key in asked.ids]

    async def _found(self, asked: Asked) -> dict[str, Found]:
        return await access.visible(asked.reader(), asked.ids, self._viewers, self._finders)


def routes(edge: Edge, viewers: Mapping[str, Viewers], finders: Mapping[str, Finder]) -> list[BaseRoute]:
    """Return the routes of findings; by the prefix of what a file hangs on, who may see it and where its finding is kept."""
    handlers = _Handlers(viewers, finders)
    r = Routes(edge)
    r.load("findings_by_file", handlers.findings_by_file)
    r.load("examinations_by_file", handlers.examinations_by_file)
    return r.collected
