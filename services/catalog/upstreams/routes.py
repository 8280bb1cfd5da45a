"""How to ask about upstreams over HTTP."""

from dataclasses import asdict

from starlette.routing import BaseRoute

from chassis.outward import Allowed
from chassis.web import Asked, Edge, Json, Routes
from services.catalog.products.access import version_to_manage
from services.catalog.products.rows import Rows
from services.catalog.upstreams import access, actions
from services.catalog.upstreams.domain import usable
from services.catalog.upstreams.inputs import SetUpstream


class UpstreamRoutes:
    """The handlers of this noun; ``allowed`` says where calls may go in this place."""

    def __init__(self, rows: Rows, allowed: Allowed) -> None:
        self._rows = rows
        self._allowed = allowed

    async def set_upstream(self, asked: Asked) -> Json:
        """Answer ``/do/set_upstream``: strangers learn nothing about the address that they give."""
        wanted = asked.read(SetUpstream)
        await version_to_manage(asked.reader(), wanted.version_id)
        given = wanted.upstream()
        upstream = None if given is None else usable(given, self._allowed)
        product = await asked.transact(lambda tx: actions.set_upstream(tx, wanted.version_id, upstream))
        found = product.version(wanted.version_id)
        assert found is not None
        return self._rows.version(product, *found)

    async def upstreams_by_version(self, asked: Asked) -> list[Json]:
        """Answer ``/load/upstreams_by_version``: for the provider's members."""
        found = await access.visible_upstreams(asked.reader(), asked.ids)
        return [{"version_id": each, **asdict(found[each])} if each in found else None for each in asked.ids]


def routes(edge: Edge, rows: Rows, allowed: Allowed) -> list[BaseRoute]:
    """Return the routes of this noun."""
    r, handlers = Routes(edge), UpstreamRoutes(rows, allowed)
    r.do("set_upstream", handlers.set_upstream)
    r.load("upstreams_by_version", handlers.upstreams_by_version)
    return r.collected
