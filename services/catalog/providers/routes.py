"""How to ask about providers over HTTP."""

from pydantic import BaseModel, ConfigDict, Field
from starlette.routing import BaseRoute

from chassis.web import Asked, Edge, Json, Routes
from services.catalog.providers import actions


class GrantProviderStanding(BaseModel):
    """The input of ``grant_provider_standing``."""

    model_config = ConfigDict(extra="forbid")

    organization_id: str = Field(max_length=64)


async def grant_provider_standing(asked: Asked) -> Json:
    """Answer ``/do/grant_provider_standing``."""
    wanted = asked.read(GrantProviderStanding)
    name = await asked.transact(lambda tx: actions.grant_provider_standing(tx, wanted.organization_id))
    return {"organization_id": wanted.organization_id, "name": name}


async def provider_standing_by_organization(asked: Asked) -> list[Json]:
    """Answer ``/load/provider_standing_by_organization``: whether each organization is a provider."""
    return list(await actions.standings(asked.reader(), asked.ids))


def routes(edge: Edge) -> list[BaseRoute]:
    """Return the routes of this noun."""
    r = Routes(edge)
    r.do("grant_provider_standing", grant_provider_standing)
    r.load("provider_standing_by_organization", provider_standing_by_organization)
    return r.collected
