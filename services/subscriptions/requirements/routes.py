"""How to ask over HTTP what stands in the way of a call."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints
from starlette.routing import BaseRoute

from chassis.web import Asked as Request
from chassis.web import Edge, Json, Routes, read_input
from services.subscriptions.requirements import access
from services.subscriptions.requirements.domain import Asked, Requirement, next_step

Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Key(BaseModel):
    """One question: about which product, for which application or organization."""

    model_config = ConfigDict(extra="forbid")

    product_id: Id
    application_id: str | None = None
    organization_id: str | None = None


def _asked(key: object) -> Asked:
    given = read_input(Key, key)
    return Asked(given.product_id, given.application_id, given.organization_id)


def _row(requirement: Requirement) -> dict[str, Any]:
    return {
        "kind": requirement.kind.value,
        "state": requirement.state.value,
        "waits_for": requirement.waits_for.value,
        "verb": requirement.verb,
        "thing_id": requirement.thing_id,
        "step": requirement.step,
        "reason": requirement.reason,
    }


async def _load(request: Request) -> Json:
    found = await access.ways(request.reader(), [_asked(key) for key in request.keys])
    return [None if way is None else [_row(each) for each in way] for way in found]


async def _load_next(request: Request) -> Json:
    steps = [
        None if way is None else next_step(way) for way in await access.ways(request.reader(), list(map(_asked, request.keys)))
    ]
    return [None if step is None else _row(step) for step in steps]


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes."""
    r = Routes(edge)
    r.load("requirements", _load)
    r.load("next_requirements", _load_next)
    return r.collected
