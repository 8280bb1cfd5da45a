"""How to ask how upstreams are found."""

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.enforcement.upstreams.access import Named, Upstreams


class _Key(BaseModel):
    """An upstream: the version's, and the address that the asker knows."""

    model_config = ConfigDict(extra="forbid")

    version_id: str
    url: str


def _read(key: object) -> Named | None:
    try:
        given = _Key.model_validate(key)
    except ValidationError:
        return None  # what cannot be a key is nothing that was heard of
    return Named(given.version_id, given.url)


def routes(edge: Edge, upstreams: Upstreams) -> list[BaseRoute]:
    """Return the routes of upstreams."""

    async def upstream_states(asked: Asked) -> Json:
        found = await upstreams.states(asked.reader(), [_read(each) for each in asked.keys])
        return [None if each is None else each.row() for each in found]

    r = Routes(edge)
    r.load("upstream_states", upstream_states)
    return r.collected
